/** Where this account is signed in, and how to end each of it. */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { api, type Schemas } from "../api/client.ts";
import { queryClient } from "../api/queries.ts";
import { formatEnd, formatMoment } from "../odds/format.ts";
import { t } from "../strings/index.ts";
import { Fault } from "../ui/Fault.tsx";
import { deviceOf } from "./device.ts";
import { privately, signOut } from "./state.ts";

const QUERY_KEY = ["private", "sessions"];

export function Sessions() {
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const { data, error: unread } = useQuery({
    queryKey: QUERY_KEY,
    queryFn: () => privately(api.GET("/v1/sessions")),
  });
  const run = async (what: () => Promise<void>) => {
    setBusy(true);
    setError(null);
    try {
      await what();
    } catch (failed) {
      setError(failed);
    } finally {
      setBusy(false);
      void queryClient.invalidateQueries({ queryKey: QUERY_KEY });
    }
  };
  const end = async ({ id, current }: Schemas["SessionPublic"]) => {
    if (current) return signOut();
    await privately(api.DELETE("/v1/sessions/{session_id}", { params: { path: { session_id: id } } }));
  };
  const others = data?.sessions.filter((one) => !one.current) ?? [];
  return (
    <section aria-labelledby="sessions-title">
      <h2 id="sessions-title">{t.session.title}</h2>
      <p className="muted small">{t.session.listNote}</p>
      <ul className="rows">
        {data?.sessions.map((one) => (
          <li key={one.id}>
            <span>
              <span title={one.user_agent}>{deviceOf(one.user_agent)}</span>{" "}
              {one.current && <span className="tag calm">{t.session.thisOne}</span>}
              <span className="muted small">
                {t.session.times(formatMoment(one.created_s), formatMoment(one.seen_s), formatEnd(one.expires_at_s))}
              </span>
            </span>
            <button type="button" className="button" disabled={isBusy} onClick={() => void run(() => end(one))}>
              {one.current ? t.session.signOut : t.session.end}
            </button>
          </li>
        ))}
      </ul>
      {others.length > 0 && (
        <button type="button" className="button" disabled={isBusy} onClick={() => void run(() => signOut(true))}>
          {t.session.signOutAll}
        </button>
      )}
      {error !== null && <Fault error={error} />}
      {unread && <Fault error={unread} />}
    </section>
  );
}
