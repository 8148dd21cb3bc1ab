/** The match-day control: the clock of a local chain, what each button does, and what came of it. */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { answered, api, type Schemas } from "../api/client.ts";
import { useUnit } from "../app/hooks.ts";
import { formatMicro, formatMoment } from "../odds/format.ts";
import { useAccount } from "../session/account.ts";
import { t } from "../strings/index.ts";
import { Fault } from "../ui/Fault.tsx";
import { useWallet } from "../wallet/state.ts";
import { matchDay, play, travel, type Doing } from "./playing.ts";
import { nextStep, STEPS, timeOf, type MatchDay } from "./steps.ts";

const LOOK_MS = 1500;

export function MatchDayPanel({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const [doing, setDoing] = useState<Doing | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const { data: day } = useQuery({
    queryKey: ["match-day"],
    queryFn: matchDay,
    enabled: isOpen,
    refetchInterval: LOOK_MS,
  });
  const run = async (work: (say: (doing: Doing) => void) => Promise<void>) => {
    setError(null);
    setBusy(true);
    try {
      await work(setDoing);
    } catch (failed) {
      setError(failed);
    } finally {
      setBusy(false);
      setDoing(null);
    }
  };
  const next = day && nextStep(day);
  return (
    <>
      <div className="dialog-head">
        <h2>{t.matchDay.title}</h2>
        <button type="button" className="plain" aria-label={t.site.close} onClick={onClose}>
          ✕
        </button>
      </div>
      <p className="small">
        {t.matchDay.clock} <strong data-testid="chain-clock">{day ? formatMoment(day.now_s) : "…"}</strong>
      </p>
      <p className="muted small">{t.matchDay.intro}</p>
      {day && next !== null && <Steps day={day} doing={doing} />}
      {next === null && <p className="notice calm small">{t.matchDay.over}</p>}
      {doing !== null && (
        <p className="small" role="status">
          {t.matchDay.doing[doing]}
        </p>
      )}
      {error !== null && <Fault error={error} />}
      {next && (
        <div className="match-day-buttons">
          <button type="button" className="button primary" disabled={isBusy} onClick={() => void run((say) => play(true, say))}>
            {t.matchDay.play}
          </button>
          <p className="muted small">{t.matchDay.playNote}</p>
          <button type="button" className="button" disabled={isBusy} onClick={() => void run((say) => play(false, say))}>
            {t.matchDay.step(next === "wait" ? t.matchDay.steps["results-final"].name : t.matchDay.steps[next].name)}
          </button>
          <p className="muted small">{t.matchDay.stepNote}</p>
          <button type="button" className="button" disabled={isBusy} onClick={() => void run((say) => travel("in-15-minutes", say))}>
            {t.matchDay.quarter}
          </button>
          <p className="muted small">{t.matchDay.quarterNote}</p>
        </div>
      )}
      <OwnBets isOpen={isOpen} />
      {day && day.matches.length > 0 && <Scores matches={day.matches} />}
    </>
  );
}

function Steps({ day, doing }: { day: MatchDay; doing: Doing | null }) {
  const next = nextStep(day);
  return (
    <ol className="steps">
      {STEPS.map((step) => {
        const atS = timeOf(day, step);
        const isNext = (next === "wait" ? "results-final" : next) === step || doing === step;
        return (
          <li key={step} data-next={isNext}>
            <strong>{t.matchDay.steps[step].name}</strong>
            {atS !== null && <time className="muted small">{formatMoment(atS)}</time>}
            <span className="muted small">{t.matchDay.steps[step].does}</span>
          </li>
        );
      })}
    </ol>
  );
}

function Scores({ matches }: { matches: readonly Schemas["MatchPublic"][] }) {
  return (
    <>
      <h3>{t.matchDay.scores}</h3>
      <ul className="rows small" data-testid="scores">
        {matches.map((match) => (
          <li key={match.id}>
            <span>
              {match.home} <strong>{scoreOf(match)}</strong> {match.away}
            </span>
            <span className="muted">{t.matchDay.states[match.state]}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

function scoreOf({ result, home_goals: home, away_goals: away }: Schemas["MatchPublic"]): string {
  if (result === null) return t.board.versus;
  return result === "played" ? `${home}–${away}` : t.matchDay.results[result];
}

/** What became of the visitor's own bets, and what can be bet now. */
function OwnBets({ isOpen }: { isOpen: boolean }) {
  const { address } = useWallet();
  const { data: account } = useAccount(address);
  const unit = useUnit();
  const number = account?.account;
  const { data: bets } = useQuery({
    queryKey: ["match-day", "bets", number],
    queryFn: async () => {
      const path = { account: number ?? 0 };
      return (await answered(api.GET("/v1/accounts/{account}/bets", { params: { path } }))).bets;
    },
    enabled: isOpen && number !== undefined,
    refetchInterval: LOOK_MS,
  });
  if (!account || !bets) return <p className="muted small">{t.matchDay.noAccount}</p>;
  const open = bets.filter((bet) => bet.state === "open").length;
  const paid = bets.reduce((sum, bet) => sum + BigInt(bet.payout_micro ?? 0), 0n);
  return (
    <p className="small" data-testid="own-bets">
      {t.matchDay.own(open, bets.length - open, `${formatMicro(paid, 2)} ${unit}`)}{" "}
      {t.matchDay.balance(`${formatMicro(account.available_micro, 2)} ${unit}`)}
    </p>
  );
}
