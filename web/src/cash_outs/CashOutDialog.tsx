/** Offers a price for an open bet or a part of it, for as long as it counts. */

import { useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";

import { api, mayPass, Refusal, type Bet } from "../api/client.ts";
import { queryClient, typedDataQuery } from "../api/queries.ts";
import { useIsLocal, useTick, useUnit } from "../app/hooks.ts";
import { useHangs } from "../app/waiting.ts";
import { formatMicro } from "../odds/format.ts";
import { SignIn } from "../session/SignIn.tsx";
import { privately, useSession } from "../session/state.ts";
import type { Word } from "../slip/message.ts";
import { t } from "../strings/index.ts";
import { Dialog } from "../ui/Dialog.tsx";
import { Fault } from "../ui/Fault.tsx";
import { Words } from "../ui/Words.tsx";
import { useWallet } from "../wallet/state.ts";
import { dismiss, isOver, useCashOuts, type CashOut } from "./journal.ts";
import { isMoved, lifeMs, maySign, readPart, renewAfterMs, shownOffer, type Offer, type Part, type Shown } from "./offer.ts";
import { Progress } from "./Progress.tsx";
import { signCashOut } from "./signing.ts";

/** After a refusal that ends by itself. */
const AGAIN_MS = 5_000;

export function CashOutDialog({ bet, onClose }: { bet: Bet; onClose: () => void }) {
  const session = useSession();
  const { address } = useWallet();
  const [signed, setSigned] = useState<string | null>(null);
  /** The one that did not take effect, after which another offer is looked at. */
  const [again, setAgain] = useState<string | null>(null);
  const cashOut = useCashOuts(address).find(({ id }) => id === signed);
  const close = () => {
    // Its bet is among the settled ones.
    if (cashOut?.state === "paid") dismiss(cashOut.id);
    onClose();
  };
  const isSent = signed !== null && again !== signed;
  return (
    <Dialog title={t.cashOut.title} onClose={close}>
      {titlesOf(bet).map((title) => (
        <p key={title} className="small">
          {title}
        </p>
      ))}
      {session !== "in" && <SignIn why={t.cashOut.signIn} />}
      {session === "in" && !isSent && <Offering bet={bet} last={cashOut} onSigned={setSigned} />}
      {cashOut && isSent && (
        <>
          <Progress cashOut={cashOut} />
          {isOver(cashOut) && (
            <button type="button" className="button" onClick={cashOut.state === "paid" ? close : () => setAgain(cashOut.id)}>
              {cashOut.state === "paid" ? t.cashOut.done : t.cashOut.another}
            </button>
          )}
        </>
      )}
    </Dialog>
  );
}

export function titlesOf({ legs }: Bet): string[] {
  return legs.map((leg) => [leg.fixture, leg.kind, leg.outcome].filter(Boolean).join(" · "));
}

interface OfferingProps {
  bet: Bet;
  /** The offer before, which was signed and ended. */
  last: CashOut | undefined;
  onSigned: (id: string) => void;
}

function Offering({ bet, last, onSigned }: OfferingProps) {
  const unit = useUnit();
  const { data: typed } = useQuery(typedDataQuery);
  const [isPart, setPart] = useState(false);
  const isLocal = useIsLocal();
  const [clock, setClock] = useState<Clock>("still");
  const [text, setText] = useState("");
  const stakeMicro = BigInt(bet.stake_micro);
  const part: Part = isPart
    ? readPart(text, stakeMicro, BigInt(typed?.limits.min_stake_micro ?? 0))
    : { micro: stakeMicro, restMicro: 0n };
  const { asking, error, hangs, sign, stop } = useSigning(bet, onSigned);
  const wanted = "micro" in part ? String(part.micro) : undefined;
  const offered = useOffer(bet, wanted, last, asking === null);
  const amount = (micro: bigint | string) => `${formatMicro(micro, 2)} ${unit}`;
  const fault = "fault" in part ? faultText(part.fault, amount(typed?.limits.min_stake_micro ?? "0"), amount(stakeMicro)) : "";
  const shown = wanted === undefined ? undefined : offered.data;
  return (
    <>
      <fieldset className="mode" disabled={asking !== null}>
        <legend className="hidden">{t.cashOut.howMuch}</legend>
        {[false, true].map((one) => (
          <label key={String(one)} data-on={isPart === one}>
            <input type="radio" name="cash-out" checked={isPart === one} onChange={() => setPart(one)} />
            {one ? t.cashOut.part : t.cashOut.all}
          </label>
        ))}
      </fieldset>
      {isPart && (
        <div className="stake">
          <label htmlFor="cash-out-part">{t.cashOut.partOf(amount(stakeMicro))}</label>
          <div className="amount">
            <input
              id="cash-out-part"
              className="input"
              inputMode="decimal"
              autoComplete="off"
              value={text}
              disabled={asking !== null}
              aria-invalid={fault !== ""}
              aria-describedby="cash-out-part-note"
              onChange={(event) => setText(event.target.value)}
            />
            <span className="unit">{unit}</span>
          </div>
          <p id="cash-out-part-note" className={fault ? "fault small" : "muted small"}>
            {fault || ("micro" in part && part.restMicro > 0n && t.cashOut.stays(amount(part.restMicro)))}
          </p>
        </div>
      )}
      {wanted !== undefined && !shown && !offered.error && <p className="muted">{t.cashOut.asking}</p>}
      {shown && (
        <OfferView
          shown={shown}
          amount={amount}
          isLocked={asking !== null}
          onAgree={() => offered.agree(shown)}
          onSign={() => void sign(shown.offer, () => void offered.refetch())}
        />
      )}
      {asking && <Asking words={asking} hangs={hangs} onStop={stop} />}
      {error !== null && <Fault error={error} />}
      {offered.error && <Fault error={offered.error} onRetry={() => void offered.refetch()} />}
      {isLocal && !shown && (isTooEarly(offered.error) || clock !== "still") && <MoveClock clock={clock} onClock={setClock} />}
    </>
  );
}

/** The newest offer for this part of the bet; another is asked for before it ends, but not while the wallet is
 * asked: what is signed is what was shown. */
function useOffer(bet: Bet, stakeMicro: string | undefined, last: CashOut | undefined, isLive: boolean) {
  const queryKey = ["private", "offer", bet.batch, bet.bet, stakeMicro];
  const query = useQuery({
    queryKey,
    queryFn: async (): Promise<Shown> => {
      const askedAtMs = performance.now();
      const offer = await privately(
        api.POST("/v1/bets/{batch}/{bet}/cash-out", {
          params: { path: { batch: bet.batch, bet: bet.bet } },
          body: { stake_micro: stakeMicro ?? "" },
        }),
      );
      const agreed = last?.stakeMicro === stakeMicro ? last?.priceMicro : undefined;
      return shownOffer(offer, askedAtMs, queryClient.getQueryData<Shown>(queryKey)?.agreedMicro ?? agreed);
    },
    enabled: isLive && stakeMicro !== undefined,
    refetchInterval: ({ state }) =>
      state.error ? isPassing(state.error) && AGAIN_MS : state.data ? renewAfterMs(state.data) : false,
    refetchOnWindowFocus: false,
    retry: false,
    gcTime: 0,
    staleTime: Infinity,
  });
  const agree = (shown: Shown) => queryClient.setQueryData<Shown>(queryKey, { ...shown, agreedMicro: shown.offer.price_micro });
  return { ...query, agree };
}

const isTooEarly = (error: unknown) => error instanceof Refusal && error.code === "cash-out-too-early";

/** Odds come back, and bets grow old enough. */
const isPassing = (error: unknown) =>
  mayPass(error) || isTooEarly(error) || (error instanceof Refusal && error.code === "odds-stale");

type Clock = "still" | "moving" | "moved";

/** On a local chain nobody has to wait until a bet is old enough. */
function MoveClock({ clock, onClock }: { clock: Clock; onClock: (clock: Clock) => void }) {
  const [error, setError] = useState<unknown>(null);
  const move = async () => {
    setError(null);
    onClock("moving");
    try {
      const { travel } = await import("../match_day/playing.ts");
      await travel("in-15-minutes", () => {});
      onClock("moved");
    } catch (failed) {
      setError(failed);
      onClock("still");
    }
  };
  return (
    <div className="move-clock">
      <p className="muted small">{clock === "moved" ? t.cashOut.localMoved : t.cashOut.localClock}</p>
      {clock !== "moved" && (
        <button type="button" className="button" disabled={clock === "moving"} onClick={() => void move()}>
          {t.matchDay.quarter}
        </button>
      )}
      {error !== null && <Fault error={error} />}
    </div>
  );
}

interface OfferProps {
  shown: Shown;
  amount: (micro: bigint | string) => string;
  isLocked: boolean;
  onAgree: () => void;
  onSign: () => void;
}

function OfferView({ shown, amount, isLocked, onAgree, onSign }: OfferProps) {
  useTick(250);
  const { offer, agreedMicro, endsAtMs } = shown;
  const nowMs = performance.now();
  const leftMs = Math.max(0, endsAtMs - nowMs);
  const moved = isMoved(shown);
  return (
    <div className="offer" data-moved={moved}>
      <p className="row">
        <span>{t.cashOut.pays}</span>
        <strong data-testid="offer-price">{amount(offer.price_micro)}</strong>
      </p>
      <p className="row muted small">
        <span>{t.cashOut.forStake(amount(offer.stake_micro))}</span>
        <span data-testid="offer-life">{leftMs > 0 ? t.cashOut.counts(Math.ceil(leftMs / 1_000)) : t.cashOut.over}</span>
      </p>
      <progress className="life" max={lifeMs(offer)} value={leftMs} aria-label={t.cashOut.life} />
      {moved && !isLocked && (
        <div className="notice" role="alert">
          <p>{t.cashOut.moved(amount(agreedMicro), amount(offer.price_micro))}</p>
          <button type="button" className="button" onClick={onAgree}>
            {t.cashOut.agree}
          </button>
        </div>
      )}
      <p className="muted small">{t.cashOut.note}</p>
      <button type="button" className="button primary wide-button" disabled={isLocked || !maySign(shown, nowMs)} onClick={onSign}>
        {t.cashOut.sign(amount(offer.price_micro))}
      </button>
    </div>
  );
}

function Asking({ words, hangs, onStop }: { words: Word[]; hangs: boolean; onStop: () => void }) {
  const { name } = useWallet();
  return (
    <div className="asking" role="status">
      <p>
        <strong>{t.wallet.confirmIn(name ?? "")}</strong>
      </p>
      <p className="muted small">{t.slip.youSign}</p>
      <div data-testid="cash-out-words">
        <Words words={words} type="CashOut" />
      </div>
      {hangs && (
        <>
          <p className="notice">{t.wallet.hanging}</p>
          <button type="button" className="button" onClick={onStop}>
            {t.wallet.stopWaiting}
          </button>
        </>
      )}
    </div>
  );
}

/** Signs one offer at a time. */
function useSigning(bet: Bet, onSigned: (id: string) => void) {
  const [asking, setAsking] = useState<Word[] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const hangs = useHangs(asking);
  // A second click comes before the first one is painted.
  const run = useRef<AbortController | null>(null);
  const sign = async (offer: Offer, onRefused: () => void) => {
    if (run.current !== null) return;
    const mine = new AbortController();
    run.current = mine;
    setError(null);
    try {
      const id = await signCashOut(offer, titlesOf(bet), (words) => run.current === mine && setAsking(words), mine.signal);
      if (run.current === mine) onSigned(id);
    } catch (failed) {
      if (run.current === mine) setError(failed);
      onRefused();
    } finally {
      if (run.current === mine) {
        run.current = null;
        setAsking(null);
      }
    }
  };
  /** Lets go of a wallet that does not answer. */
  const stop = () => {
    run.current?.abort();
    run.current = null;
    setAsking(null);
  };
  return { asking, error, hangs, sign, stop };
}

function faultText(fault: Exclude<Part, { micro: bigint }>["fault"], least: string, most: string): string {
  if (fault === "least" || fault === "rest") return t.cashOut.faults[fault](least);
  if (fault === "most") return t.cashOut.faults.most(most);
  return t.slip.faults[fault];
}
