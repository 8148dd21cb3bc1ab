/** A bet that the wallet sends to the chain itself: what that costs, a quote for some seconds, and the bet. */

import { useEffect, useRef, useState } from "react";

import { useTick, useUnit } from "../app/hooks.ts";
import { usePreferences } from "../app/preferences.ts";
import { useHangs } from "../app/waiting.ts";
import { formatMicro, formatOdds } from "../odds/format.ts";
import { SignIn } from "../session/SignIn.tsx";
import { useSession } from "../session/state.ts";
import type { Wanted } from "../slip/placing.ts";
import { t } from "../strings/index.ts";
import { Fault } from "../ui/Fault.tsx";
import { useWallet } from "../wallet/state.ts";
import { askQuote, sendQuoted, type Quoted } from "./placing.ts";

interface Props {
  wanted: Wanted;
  isReady: boolean;
  onSent: () => void;
}

export default function DirectBet({ wanted, isReady, onSent }: Props) {
  const session = useSession();
  const unit = useUnit();
  const { quoted, error, isAsking, isSending, hangs, ask, send, drop } = useQuote(wanted, onSent);
  if (session !== "in") return <SignIn why={t.direct.signIn} />;
  return (
    <div className="asking">
      {!quoted && (
        <>
          <p className="muted small">{t.direct.note}</p>
          <button type="button" className="button primary wide-button" disabled={!isReady || isAsking} onClick={() => void ask()}>
            {isAsking ? t.direct.asking : t.direct.ask}
          </button>
        </>
      )}
      {quoted && <Terms quoted={quoted} unit={unit} isSending={isSending} onSend={() => void send(quoted)} onAgain={() => void ask()} />}
      {hangs && (
        <>
          <p className="notice">{t.wallet.hanging}</p>
          <button type="button" className="button" onClick={drop}>
            {t.wallet.stopWaiting}
          </button>
        </>
      )}
      {error !== null && <Fault error={error} onRetry={() => void ask()} />}
    </div>
  );
}

/** The slip may be drawn anew while a quote is held: it is asked for once. */
let held: { terms: string; quoted: Quoted } | null = null;

function useQuote(wanted: Wanted, onSent: () => void) {
  const { address } = useWallet();
  const terms = termsOf(wanted, address);
  const [quoted, setQuoted] = useState<Quoted | null>(held?.terms === terms ? held.quoted : null);
  const [error, setError] = useState<unknown>(null);
  const [step, setStep] = useState<"asking" | "sending" | null>(null);
  // A second click comes before the first one is painted.
  const isBusy = useRef(false);
  const hangs = useHangs(step === "sending" ? quoted : null);
  useEffect(() => {
    if (held?.terms === terms) return;
    held = null;
    setQuoted(null);
    setError(null);
  }, [terms]);

  const run = async (what: "asking" | "sending", work: () => Promise<void>) => {
    if (isBusy.current) return;
    isBusy.current = true;
    setStep(what);
    setError(null);
    try {
      await work();
    } catch (failed) {
      setError(failed);
    } finally {
      isBusy.current = false;
      setStep(null);
    }
  };
  const ask = () => run("asking", async () => {
      const made = await askQuote(wanted);
      held = { terms, quoted: made };
      setQuoted(made);
    });
  const send = (one: Quoted) =>
    run("sending", async () => {
      await sendQuoted(one, () => {
        held = null;
        onSent();
      });
      setQuoted(null);
    });
  /** A bet that the wallet sends later still counts until the quote ends, and its nonce bets once. */
  const drop = () => {
    isBusy.current = false;
    setStep(null);
    held = null;
    setQuoted(null);
  };
  return { quoted, error, isAsking: step === "asking", isSending: step === "sending", hangs, ask, send, drop };
}

function termsOf({ stakeMicro, minOddsE4, legs }: Wanted, address: string | undefined): string {
  return [address, stakeMicro, minOddsE4, ...legs.map(({ market, outcome }) => `${market}:${outcome}`)].join();
}

interface TermsProps {
  quoted: Quoted;
  unit: string;
  isSending: boolean;
  onSend: () => void;
  onAgain: () => void;
}

function Terms({ quoted, unit, isSending, onSend, onAgain }: TermsProps) {
  const { odds: format } = usePreferences();
  const { name } = useWallet();
  useTick(250);
  const leftS = Math.max(0, Math.ceil((quoted.endsAtMs - performance.now()) / 1_000));
  const stake = `${formatMicro(quoted.wanted.stakeMicro, 2)} ${unit}`;
  return (
    <>
      <dl className="terms" data-testid="direct-terms">
        <dt>{t.direct.odds}</dt>
        <dd>{formatOdds(Number(quoted.oddsE4), format)}</dd>
        <dt>{t.slip.payout}</dt>
        <dd>
          {formatMicro(quoted.payoutMicro, 2)} {unit}
        </dd>
        <dt>{t.direct.gas}</dt>
        <dd>{t.direct.cost(coins(quoted.costWei))}</dd>
      </dl>
      <p className="muted small">{t.direct.gasNote}</p>
      {leftS > 0 || isSending ? (
        <>
          <button type="button" className="button primary wide-button" disabled={isSending} onClick={onSend}>
            {isSending ? t.wallet.confirmIn(name ?? "") : t.direct.send(stake)}
          </button>
          <p className="muted small">{t.direct.left(leftS)}</p>
        </>
      ) : (
        <>
          <p className="notice">{t.direct.over}</p>
          <button type="button" className="button" onClick={onAgain}>
            {t.direct.again}
          </button>
        </>
      )}
    </>
  );
}

/** Two digits that count of an amount of the chain's coin. */
function coins(wei: bigint): string {
  return (Number(wei) / 1e18).toLocaleString(t.locale, { maximumSignificantDigits: 2 });
}
