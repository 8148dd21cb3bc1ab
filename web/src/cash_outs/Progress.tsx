/** Where signed cash-outs are on their way to the chain. */

import { useUnit } from "../app/hooks.ts";
import { formatMicro } from "../odds/format.ts";
import { t } from "../strings/index.ts";
import { Hash } from "../ui/Hash.tsx";
import { dismiss, isOver, useCashOuts, type CashOut } from "./journal.ts";

const STEPS = ["signed", "accepted", "submitted", "paid"] as const;

export function CashOutsOnTheirWay({ owner }: { owner: string }) {
  const cashOuts = useCashOuts(owner);
  if (cashOuts.length === 0) return null;
  return (
    <ul className="bets cash-outs" aria-label={t.cashOut.title}>
      {cashOuts.map((one) => (
        <li key={one.id} className="card">
          {one.titles.map((title) => (
            <p key={title} className="small">
              {title}
            </p>
          ))}
          <Progress cashOut={one} />
          {isOver(one) && (
            <button type="button" className="plain small" onClick={() => dismiss(one.id)}>
              {t.slip.hide}
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}

export function Progress({ cashOut }: { cashOut: CashOut }) {
  const unit = useUnit();
  const amount = (micro: string) => `${formatMicro(micro, 2)} ${unit}`;
  const { state, priceMicro, stakeMicro, restMicro, why, txHash } = cashOut;
  if (state === "expired" || state === "failed") {
    return (
      <p className="notice" role="alert">
        {why ?? t.cashOut.ends[state]} {t.cashOut.goesOn}
      </p>
    );
  }
  const reached = STEPS.indexOf(state);
  return (
    <div className="cash-out-steps">
      <p>
        <strong>{t.cashOut.forPart(amount(priceMicro), amount(stakeMicro))}</strong>
      </p>
      <ol className="steps">
        {STEPS.map((step, at) => (
          <li key={step} data-done={at <= reached}>
            {t.cashOut.steps[step]}
            {step === "paid" && state === "paid" && txHash && <Hash hash={txHash} />}
          </li>
        ))}
      </ol>
      <p role="status" className={state === "paid" ? "good" : "muted small"}>
        {state === "paid" ? t.cashOut.paid(amount(priceMicro)) : t.cashOut.onItsWay}
        {state === "paid" && restMicro !== "0" && <> {t.cashOut.restStays(amount(restMicro))}</>}
      </p>
    </div>
  );
}
