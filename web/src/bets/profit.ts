/** Adds up what closed bets brought, in whole micro-units. Pure. */

import type { Bet } from "../api/client.ts";
import type { StepPoint } from "../odds/chart.ts";

type Money = Pick<Bet, "batch" | "nonce" | "state" | "stake_micro" | "payout_micro" | "rest_of">;

/** The bet that continues one which was cashed out in part: it has its nonce. */
export function restOf<T extends Money>(bet: Money, all: readonly T[]): T | undefined {
  return bet.state === "cashed-out" ? all.find((one) => one.rest_of === bet.batch && one.nonce === bet.nonce) : undefined;
}

/** What a closed bet brought above its stake. Of one that was cashed out in part, the rest of the stake is in the
 * bet that continues it. */
export function profitOf(bet: Money, all: readonly Money[]): bigint {
  const rest = restOf(bet, all);
  const staked = BigInt(bet.stake_micro) - (rest ? BigInt(rest.stake_micro) : 0n);
  return BigInt(bet.payout_micro ?? 0) - staked;
}

export interface Profit {
  bets: number;
  stakedMicro: bigint;
  profitMicro: bigint;
  /** The sum so far from each settlement on, in micro-units, from 0 at the first bet. */
  points: StepPoint[];
}

/** The profit of those of `bets` that are closed, over time; null without any. `all` has the rests of those that
 * were cashed out in part. */
export function profitOver(bets: readonly Bet[], all: readonly Bet[]): Profit | null {
  const closed = bets
    .flatMap((bet) => (bet.state === "open" || bet.settled_at_s === null ? [] : [{ bet, atS: bet.settled_at_s }]))
    .sort((a, b) => a.atS - b.atS || a.bet.batch - b.bet.batch || a.bet.bet - b.bet.bet);
  if (closed.length === 0) return null;
  const firstS = Math.min(...closed.map(({ bet }) => bet.accepted_at_s));
  const points: StepPoint[] = [{ timeS: firstS, values: [0] }];
  let [profitMicro, paidMicro] = [0n, 0n];
  for (const { bet, atS } of closed) {
    profitMicro += profitOf(bet, all);
    paidMicro += BigInt(bet.payout_micro ?? 0);
    const point = { timeS: atS, values: [Number(profitMicro)] };
    if (points.at(-1)?.timeS === atS) points.pop();
    points.push(point);
  }
  return { bets: closed.length, stakedMicro: paidMicro - profitMicro, profitMicro, points };
}
