/** A bet that is on the chain, with why it was paid what it was paid, and a slip that is not there yet. */

import { useQuery } from "@tanstack/react-query";

import { answered, api, type Bet, type Slip } from "../api/client.ts";
import { useUnit } from "../app/hooks.ts";
import { usePreferences } from "../app/preferences.ts";
import { formatMicro, formatMoment, formatOdds } from "../odds/format.ts";
import { marketTitle, pickName, teamsOf, unpackMarket } from "../odds/market.ts";
import { t } from "../strings/index.ts";
import { Hash } from "../ui/Hash.tsx";
import { reasonOf } from "./reasons.ts";

interface ShownLeg {
  market: string;
  fixture: string | null;
  outcome_number: number;
  odds_e4: number;
}

/** What was bet on, from the market's id itself. */
function pickOf({ market, fixture, outcome_number }: ShownLeg): { outcome: string; title: string } {
  const unpacked = unpackMarket(market);
  return { outcome: pickName(unpacked, outcome_number, teamsOf(fixture)), title: marketTitle(unpacked) };
}

function Legs({ legs }: { legs: readonly ShownLeg[] }) {
  const { odds: format } = usePreferences();
  return (
    <ul className="bet-legs">
      {legs.map((leg, at) => (
        <li key={at}>
          <span>
            <strong>{pickOf(leg).outcome}</strong> <span className="muted small">{pickOf(leg).title}</span>
            <span className="muted small bet-fixture">{leg.fixture}</span>
          </span>
          <span className="leg-odds">{formatOdds(leg.odds_e4, format)}</span>
        </li>
      ))}
    </ul>
  );
}

/** The scores of the newest results, by the ids of their fixtures: names come again each season. */
function useScores(isWanted: boolean) {
  const { data } = useQuery({
    queryKey: ["proof", "results", "scores"],
    queryFn: () => answered(api.GET("/v1/proof/results", { params: { query: { limit: 200 } } })),
    enabled: isWanted,
  });
  return new Map(data?.results.filter((one) => one.status === "played").map((one) => [one.fixture, one]));
}

/** Of a market's id in hex, those of its fixture. */
const FIXTURE_DIGITS = 34;

interface CardProps {
  bet: Bet;
  /** What continues it after a partial cash-out. */
  rest?: Bet | undefined;
  onCashOut?: () => void;
}

export function BetCard({ bet, rest, onCashOut }: CardProps) {
  const unit = useUnit();
  const amount = (micro: string) => `${formatMicro(micro, 2)} ${unit}`;
  const reason = reasonOf(bet);
  const ownStake = String(BigInt(bet.stake_micro) - BigInt(rest?.stake_micro ?? 0));
  const isSettledSingle = bet.state === "settled" && bet.legs.length === 1;
  const score = useScores(isSettledSingle).get(bet.legs[0]?.market.slice(0, FIXTURE_DIGITS) ?? "");
  return (
    <li className="card bet" data-reason={reason}>
      <p className="row">
        <span className="muted small">
          {t.bets.legs(bet.legs.length)} · {formatMoment(bet.accepted_at_s)}
        </span>
        <span className="tag calm">{t.bets.stages[bet.stage]}</span>
      </p>
      <Legs legs={bet.legs} />
      <p className="row">
        <span>
          {rest ? t.bets.stakeCashedOut : t.bets.stake} <strong>{amount(ownStake)}</strong>
        </span>
        <span>
          {bet.payout_micro === null ? t.bets.pays : t.bets.paid}{" "}
          <strong>{amount(bet.payout_micro ?? bet.payout_max_micro)}</strong>
        </span>
      </p>
      <p className="small">
        {rest ? t.bets.partCashedOut(amount(rest.stake_micro), amount(bet.stake_micro)) : t.bets.reasons[reason]}{" "}
        {isSettledSingle && score && t.bets.result(score.full_time.join("–"), score.half_time.join("–"))}
      </p>
      {bet.rest_of !== null && <p className="muted small">{t.bets.restOf(bet.rest_of)}</p>}
      {onCashOut && (
        <button type="button" className="button" onClick={onCashOut}>
          {t.bets.cashOut}
        </button>
      )}
      <p className="muted small">
        {t.slip.tx} <Hash hash={bet.settlement_tx_hash ?? bet.tx_hash} />
      </p>
    </li>
  );
}

export function WaitingSlip({ slip }: { slip: Slip }) {
  const unit = useUnit();
  const says = {
    accepted: t.bets.waiting,
    submitted: t.bets.inBatch,
    placed: "",
    refused: t.bets.skipped(slip.reason ?? ""),
    expired: t.bets.expired,
  }[slip.status];
  return (
    <li className="card bet">
      <p className="row">
        <span className="muted small">{t.bets.legs(slip.legs.length)}</span>
        <span className="tag">{says}</span>
      </p>
      <Legs legs={slip.legs} />
      <p>
        {t.bets.stake} <strong>{`${formatMicro(slip.stake_micro, 2)} ${unit}`}</strong>
      </p>
    </li>
  );
}
