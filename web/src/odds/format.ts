/** Formats odds, amounts and times. Pure; the caller passes time zone and locale. */

import { t } from "../strings/index.ts";

const ONE_E4 = 10000;

export type OddsFormat = "decimal" | "fractional" | "american";

/** Odds in the visitor's format, in none of them better than they are. */
export function formatOdds(oddsE4: number, format: OddsFormat = "decimal"): string {
  if (format === "fractional") return fractional(oddsE4);
  if (format === "american") return american(oddsE4);
  return decimal(oddsE4);
}

/**
 * Decimal odds x 10^4 as text, never rounded up: two decimals, one from 10, none from 100, with more
 * digits only where the odds have them.
 */
function decimal(oddsE4: number): string {
  const least = oddsE4 < 10 * ONE_E4 ? 2 : oddsE4 < 100 * ONE_E4 ? 1 : 0;
  const whole = Math.floor(oddsE4 / ONE_E4);
  let digits = String(oddsE4 % ONE_E4).padStart(4, "0");
  while (digits.length > least && digits.endsWith("0")) digits = digits.slice(0, -1);
  return digits ? `${whole}${t.number.point}${digits}` : String(whole);
}

/** Profit to stake, exact: 19200 is "23/25". */
function fractional(oddsE4: number): string {
  const profit = oddsE4 - ONE_E4;
  if (profit <= 0) return "0/1";
  let [a, b] = [profit, ONE_E4];
  while (b !== 0) [a, b] = [b, a % b];
  return `${profit / a}/${ONE_E4 / a}`;
}

/** What 100 wins, or what must be staked to win 100; rounded against the bettor. */
function american(oddsE4: number): string {
  const profit = oddsE4 - ONE_E4;
  if (profit <= 0) return "−∞";
  if (profit >= ONE_E4) return `+${Math.floor(profit / 100)}`;
  return `−${Math.ceil((100 * ONE_E4) / profit)}`;
}

/** A duration in words that do not flicker: "now", "4 s", "2 min", "3 h". */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 1) return t.units.now;
  if (seconds < 60) return `${seconds} ${t.units.seconds}`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} ${t.units.minutes}`;
  return `${Math.floor(seconds / 3600)} ${t.units.hours}`;
}

/** Day and time of a kick-off in the reader's zone. */
export function formatKickOff(startsAtS: number, locale = t.locale, timeZone?: string) {
  const date = new Date(startsAtS * 1000);
  const zone = timeZone === undefined ? {} : { timeZone };
  const day = { weekday: "long", day: "numeric", month: "long", year: "numeric", ...zone } as const;
  const time = { hour: "2-digit", minute: "2-digit", timeZoneName: "short", ...zone } as const;
  return {
    iso: date.toISOString(),
    day: new Intl.DateTimeFormat(locale, day).format(date),
    time: new Intl.DateTimeFormat(locale, time).format(date),
  };
}

/** A moment, short: "25 May, 15:00:12". */
export function formatMoment(atS: number, locale = t.locale, timeZone?: string): string {
  return new Intl.DateTimeFormat(locale, {
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    ...(timeZone === undefined ? {} : { timeZone }),
  }).format(new Date(atS * 1000));
}

/** Micro-units as units, rounded down to two digits where there is no space for more: 12509999 is "12.50". */
export function formatDown(micro: bigint | string): string {
  const value = BigInt(micro);
  return formatMicro(value - (value % 10_000n), 2);
}

/** When something ends that may last for years: "25 May 2030, 15:00". */
export function formatEnd(atS: number, locale = t.locale, timeZone?: string): string {
  return new Intl.DateTimeFormat(locale, {
    dateStyle: "medium",
    timeStyle: "short",
    ...(timeZone === undefined ? {} : { timeZone }),
  }).format(new Date(atS * 1000));
}

/** Micro-units as units with thousands separators: 12500000 is "12.5", with two digits "12.50". */
export function formatMicro(micro: bigint | string, least = 0): string {
  const value = BigInt(micro);
  const sign = value < 0n ? "−" : "";
  const size = value < 0n ? -value : value;
  let fraction = String(size % 1000000n).padStart(6, "0");
  while (fraction.length > least && fraction.endsWith("0")) fraction = fraction.slice(0, -1);
  const whole = String(size / 1000000n).replace(/\B(?=(\d{3})+$)/g, t.number.group);
  return sign + (fraction ? `${whole}${t.number.point}${fraction}` : whole);
}
