/** What a visitor's limits would become, and from when. Pure; the house decides by the same rules. */

import type { Schemas } from "../api/client.ts";
import { readAmount, type AmountFault } from "../slip/amounts.ts";

export type OwnLimit = Schemas["OwnLimitPublic"];

export const KINDS = ["deposit", "stake", "loss"] as const;
export const PERIODS = ["day", "week", "month"] as const;

const DAY_S = 24 * 3_600;
export const TIME_OUT_DAYS = [1, 3, 7, 30, 90] as const;
export const EXCLUSION_DAYS = [7, 30, 182, 365, 5 * 365] as const;

export type LimitFault = Exclude<AmountFault, "empty">;

export interface Edit {
  /** What is sent; missing while nothing changes, or while what was typed is no amount. */
  set?: Schemas["OwnLimitSet"];
  /** Whether the change counts at once, or a day later. */
  when?: "now" | "later";
  fault?: LimitFault;
}

/** What a typed limit does to the one that counts; nothing typed means no limit. */
export function editOf(limit: OwnLimit, text: string): Edit {
  const read = readAmount(text);
  if ("fault" in read && read.fault !== "empty") return { fault: read.fault };
  const micro = "micro" in read ? read.micro : null;
  const before = limit.limit_micro === null ? null : BigInt(limit.limit_micro);
  if (micro === before) return {};
  const isRise = before !== null && (micro === null || micro > before);
  const set = { kind: limit.kind, period: limit.period, limit_micro: micro === null ? null : String(micro) };
  return { set, when: isRise ? "later" : "now" };
}

/** Of several limits the lowest rules: how much more may be deposited, staked or lost; null for any amount. */
export function leftOf(limits: readonly OwnLimit[], kind: OwnLimit["kind"]): bigint | null {
  const lefts = limits.filter((one) => one.kind === kind && one.left_micro !== null).map((one) => BigInt(one.left_micro ?? 0));
  return lefts.length === 0 ? null : lefts.reduce((least, one) => (one < least ? one : least));
}

/** The ends that can be chosen: at least a day after the one that counts, if there is one. */
export function endsFrom(days: readonly number[], nowS: number, countsUntilS: number | null): { days: number; untilS: number }[] {
  return days.map((one) => ({ days: one, untilS: nowS + one * DAY_S })).filter(({ untilS }) => untilS >= (countsUntilS ?? 0) + DAY_S);
}
