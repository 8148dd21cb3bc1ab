/** Says whether the odds are live, and how old they are while they are not. */

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
      {state !== "live" && <Age />}
    </p>
  );
}

function Age() {
  useTick(1000);
  if (live.heardAt === null) return null;
  return <span className="age">{t.live.old(formatAge(performance.now() - live.heardAt))}</span>;
}
