/** A receipt that this browser keeps: checked, exported, and enforced without the operator. */

import { useState } from "react";

import { answered, api } from "../api/client.ts";
import { queryClient } from "../api/queries.ts";
import { formatMoment } from "../odds/format.ts";
import { useAcceptedSlip } from "../session/account.ts";
import type { Kept } from "../slip/journal.ts";
import { verify } from "../slip/placing.ts";
import { t } from "../strings/index.ts";
import { Fault } from "../ui/Fault.tsx";
import { Hash } from "../ui/Hash.tsx";
import { engine, useWallet } from "../wallet/state.ts";
import { download, json } from "./download.ts";

export function ReceiptCard({ slip }: { slip: Kept }) {
  const [error, setError] = useState<unknown>(null);
  const [done, setDone] = useState("");
  const [isBusy, setBusy] = useState(false);
  const answer = slip.answer;
  const { address } = useWallet();
  const { data: shown } = useAcceptedSlip(answer?.id, address, ({ status }) => status === "placed");
  if (answer === undefined) return null;
  const enforce = async () => {
    setBusy(true);
    setError(null);
    try {
      const wallet = await engine();
      const path = { slip: answer.id };
      const call = await answered(api.GET("/v1/slips/{slip}/enforcement", { params: { path } }));
      await wallet.send(wallet.contracts.sportsbook, call.data);
      setDone(t.bets.enforced);
      void queryClient.invalidateQueries({ queryKey: ["bets"] });
    } catch (failed) {
      setError(failed);
    } finally {
      setBusy(false);
    }
  };
  const isOpen = shown !== undefined && shown.status !== "placed" && shown.status !== "expired";
  return (
    <li className="card bet">
      {slip.titles.map((title) => (
        <p key={title}>{title}</p>
      ))}
      <p className="small muted">
        {t.bets.at} {formatMoment(answer.accepted_at_s)} · {t.bets.receipt} <Hash hash={answer.slip_hash} isTransaction={false} />
      </p>
      {slip.verified === true && <p className="good small">{t.slip.receiptGood}</p>}
      {slip.verified === false && <p className="notice">{t.slip.receiptBad}</p>}
      {slip.verified === undefined && (
        <button type="button" className="button" onClick={() => void verify(slip).catch(setError)}>
          {t.bets.check}
        </button>
      )}
      <div className="actions">
        <button type="button" className="button" onClick={() => download(`fairline-receipt-${slip.body.nonce}.json`, json(slip))}>
          {t.bets.export}
        </button>
        {isOpen && (
          <button type="button" className="button" disabled={isBusy} onClick={() => void enforce()}>
            {t.bets.enforce}
          </button>
        )}
      </div>
      {isOpen && <p className="muted small">{t.bets.enforceNote(formatMoment(answer.enforce_until_s))}</p>}
      {done && <p className="good small">{done}</p>}
      {error !== null && <Fault error={error} />}
    </li>
  );
}
