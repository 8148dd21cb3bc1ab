/** Decides what a slip would bet and what keeps it from being signed. Pure. */

import type { Schemas } from "../api/client.ts";
import { minimumOdds, payoutDown, productDown, readAmount, withinTolerance, type AmountFault } from "./amounts.ts";
import { keyOf, type Leg, type SlipState } from "./state.ts";

export interface Planned {
  key: string;
  legs: readonly Leg[];
  oddsE4: readonly number[];
  /** Missing while the stake is not an amount. */
  stakeMicro?: bigint;
  productE4: bigint;
  payoutMicro?: bigint;
  minOddsE4: bigint;
  fault?: { kind: AmountFault | "least" | "most" | "mostPayout"; limitMicro?: bigint };
}

export interface Plan {
  bets: readonly Planned[];
  totalMicro: bigint;
  /** Legs whose odds are others than the visitor agreed to. */
  moved: ReadonlySet<string>;
  /** Legs without odds now. */
  gone: ReadonlySet<string>;
  isCorrelated: boolean;
  isTooLong: boolean;
  /** Whether every bet with a stake can be signed, and at least one has a stake. */
  isReady: boolean;
}

export type Limits = Schemas["LimitsPublic"];

export function planOf(slip: SlipState, now: readonly (number | undefined)[], limits: Limits | undefined): Plan {
  const oddsE4 = slip.legs.map((leg, at) => now[at] ?? leg.seenE4);
  const gone = new Set(slip.legs.filter((_, at) => now[at] === undefined).map(keyOf));
  const moved = new Set(
    slip.legs
      .filter((leg, at) => now[at] !== undefined && !withinTolerance([leg.seenE4], [now[at] ?? 0], slip.tolerance))
      .map(keyOf),
  );
  const fixtures = new Set(slip.legs.map((leg) => leg.fixtureId));
  const all = slip.mode === "accumulator" && slip.legs.length > 1;
  const groups = all ? [slip.legs.map((_, at) => at)] : slip.legs.map((_, at) => [at]);
  const bets = groups.map((group) => {
    const legs = group.flatMap((at) => slip.legs.slice(at, at + 1));
    const odds = group.map((at) => oddsE4[at] ?? 0);
    const key = all ? "all" : keyOf(legs[0] ?? { market: "", outcome: 0 });
    return bet(key, legs, odds, slip, limits);
  });
  const staked = bets.filter((one) => one.stakeMicro !== undefined);
  const isCorrelated = all && fixtures.size < slip.legs.length;
  const isTooLong = all && limits !== undefined && slip.legs.length > limits.max_legs;
  const isReady =
    staked.length > 0 &&
    staked.every((one) => one.fault === undefined && one.legs.every((leg) => !gone.has(keyOf(leg)) && !moved.has(keyOf(leg)))) &&
    bets.every((one) => one.fault === undefined || one.fault.kind === "empty") &&
    !isCorrelated &&
    !isTooLong;
  const totalMicro = staked.reduce((sum, one) => sum + (one.stakeMicro ?? 0n), 0n);
  return { bets, totalMicro, moved, gone, isCorrelated, isTooLong, isReady };
}

function bet(key: string, legs: readonly Leg[], oddsE4: readonly number[], slip: SlipState, limits?: Limits): Planned {
  // What was agreed to is the base: odds that rose meanwhile do not raise the minimum.
  const agreed = legs.map((leg, at) => (slip.tolerance === "none" ? (oddsE4[at] ?? 0) : leg.seenE4));
  const planned = { key, legs, oddsE4, productE4: productDown(oddsE4), minOddsE4: minimumOdds(agreed, slip.tolerance) };
  const read = readAmount(slip.stakes[key] ?? "");
  if ("fault" in read) return { ...planned, fault: { kind: read.fault } };
  const stakeMicro = read.micro;
  const payoutMicro = payoutDown(stakeMicro, oddsE4);
  const made = { ...planned, stakeMicro, payoutMicro };
  const fault = limits && limitFault(stakeMicro, payoutMicro, limits);
  return fault ? { ...made, fault } : made;
}

function limitFault(stakeMicro: bigint, payoutMicro: bigint, limits: Limits): Planned["fault"] {
  const [least, most, mostPayout] = [limits.min_stake_micro, limits.max_stake_micro, limits.max_payout_micro].map(BigInt);
  if (least !== undefined && stakeMicro < least) return { kind: "least", limitMicro: least };
  if (most !== undefined && stakeMicro > most) return { kind: "most", limitMicro: most };
  if (mostPayout !== undefined && payoutMicro > mostPayout) return { kind: "mostPayout", limitMicro: mostPayout };
  return undefined;
}
