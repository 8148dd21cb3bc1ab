/** Says whether the odds are live, and how old they are. */

import { formatAge } from "../odds/format.ts";
import { live, useFreshness } from "../odds/live.ts";
import { t } from "../strings/index.ts";
import { useTick } from "./hooks.ts";

export function LivePill() {
  const state = useFreshness();
  return (
    <p className="live" data-state={state}>
      <span className="dot" aria-hidden="true" />
      <span role="status">{t.live[state]}</span>
      <Age isLive={state === "live"} />
    </p>
  );
}

function Age({ isLive }: { isLive: boolean }) {
  useTick(1000);
  if (live.heardAt === null) return null;
  const age = formatAge(performance.now() - live.heardAt);
  return <span className="age">{isLive ? age : t.live.old(age)}</span>;
}
