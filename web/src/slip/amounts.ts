/** Reads and computes amounts in whole micro-units; no number of them is ever a float. Pure. */

import { t } from "../strings/index.ts";

const MICRO_DIGITS = 6;
const ONE_E4 = 10_000n;

export type AmountFault = "empty" | "format" | "ambiguous" | "fraction" | "zero";
export type AmountRead = { micro: bigint } | { fault: AmountFault };

/**
 * What a visitor typed, as micro-units. A point or a comma separates decimals; nothing separates
 * thousands, so "1,000" is ambiguous and refused, or "1.000" where the point does.
 */
export function readAmount(text: string, decimals = MICRO_DIGITS): AmountRead {
  const typed = text.trim();
  if (typed === "") return { fault: "empty" };
  const match = /^(\d*)(?:([.,])(\d*))?$/.exec(typed);
  if (match === null || typed === "." || typed === ",") return { fault: "format" };
  const [, whole = "", separator, fraction = ""] = match;
  if (separator === t.number.group && fraction.length === 3 && whole !== "" && whole !== "0") return { fault: "ambiguous" };
  if (fraction.length > Math.min(decimals, MICRO_DIGITS)) return { fault: "fraction" };
  const micro = BigInt((whole || "0") + fraction.padEnd(MICRO_DIGITS, "0"));
  return micro === 0n ? { fault: "zero" } : { micro };
}

/** The product of decimal odds x 10^4, rounded down, as the API and the contract compare it. */
export function productDown(oddsE4: readonly number[]): bigint {
  const product = oddsE4.reduce((all, one) => all * BigInt(one), 1n);
  return (product * ONE_E4) / ONE_E4 ** BigInt(oddsE4.length);
}

/** Payout when every leg wins, rounded down once, as the contract computes it. */
export function payoutDown(stakeMicro: bigint, oddsE4: readonly number[]): bigint {
  const product = oddsE4.reduce((all, one) => all * BigInt(one), 1n);
  return (stakeMicro * product) / ONE_E4 ** BigInt(oddsE4.length);
}

/** How much worse odds may become: not at all, with (`none`) or without asking about better ones, or
 * by so many hundredths of a percent. */
export type Tolerance = "none" | "better" | number;

/** The minimum odds to sign for odds that are shown. */
export function minimumOdds(oddsE4: readonly number[], tolerance: Tolerance): bigint {
  const product = productDown(oddsE4);
  if (typeof tolerance === "string") return product;
  const least = (product * (10_000n - BigInt(tolerance)) + 9_999n) / 10_000n;
  return least < ONE_E4 ? ONE_E4 : least;
}

/** Whether what was shown may be signed at the odds of now without asking again. */
export function withinTolerance(shown: readonly number[], now: readonly number[], tolerance: Tolerance): boolean {
  if (tolerance === "none") return shown.every((oddsE4, at) => oddsE4 === now[at]);
  return productDown(now) >= minimumOdds(shown, tolerance);
}

/** Micro-units in the token's own units; whole ones, as a deposit must be. */
export function tokenUnits(micro: bigint, decimals: number): bigint {
  return decimals >= MICRO_DIGITS
    ? micro * 10n ** BigInt(decimals - MICRO_DIGITS)
    : micro / 10n ** BigInt(MICRO_DIGITS - decimals);
}

export function microOf(units: bigint, decimals: number): bigint {
  return decimals >= MICRO_DIGITS
    ? units / 10n ** BigInt(decimals - MICRO_DIGITS)
    : units * 10n ** BigInt(MICRO_DIGITS - decimals);
}
