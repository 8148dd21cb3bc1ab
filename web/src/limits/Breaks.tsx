/** A time-out, which the house keeps, and self-exclusion, which the contract enforces. Both are explained before they
 * are begun, since nobody can end them. */

import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";

import type { Account } from "../api/client.ts";
import { queryClient, typedDataQuery } from "../api/queries.ts";
import { formatEnd } from "../odds/format.ts";
import { SentBy, useSentBy } from "../relays/sent_by.tsx";
import { requestByHouse } from "../relays/sending.ts";
import { t } from "../strings/index.ts";
import { Dialog } from "../ui/Dialog.tsx";
import { Fault } from "../ui/Fault.tsx";
import { engine } from "../wallet/state.ts";
import { excludeSelf } from "./exclusion.ts";
import { setOwnLimits, type OwnLimits } from "./own_limits.ts";
import { endsFrom, EXCLUSION_DAYS, TIME_OUT_DAYS } from "./rules.ts";

export function TimeOut({ account, own }: { account: number; own: OwnLimits }) {
  const ends = endsFrom(TIME_OUT_DAYS, own.now_s, own.time_out_until_s);
  return (
    <Break
      id="time-out"
      words={t.limits.timeOut}
      ends={ends}
      untilS={own.time_out_until_s}
      begin={(untilS) => setOwnLimits(account, { time_out_until_s: untilS })}
    />
  );
}

export function Exclusion({ owner, account }: { owner: string; account: Account }) {
  const { data: typed } = useQuery(typedDataQuery);
  const choice = useSentBy("request");
  const ends = typed?.now_s ? endsFrom(EXCLUSION_DAYS, typed.now_s, account.excluded_until_s) : [];
  return (
    <Break
      id="exclusion"
      words={t.limits.exclusion}
      ends={ends}
      untilS={account.excluded_until_s}
      begin={async (untilS) => {
        if (choice.sender === "house") await requestByHouse(await engine(), account, "exclude", BigInt(untilS), () => {});
        else await excludeSelf(await engine(), untilS);
        for (const key of ["account", "relays"]) void queryClient.invalidateQueries({ queryKey: [key, owner] });
      }}
      choice={(isLocked) =>
        choice.isOffered ? <SentBy choice={choice} isLocked={isLocked} /> : <p>{t.relays.notes.wallet}</p>
      }
    />
  );
}

interface BreakProps {
  id: string;
  words: typeof t.limits.timeOut;
  /** What can be chosen. */
  ends: { days: number; untilS: number }[];
  /** The end of the one that counts. */
  untilS: number | null;
  begin: (untilS: number) => Promise<void>;
  /** What else is chosen before it begins. */
  choice?: (isLocked: boolean) => ReactNode;
}

function Break({ id, words, ends, untilS, begin, choice }: BreakProps) {
  const [days, setDays] = useState("");
  const [asked, setAsked] = useState<number | null>(null);
  const chosen = ends.find((one) => String(one.days) === days) ?? ends[0];
  return (
    <section className="card" aria-labelledby={`${id}-title`}>
      <h3 id={`${id}-title`}>{words.title}</h3>
      <p className="muted small">{words.note}</p>
      {untilS !== null && (
        <p className="notice" role="status">
          {words.counts(formatEnd(untilS))}
        </p>
      )}
      {chosen && (
        <>
          <label htmlFor={`${id}-days`}>{untilS === null ? t.limits.forTime : t.limits.extend}</label>
          <select id={`${id}-days`} className="input" value={String(chosen.days)} onChange={(event) => setDays(event.target.value)}>
            {ends.map((one) => (
              <option key={one.days} value={one.days}>
                {t.limits.days(one.days)}
              </option>
            ))}
          </select>
          <button type="button" className="button" onClick={() => setAsked(chosen.untilS)}>
            {words.ask}
          </button>
        </>
      )}
      {asked !== null && (
        <Confirm
          words={words}
          untilS={asked}
          begin={begin}
          choice={choice}
          onClose={() => setAsked(null)}
        />
      )}
    </section>
  );
}

interface ConfirmProps {
  words: BreakProps["words"];
  untilS: number;
  begin: BreakProps["begin"];
  choice: BreakProps["choice"];
  onClose: () => void;
}

function Confirm({ words, untilS, begin, choice, onClose }: ConfirmProps) {
  const [agreed, setAgreed] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const go = async () => {
    setBusy(true);
    setError(null);
    try {
      await begin(untilS);
      onClose();
    } catch (failed) {
      setError(failed);
      setBusy(false);
    }
  };
  return (
    <Dialog title={words.title} onClose={onClose}>
      <p>
        <strong>{words.until(formatEnd(untilS))}</strong>
      </p>
      <ul className="consequences">
        {words.consequences.map((one) => (
          <li key={one}>{one}</li>
        ))}
      </ul>
      {choice?.(isBusy)}
      <label className="check">
        <input type="checkbox" checked={agreed} onChange={(event) => setAgreed(event.target.checked)} /> {words.agree}
      </label>
      {error !== null && <Fault error={error} />}
      <div className="actions">
        <button type="button" className="button" onClick={onClose}>
          {t.limits.back}
        </button>
        <button type="button" className="button primary" disabled={!agreed || isBusy} onClick={() => void go()}>
          {isBusy ? t.limits.starting : words.begin}
        </button>
      </div>
    </Dialog>
  );
}
