/** The bets that the wallet sent last, each with its way to the chain. */

import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";

import { contractsQuery } from "../api/queries.ts";
import { useUnit } from "../app/hooks.ts";
import { formatMicro } from "../odds/format.ts";
import { usePlacedBets } from "../session/account.ts";
import { t } from "../strings/index.ts";
import { Hash } from "../ui/Hash.tsx";
import { useWallet } from "../wallet/state.ts";
import { dismiss, openDirects, useDirects, type Direct } from "./journal.ts";

export function RecentDirects() {
  const { address } = useWallet();
  const { data: contracts } = useQuery(contractsQuery);
  const directs = useDirects(address);
  useEffect(() => {
    if (!contracts) return;
    for (const hash of openDirects(contracts.chain_id, contracts.sportsbook)) {
      void import("./placing.ts").then(({ followDirect }) => followDirect(hash));
    }
  }, [contracts]);
  if (directs.length === 0) return null;
  return (
    <section className="recent">
      <h3>{t.direct.recent}</h3>
      <ul>
        {directs.map((direct) => (
          <li key={direct.hash}>
            <Progress direct={direct} />
            <button type="button" className="plain small" onClick={() => dismiss(direct.hash)}>
              {t.slip.hide}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Progress({ direct }: { direct: Direct }) {
  const unit = useUnit();
  const { data } = usePlacedBets({ account: direct.account, owner: direct.owner });
  const bet = data?.bets.find(({ nonce, rest_of }) => nonce === direct.nonce && rest_of === null);
  const done = {
    sent: true,
    placed: bet !== undefined || direct.state === "mined",
    confirmed: bet !== undefined && bet.stage !== "tentative",
    final: bet?.stage === "final",
  };
  return (
    <div className="progress" data-state={direct.state}>
      {direct.titles.map((title) => (
        <p key={title} className="small">
          {title}
        </p>
      ))}
      <p className="small">
        {formatMicro(direct.stakeMicro, 2)} {unit} · {t.slip.payout.toLowerCase()} {formatMicro(direct.payoutMicro, 2)} {unit}
      </p>
      {direct.state === "failed" && !bet ? (
        <p className="notice" role="alert">
          {t.direct.failed}
        </p>
      ) : (
        <ol className="steps">
          {(Object.keys(t.direct.steps) as (keyof typeof t.direct.steps)[]).map((step) => (
            <li key={step} data-done={done[step]}>
              <span>{t.direct.steps[step]}</span>
              {step === "sent" && <Hash hash={direct.hash} />}
            </li>
          ))}
        </ol>
      )}
    </div>
  );
}
