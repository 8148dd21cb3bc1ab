/** The bet slip: legs and stakes, what they pay, what is signed, and what became of it. */

import { useQuery } from "@tanstack/react-query";

import { typedDataQuery } from "../api/queries.ts";
import { useUnit } from "../app/hooks.ts";
import { usePreferences } from "../app/preferences.ts";
import { useHangs } from "../app/waiting.ts";
import { formatMicro, formatOdds } from "../odds/format.ts";
import { usePrices } from "../odds/live.ts";
import { t } from "../strings/index.ts";
import { Fault } from "../ui/Fault.tsx";
import { Words } from "../ui/Words.tsx";
import { useWallet } from "../wallet/state.ts";
import type { Tolerance } from "./amounts.ts";
import { planOf, type Plan, type Planned } from "./check.ts";
import { isUnkept } from "./journal.ts";
import { RecentDirects } from "../direct/RecentDirects.tsx";
import { RecentSlips } from "./RecentSlips.tsx";
import { SignButton } from "./SignButton.tsx";
import { signAll, stopSigning, useSigning, type Asking } from "./signing.ts";
import { currentSlip, keyOf, removeLeg, setSlip, useSlip, type Leg } from "./state.ts";

export function SlipPanel({ isUntitled = false }: { isUntitled?: boolean }) {
  const slip = useSlip();
  const now = usePrices(slip.legs.map(keyOf));
  const { data: typed } = useQuery(typedDataQuery);
  const plan = planOf(slip, now, typed?.limits);
  const { asking, error } = useSigning();
  const hangs = useHangs(asking);
  return (
    <section className="slip" aria-label={t.slip.title}>
      {!isUntitled && <h2>{t.slip.title}</h2>}
      {slip.legs.length === 0 && asking === null && <p className="muted">{t.slip.empty}</p>}
      {slip.legs.length > 1 && <Mode />}
      <ul className="legs">
        {slip.legs.map((leg, at) => (
          <LegRow key={keyOf(leg)} leg={leg} now={now[at]} plan={plan} isLocked={asking !== null} />
        ))}
      </ul>
      {slip.legs.length > 0 && (
        <>
          {slip.mode === "accumulator" && plan.bets[0] && <Together bet={plan.bets[0]} plan={plan} isLocked={asking !== null} />}
          <ToleranceChoice />
          <Sum plan={plan} />
        </>
      )}
      {asking && <AskingView asking={asking} hangs={hangs} onStop={stopSigning} />}
      {error !== null && <Fault error={error} />}
      {isUnkept() && <p className="notice">{t.slip.unkept}</p>}
      {slip.legs.length > 0 && asking === null && <SignButton plan={plan} onSign={() => void signAll(plan)} />}
      <RecentDirects />
      <RecentSlips />
    </section>
  );
}

function Mode() {
  const { mode, legs } = useSlip();
  const fixtures = new Set(legs.map((leg) => leg.fixtureId));
  const isCorrelated = fixtures.size < legs.length;
  return (
    <fieldset className="mode">
      <legend className="hidden">{t.slip.mode}</legend>
      {(["singles", "accumulator"] as const).map((one) => (
        <label key={one} data-on={mode === one}>
          <input
            type="radio"
            name="mode"
            checked={mode === one}
            disabled={one === "accumulator" && isCorrelated}
            onChange={() => setSlip({ mode: one })}
          />
          {t.slip[one]}
        </label>
      ))}
      {isCorrelated && <p className="muted small">{t.slip.sameFixture}</p>}
    </fieldset>
  );
}

interface LegProps {
  leg: Leg;
  now: number | undefined;
  plan: Plan;
  isLocked: boolean;
}

function LegRow({ leg, now, plan, isLocked }: LegProps) {
  const { odds: format } = usePreferences();
  const { mode } = useSlip();
  const key = keyOf(leg);
  const bet = plan.bets.find((one) => one.key === key);
  const isMoved = plan.moved.has(key);
  const agree = () => {
    if (now === undefined) return;
    const { legs } = currentSlip();
    setSlip({ legs: legs.map((one) => (keyOf(one) === key ? { ...one, seenE4: now } : one)) });
  };
  return (
    <li className="leg">
      <div className="leg-head">
        <div>
          <strong>{leg.name}</strong>
          <p className="muted small">{leg.title}</p>
          <p className="muted small">{leg.teams}</p>
        </div>
        <p className="leg-odds">
          {now === undefined ? t.slip.gone : formatOdds(now, format)}
          {isMoved && <span className="muted small"> {t.slip.was(formatOdds(leg.seenE4, format))}</span>}
        </p>
        <button type="button" className="plain" aria-label={t.slip.remove(leg.name)} disabled={isLocked} onClick={() => removeLeg(key)}>
          ✕
        </button>
      </div>
      {isMoved && now !== undefined && (
        <div className="notice" role="alert">
          <p>{t.slip.moved(formatOdds(leg.seenE4, format), formatOdds(now, format))}</p>
          <button type="button" className="button" onClick={agree}>
            {t.slip.acceptMove}
          </button>
        </div>
      )}
      {mode === "singles" && bet && <Stake bet={bet} label={t.slip.stakeOf(leg.name)} isLocked={isLocked} />}
    </li>
  );
}

