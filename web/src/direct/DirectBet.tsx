/** A bet that the wallet sends to the chain itself: what that costs, a quote for some seconds, and the bet. */

import { useEffect, useRef } from "react";

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
import { askFor, drop, sendHeld, termsOf, useQuoteFor, type QuoteState } from "./quote.ts";

interface Props {
  wanted: Wanted;
  isReady: boolean;
  onSent: () => void;
}

export default function DirectBet({ wanted, isReady, onSent }: Props) {
  const session = useSession();
  const unit = useUnit();
  const { address } = useWallet();
  const terms = termsOf(wanted, address);
  const { quoted, error, step } = useQuoteFor(terms);
  const hangs = useHangs(step === "sending" ? quoted : null);
  const ask = () => void askFor(terms, () => askQuote(wanted));
  const send = (one: Quoted) => {
    const bet = (sent: () => void) =>
      sendQuoted(one, () => {
        sent();
        onSent();
      });
    void sendHeld(bet);
  };
  const isAsking = step === "asking";
  if (session !== "in") return <SignIn why={t.direct.signIn} />;
  return (
    <div className="asking">
      {!quoted && (
        <>
          <p className="muted small">{t.direct.note}</p>
          <button type="button" className="button primary wide-button" disabled={!isReady || isAsking} onClick={ask}>
            {isAsking ? t.direct.asking : t.direct.ask}
          </button>
        </>
      )}
      {quoted && <Terms quoted={quoted} unit={unit} step={step} onSend={() => send(quoted)} onAgain={ask} />}
      {hangs && (
        <>
          <p className="notice">{t.wallet.hanging}</p>
          <button type="button" className="button" onClick={drop}>
            {t.wallet.stopWaiting}
          </button>
        </>
      )}
      {error !== null && <Fault error={error} onRetry={ask} />}
    </div>
  );
}

interface TermsProps {
  quoted: Quoted;
  unit: string;
  step: QuoteState["step"];
  onSend: () => void;
  onAgain: () => void;
}

function Terms({ quoted, unit, step, onSend, onAgain }: TermsProps) {
  const { odds: format } = usePreferences();
  const { name } = useWallet();
  useTick(250);
  const end = useRef<HTMLParagraphElement>(null);
  // On a phone, what to click would be below the screen while the seconds run.
  useEffect(() => end.current?.scrollIntoView({ block: "nearest" }), [quoted]);
  const isSending = step === "sending";
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
          <p ref={end} className="muted small">
            {t.direct.left(leftS)}
          </p>
        </>
      ) : (
        <>
          <p className="notice">{t.direct.over}</p>
          <button type="button" className="button" disabled={step === "asking"} onClick={onAgain}>
            {step === "asking" ? t.direct.asking : t.direct.again}
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
