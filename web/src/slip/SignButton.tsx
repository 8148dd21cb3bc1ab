/** What signs or sends the bets of a plan, or what has to come first. */

import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { lazy, Suspense } from "react";

import { typedDataQuery } from "../api/queries.ts";
import { useUnit } from "../app/hooks.ts";
import { termsOf, useQuoteFor } from "../direct/quote.ts";
import { setWantsDirect, useWantsDirect } from "../direct/road.ts";
import { RoadChoice } from "../direct/RoadChoice.tsx";
import { useOwnLimits } from "../limits/own_limits.ts";
import { formatEnd, formatMicro } from "../odds/format.ts";
import { useFreshness } from "../odds/live.ts";
import { useAccount } from "../session/account.ts";
import { t } from "../strings/index.ts";
import { useIsContract } from "../wallet/contract_wallet.ts";
import { openWalletDialog, useWallet } from "../wallet/state.ts";
import type { Plan } from "./check.ts";
import { wantedOf } from "./signing.ts";
import { keyOf, removeLeg, setSlip } from "./state.ts";

const DirectBet = lazy(() => import("../direct/DirectBet.tsx"));

export function SignButton({ plan, onSign }: { plan: Plan; onSign: () => void }) {
  const { status, address } = useWallet();
  const { data: account } = useAccount(address);
  const { data: own } = useOwnLimits(account?.account);
  const unit = useUnit();
  const freshness = useFreshness();
  const navigate = useNavigate();
  const isContract = useIsContract();
  const { data: typed } = useQuery(typedDataQuery);
  const wantsDirect = useWantsDirect();
  const staked = plan.bets.filter((one) => one.stakeMicro !== undefined);
  const [bet] = staked;
  const isOffered = typed?.quoting != null && staked.length === 1;
  const isDirect = isContract || (isOffered && wantsDirect);
  const { quoted } = useQuoteFor(bet === undefined ? "" : termsOf(wantedOf(bet), address));
  if (status !== "connected") {
    return (
      <button
        type="button"
        className="button primary wide-button"
        disabled={status === "connecting"}
        onClick={() => openWalletDialog(true)}
      >
        {status === "connecting" ? t.wallet.connecting : t.slip.connect}
      </button>
    );
  }
  if (isContract && !typed?.quoting) return <p className="notice">{t.wallet.isContract}</p>;
  if (account?.excluded_until_s) {
    return <p className="notice">{t.limits.excluded(formatEnd(account.excluded_until_s))}</p>;
  }
  if (own?.time_out_until_s) return <p className="notice">{t.limits.timedOut(formatEnd(own.time_out_until_s))}</p>;
  // The house reserves the stake for a quote, which is what it is bet with.
  const heldMicro = isDirect && quoted ? quoted.wanted.stakeMicro : 0n;
  const available = BigInt(account?.available_micro ?? 0) + heldMicro;
  const isShort = account !== undefined && (account === null || available < plan.totalMicro);
  if (isShort) {
    return (
      <>
        {plan.totalMicro > available && (
          <p className="notice">{t.slip.missing(`${formatMicro(plan.totalMicro - available, 2)} ${unit}`)}</p>
        )}
        <button
          type="button"
          className="button primary wide-button"
          onClick={() => {
            setSlip({ open: false });
            void navigate({ to: "/account" });
          }}
        >
          {t.slip.deposit}
        </button>
      </>
    );
  }
  const isLive = freshness === "live";
  const amount = `${formatMicro(plan.totalMicro, 2)} ${unit}`;
  const bets = staked.length;
  return (
    <>
      {isContract && <p className="notice">{t.direct.isContract}</p>}
      {isOffered && !isContract && address && <RoadChoice owner={address} isDirect={isDirect} onChange={setWantsDirect} />}
      {!isLive && <p className="muted small">{t.slip.paused}</p>}
      {isDirect && isOffered && bet && (
        <Suspense fallback={<p className="muted">{t.slip.checking}</p>}>
          <DirectBet
            wanted={wantedOf(bet)}
            isReady={plan.isReady && isLive}
            onSent={() => bet.legs.forEach((leg) => removeLeg(keyOf(leg)))}
          />
        </Suspense>
      )}
      {isDirect && !isOffered && (bets > 1 ? <p className="notice">{t.direct.oneAtATime}</p> : <p className="muted">{t.slip.enter}</p>)}
      {!isDirect && (
        <button type="button" className="button primary wide-button" disabled={!plan.isReady || !isLive} onClick={onSign}>
          {bets === 0 ? t.slip.enter : bets > 1 ? t.slip.signMany(bets, amount) : t.slip.sign(amount)}
        </button>
      )}
    </>
  );
}