function Together({ bet, plan, isLocked }: { bet: Planned; plan: Plan; isLocked: boolean }) {
  const { data: typed } = useQuery(typedDataQuery);
  const { odds: format } = usePreferences();
  return (
    <div className="together">
      <p className="row">
        <span>{t.slip.odds}</span> <strong>{formatOdds(Number(bet.productE4), format)}</strong>
      </p>
      {plan.isCorrelated && <p className="notice">{t.slip.sameFixture}</p>}
      {plan.isTooLong && <p className="notice">{t.slip.tooMany(typed?.limits.max_legs ?? 0)}</p>}
      <Stake bet={bet} label={t.slip.stake} isLocked={isLocked} />
    </div>
  );
}

function Stake({ bet, label, isLocked }: { bet: Planned; label: string; isLocked: boolean }) {
  const { stakes } = useSlip();
  const unit = useUnit();
  const limits = useQuery(typedDataQuery).data?.limits;
  const id = `stake-${bet.key}`;
  const fault = faultText(bet, unit);
  return (
    <div className="stake">
      <label htmlFor={id} className="hidden">
        {label}
      </label>
      <div className="amount">
        <input
          id={id}
          className="input"
          inputMode="decimal"
          autoComplete="off"
          placeholder={t.slip.eachStake}
          value={stakes[bet.key] ?? ""}
          disabled={isLocked}
          aria-invalid={fault !== ""}
          aria-describedby={`${id}-note`}
          onChange={(event) => setSlip({ stakes: { ...currentSlip().stakes, [bet.key]: event.target.value } })}
        />
        <span className="unit">{unit}</span>
      </div>
      <p id={`${id}-note`} className={fault ? "fault small" : "small"}>
        {fault ||
          (bet.payoutMicro === undefined && limits && (
            <span className="muted">
              {t.slip.range(formatMicro(limits.min_stake_micro), formatMicro(limits.max_stake_micro), unit)}
            </span>
          ))}
        {!fault &&
          (bet.payoutMicro !== undefined && (
            <>
              {t.slip.payout} <strong>{formatMicro(bet.payoutMicro, 2)}</strong> {unit}
            </>
          ))}
      </p>
    </div>
  );
}

function faultText({ fault }: Planned, unit: string): string {
  if (fault === undefined) return "";
  if (fault.kind === "least" || fault.kind === "most" || fault.kind === "mostPayout") {
    return t.slip[fault.kind](`${formatMicro(fault.limitMicro ?? 0n, 2)} ${unit}`);
  }
  return t.slip.faults[fault.kind];
}

const TOLERANCES: readonly Tolerance[] = ["none", "better", 100, 200, 500];

function ToleranceChoice() {
  const { tolerance } = useSlip();
  return (
    <label className="tolerance">
      {t.slip.tolerance}
      <select
        className="input"
        value={String(tolerance)}
        onChange={(event) => {
          const chosen = TOLERANCES.find((one) => String(one) === event.target.value);
          if (chosen !== undefined) setSlip({ tolerance: chosen });
        }}
      >
        {TOLERANCES.map((one) => (
          <option key={one} value={String(one)}>
            {typeof one === "number" ? t.slip.tolerances.percent(String(one / 100)) : t.slip.tolerances[one]}
          </option>
        ))}
      </select>
    </label>
  );
}

function Sum({ plan }: { plan: Plan }) {
  const unit = useUnit();
  const { odds: format } = usePreferences();
  const staked = plan.bets.filter((bet) => bet.stakeMicro !== undefined);
  const payout = staked.reduce((sum, bet) => sum + (bet.payoutMicro ?? 0n), 0n);
  if (staked.length === 0) return null;
  return (
    <div className="sum">
      <p className="row">
        <span>{t.slip.total}</span>
        <strong>
          {formatMicro(plan.totalMicro, 2)} {unit}
        </strong>
      </p>
      <p className="row">
        <span>{t.slip.totalPayout}</span>
        <strong>
          {formatMicro(payout, 2)} {unit}
        </strong>
      </p>
      {staked.length === 1 && staked[0] && (
        <p className="row muted small">
          <span>{t.slip.minimum}</span> <span>{formatOdds(Number(staked[0].minOddsE4), format)}</span>
        </p>
      )}
    </div>
  );
}

function AskingView({ asking, hangs, onStop }: { asking: Asking; hangs: boolean; onStop: () => void }) {
  const { name } = useWallet();
  return (
    <div className="asking" role="status">
      {asking.all > 1 && <p className="muted small">{t.slip.signNumber(asking.at, asking.all)}</p>}
      <p>
        <strong>{asking.words ? t.wallet.confirmIn(name ?? "") : t.slip.checking}</strong>
      </p>
      {asking.words && (
        <>
          <p className="muted small">{t.slip.youSign}</p>
          <div data-testid="slip-words">
            <Words words={asking.words} type="Slip" />
          </div>
        </>
      )}
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
