/** What moves money: one thing at a time, how far it is, and the field of an amount. */

import { useCallback, useRef, useState } from "react";

import { queryClient } from "../api/queries.ts";
import { useUnit } from "../app/hooks.ts";
import { formatMicro } from "../odds/format.ts";
import { readAmount } from "../slip/amounts.ts";
import { t } from "../strings/index.ts";
import { Fault } from "../ui/Fault.tsx";
import type { Step } from "./money.ts";

/** Runs one thing at a time, and says how far it is, what failed, or that it is done. `run` resolves with whether it
 * was done. */
export function useAction(owner: string) {
  const [step, setStep] = useState<Step | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [done, setDone] = useState("");
  // A second click comes before the first one is painted.
  const runs = useRef(false);
  const run = async (what: (tell: (step: Step) => void) => Promise<void>, said: string) => {
    if (runs.current) return false;
    runs.current = true;
    setStep("checking");
    setError(null);
    setDone("");
    try {
      await what(setStep);
      setDone(said);
      return true;
    } catch (failed) {
      setError(failed);
      return false;
    } finally {
      runs.current = false;
      setStep(null);
      for (const key of [["account", owner], ["holdings", owner], ["movements"], ["withdrawals"], ["exit"], ["relays", owner], ["private", "limits"]]) {
        void queryClient.invalidateQueries({ queryKey: key });
      }
    }
  };
  const forget = useCallback(() => setError(null), []);
  return { step, error, done, run, forget, isBusy: step !== null };
}

type Action = ReturnType<typeof useAction>;

export function Outcome({ action, onRetry }: { action: Action; onRetry?: () => void }) {
  return (
    <div aria-live="polite">
      {action.step && <p className="small">{t.account.steps[action.step]}</p>}
      {action.done && <p className="good">{action.done}</p>}
      {action.error !== null && <Fault error={action.error} {...(onRetry ? { onRetry } : {})} />}
    </div>
  );
}

interface AmountFieldProps {
  id: string;
  label: string;
  value: string;
  onChange: (value: string) => void;
  allMicro: bigint | undefined;
  isLocked: boolean;
}

export function AmountField({ id, label, value, onChange, allMicro, isLocked }: AmountFieldProps) {
  const unit = useUnit();
  const read = readAmount(value);
  const fault = "fault" in read ? t.slip.faults[read.fault] : "";
  return (
    <>
      <label htmlFor={id}>{label}</label>
      <div className="amount">
        <input
          id={id}
          className="input"
          inputMode="decimal"
          autoComplete="off"
          value={value}
          disabled={isLocked}
          aria-invalid={fault !== ""}
          onChange={(event) => onChange(event.target.value)}
        />
        <span className="unit">{unit}</span>
        {allMicro !== undefined && allMicro > 0n && (
          <button type="button" className="plain" disabled={isLocked} onClick={() => onChange(formatMicro(allMicro).replaceAll(t.number.group, ""))}>
            {t.account.all}
          </button>
        )}
      </div>
      {fault && <p className="fault small">{fault}</p>}
    </>
  );
}
