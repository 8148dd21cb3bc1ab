/** Chooses among the bets of an account. Pure. */

import type { Bet } from "../api/client.ts";
import { profitOf } from "./profit.ts";

export const ENDS = ["won", "lost", "returned", "cashedOut"] as const;
export type End = (typeof ENDS)[number];

/** Empty is any. Days are as an input of the type "date" has them, in the visitor's zone. */
export interface BetFilter {
  league: string;
  legs: "" | "single" | "accumulator";
  from: string;
  to: string;
  end: "" | End;
}

export const ANY: BetFilter = { league: "", legs: "", from: "", to: "", end: "" };

export const isAny = (filter: BetFilter) => Object.values(filter).every((one) => one === "");

interface Leg {
  competition: string | null;
}

/** Whether legs and time of a bet or slip are those that were asked for. */
export function isWanted(filter: BetFilter, legs: readonly Leg[], acceptedAtS: number): boolean {
  if (filter.league && !legs.some(({ competition }) => competition === filter.league)) return false;
  if (filter.legs && (filter.legs === "single") !== (legs.length === 1)) return false;
  const day = dayOf(acceptedAtS);
  return (filter.from === "" || filter.from <= day) && (filter.to === "" || day <= filter.to);
}

/** How a closed bet ended for its owner: by money, not by legs. */
export function endOf(bet: Bet, all: readonly Bet[]): End {
  if (bet.state === "cashed-out") return "cashedOut";
  const profit = profitOf(bet, all);
  return profit > 0n ? "won" : profit < 0n ? "lost" : "returned";
}

/** The leagues of some bets or slips, by name. */
export function leaguesOf(bets: readonly { legs: readonly Leg[] }[]): string[] {
  const names = bets.flatMap(({ legs }) => legs.flatMap(({ competition }) => competition ?? []));
  return [...new Set(names)].sort((a, b) => a.localeCompare(b));
}

/** The day of a moment in the visitor's zone, as an input of the type "date" has it. */
export function dayOf(atS: number): string {
  const at = new Date(atS * 1000);
  const two = (number: number) => String(number).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}
