/** The slips that were signed last in this browser, each with its way to the chain. */

import { useState } from "react";

import { Refusal } from "../api/client.ts";
import { explain } from "../app/explain.ts";
import { useUnit } from "../app/hooks.ts";
import { usePreferences } from "../app/preferences.ts";
import { formatMicro, formatMoment, formatOdds } from "../odds/format.ts";
import { useAcceptedSlip } from "../session/account.ts";
import { t } from "../strings/index.ts";
import { Hash } from "../ui/Hash.tsx";
import { useWallet } from "../wallet/state.ts";
import { productDown } from "./amounts.ts";
import { isFresh, useJournal, type Kept } from "./journal.ts";

/** As many as can wait at a time. */
const MOST = 8;

export function RecentSlips() {
  const { address } = useWallet();
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const owner = address?.toLowerCase();
  const recent = useJournal()
    // Older ones are in My bets.
    .filter((slip) => slip.owner === owner && isFresh(slip.hash) && !hidden.has(slip.hash))
    .slice(0, MOST);
  if (recent.length === 0) return null;
  return (
    <section className="recent">
      <h3>{t.slip.recent}</h3>
      <ul>
        {recent.map((slip) => (
          <li key={slip.hash}>
            <Progress slip={slip} />
            {slip.state !== "signed" && (
              <button type="button" className="plain small" onClick={() => setHidden(new Set([...hidden, slip.hash]))}>
                {t.slip.hide}
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

type Step = keyof typeof t.slip.steps;

interface Reached {
  step: Step;
  atS?: number;
  hash?: string;
}

function Progress({ slip }: { slip: Kept }) {
  const unit = useUnit();
  const { odds: format } = usePreferences();
  const { reached, end } = useProgress(slip);
  const refusal = slip.refusal;
  return (
    <div className="progress" data-state={slip.state}>
      {slip.titles.map((title) => (
        <p key={title} className="small">
          {title}
        </p>
      ))}
      <p className="small">
        {formatMicro(slip.body.stake_micro, 2)} {unit}
        {slip.answer && (
          <>
            {" "}
            @ <strong>{formatOdds(productOf(slip.answer.odds_e4), format)}</strong> · {t.slip.payout.toLowerCase()}{" "}
            {formatMicro(slip.answer.payout_max_micro, 2)} {unit}
          </>
        )}
      </p>
      {refusal ? (
        <p className="notice" role="alert">
          <strong>{t.slip.refused}.</strong>{" "}
          {refusal.code === "odds-moved"
            ? t.slip.movedAtHouse(formatOdds(Number(refusal.members["product_odds_e4"]), format))
            : explain(new Refusal(0, { ...refusal.members, code: refusal.code, detail: refusal.text }), unit).text}
        </p>
      ) : (
        <ol className="steps">
          {(Object.keys(t.slip.steps) as Step[]).map((step) => {
            const done = reached.find((one) => one.step === step);
            return (
              <li key={step} data-done={done !== undefined}>
                <span>{t.slip.steps[step]}</span>
                {done?.atS !== undefined && <time className="muted small">{formatMoment(done.atS)}</time>}
                {done?.hash && <Hash hash={done.hash} />}
              </li>
            );
          })}
        </ol>
      )}
      {end && (
        <p className="notice" role="alert">
          {end}
        </p>
      )}
      {slip.verified === true && <p className="good small">{t.slip.receiptGood}</p>}
      {slip.verified === false && <p className="notice">{t.slip.receiptBad}</p>}
    </div>
  );
}

/** How far a slip has come, until it is final. */
function useProgress(slip: Kept): { reached: Reached[]; end: string | null } {
  const { address } = useWallet();
  const { data: shown } = useAcceptedSlip(
    slip.answer?.id,
    address,
    ({ status, stage }) => stage === "final" || ["refused", "expired"].includes(status),
  );
  const isPlaced = shown?.status === "placed";
  const reached: Reached[] = [
    // Two clocks: a bet is not accepted before it is signed.
    { step: "signed", atS: Math.min(slip.signedAtS, slip.answer?.accepted_at_s ?? slip.signedAtS) },
  ];
  if (slip.answer) reached.push({ step: "accepted", atS: slip.answer.accepted_at_s });
  if (shown && ["submitted", "placed"].includes(shown.status)) reached.push({ step: "submitted" });
  if (isPlaced) reached.push({ step: "placed", ...(shown.tx_hash ? { hash: shown.tx_hash } : {}) });
  if (isPlaced && ["confirmed", "final"].includes(shown.stage ?? "")) reached.push({ step: "confirmed" });
  if (isPlaced && shown.stage === "final") reached.push({ step: "final" });
  const end =
    shown?.status === "refused"
      ? t.bets.skipped(shown.reason ?? "")
      : shown?.status === "expired"
        ? t.bets.expired
        : null;
  return { reached, end };
}

function productOf(oddsE4: readonly number[]): number {
  return Number(productDown(oddsE4));
}
