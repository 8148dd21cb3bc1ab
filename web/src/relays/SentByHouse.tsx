/** What the house was given to send, and what became of it. */

import { useQuery } from "@tanstack/react-query";

import { answered, api } from "../api/client.ts";
import { formatMoment } from "../odds/format.ts";
import { useAskMs } from "../session/own.ts";
import { RELAYS_SHOWN } from "../session/pushes.ts";
import { t } from "../strings/index.ts";
import { Hash } from "../ui/Hash.tsx";

export function SentByHouse({ owner }: { owner: string }) {
  const { data } = useQuery({
    queryKey: ["relays", owner],
    queryFn: () =>
      answered(api.GET("/v1/accounts/by-owner/{owner}/relays", { params: { path: { owner }, query: { limit: RELAYS_SHOWN } } })),
    refetchInterval: useAskMs(owner),
  });
  if (!data || data.relays.length === 0) return null;
  return (
    <section aria-labelledby="relays-title">
      <h2 id="relays-title">{t.relays.title}</h2>
      <ul className="rows">
        {data.relays.map((relay) => (
          <li key={relay.relay_hash}>
            <span>
              {t.relays.kinds[relay.kind]}
              <span className="muted small"> {formatMoment(relay.received_at_s)}</span>
            </span>
            <span className={relay.status === "refused" ? "fault small" : "small"}>
              {relay.status === "refused" ? t.relays.notSent(relay.reason ?? "") : t.relays.states[relay.status]}
            </span>
            {relay.tx_hash && <Hash hash={relay.tx_hash} />}
          </li>
        ))}
      </ul>
    </section>
  );
}
