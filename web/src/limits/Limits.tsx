/** The limits that an owner sets for deposits, stakes and losses. */

import { useState } from "react";

import { useRoomy, useUnit } from "../app/hooks.ts";
import { formatMicro, formatMoment } from "../odds/format.ts";
import { t } from "../strings/index.ts";
import { Fault } from "../ui/Fault.tsx";
import { setOwnLimits, type OwnLimits } from "./own_limits.ts";
import { editOf, KINDS, type Edit, type OwnLimit } from "./rules.ts";

const nameOf = ({ kind, period }: OwnLimit) => `${kind}-${period}`;
const typed = (micro: string | null) => (micro === null ? "" : formatMicro(micro, 2).replaceAll(t.number.group, ""));

export function Limits({ account, own }: { account: number; own: OwnLimits }) {
  const [texts, setTexts] = useState<Readonly<Record<string, string>>>({});
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const [done, setDone] = useState("");
  const unit = useUnit();
  const roomy = useRoomy();
  const textOf = (limit: OwnLimit) => texts[nameOf(limit)] ?? typed(limit.limit_micro);
  const edits = own.limits.map((limit) => editOf(limit, textOf(limit)));
  const sets = edits.flatMap(({ set }) => set ?? []);
  const isFaulty = edits.some(({ fault }) => fault !== undefined);
  const summary = (kind: OwnLimit["kind"]) => {
    const set = own.limits.filter((limit) => limit.kind === kind && limit.limit_micro !== null);
    const shown = set.map(({ limit_micro, period }) => `${formatMicro(limit_micro ?? "0", 2)} ${unit} ${t.limits.per[period]}`);
    return shown.join(", ") || t.limits.none;
  };
  const save = async (limits: typeof sets) => {
    if (isBusy) return;
    setBusy(true);
    setError(null);
    setDone("");
    try {
      await setOwnLimits(account, { limits });
      setTexts({});
      setDone(t.limits.saved);
    } catch (failed) {
      setError(failed);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      className="limits"
      onSubmit={(event) => {
        event.preventDefault();
        void save(sets);
      }}
    >
      <p className="muted small">{t.limits.note}</p>
      <div className="cards">
        {KINDS.map((kind) => (
          <details key={kind} className="card" open={roomy}>
            <summary>
              <strong>{t.limits.kinds[kind]}</strong> <span className="muted small">{summary(kind)}</span>
            </summary>
            <fieldset disabled={isBusy}>
              <legend className="hidden">{t.limits.kinds[kind]}</legend>
              {own.limits.map((limit, at) =>
                limit.kind === kind ? (
                  <Field
                    key={nameOf(limit)}
                    limit={limit}
                    edit={edits[at] ?? {}}
                    text={textOf(limit)}
                    onChange={(text) => {
                      setDone("");
                      setTexts({ ...texts, [nameOf(limit)]: text });
                    }}
                    onKeep={() => void save([{ kind, period: limit.period, limit_micro: limit.limit_micro }])}
                  />
                ) : null,
              )}
            </fieldset>
          </details>
        ))}
      </div>
      <button type="submit" className="button primary" disabled={isBusy || isFaulty || sets.length === 0}>
        {t.limits.save}
      </button>
      <div aria-live="polite">
        {done && <p className="good">{done}</p>}
        {error !== null && <Fault error={error} />}
      </div>
    </form>
  );
}

interface FieldProps {
  limit: OwnLimit;
  edit: Edit;
  text: string;
  onChange: (text: string) => void;
  onKeep: () => void;
}

function Field({ limit, edit, text, onChange, onKeep }: FieldProps) {
  const unit = useUnit();
  const id = `limit-${nameOf(limit)}`;
  const amount = (micro: string) => `${formatMicro(micro, 2)} ${unit}`;
  const { fault, when } = edit;
  const used =
    limit.left_micro === null
      ? t.limits.used(amount(limit.used_micro))
      : t.limits.left(amount(limit.used_micro), amount(limit.left_micro));
  return (
    <div className="limit">
      <label htmlFor={id}>{t.limits.periods[limit.period]}</label>
      <div className="amount">
        <input
          id={id}
          className="input"
          inputMode="decimal"
          autoComplete="off"
          placeholder={t.limits.none}
          value={text}
          aria-invalid={fault !== undefined}
          aria-describedby={`${id}-note`}
          onChange={(event) => onChange(event.target.value)}
        />
        <span className="unit">{unit}</span>
      </div>
      <p id={`${id}-note`} className={fault ? "fault small" : "muted small"}>
        {fault ? t.limits.faults[fault] : when ? <strong>{t.limits.when[when]}</strong> : used}
      </p>
      {limit.next_from_s !== null && (
        <p className="small">
          {t.limits.next(formatMoment(limit.next_from_s), limit.next_limit_micro === null ? t.limits.none : amount(limit.next_limit_micro))}{" "}
          <button type="button" className="plain" onClick={onKeep}>
            {t.limits.keep(amount(limit.limit_micro ?? "0"))}
          </button>
        </p>
      )}
    </div>
  );
}
