/** Formats numbers and times for the page. Pure; the caller passes time zone and locale. */

const ONE_E4 = 10000;

/**
 * Decimal odds x 10^4 as text, never rounded up: two decimals, one from 10, none from 100,
 * with more digits only where the odds have them.
 *
 * @param {number} oddsE4
 */
export function formatOdds(oddsE4) {
  const least = oddsE4 < 10 * ONE_E4 ? 2 : oddsE4 < 100 * ONE_E4 ? 1 : 0;
  const whole = Math.floor(oddsE4 / ONE_E4);
  let digits = String(oddsE4 % ONE_E4).padStart(4, "0");
  while (digits.length > least && digits.endsWith("0")) digits = digits.slice(0, -1);
  return digits ? `${whole}.${digits}` : String(whole);
}

/**
 * A duration in words that do not flicker: "now", "4 s", "2 min", "3 h".
 *
 * @param {number} ms
 */
export function formatAge(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 1) return "now";
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h`;
}

/**
 * Day and time of a kick-off in the reader's zone.
 *
 * @param {number} startsAtS unix seconds
 * @param {string} [locale]
 * @param {string} [timeZone]
 */
export function formatKickOff(startsAtS, locale, timeZone) {
  const date = new Date(startsAtS * 1000);
  const day = { weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone };
  const time = { hour: "2-digit", minute: "2-digit", timeZone, timeZoneName: "short" };
  return {
    iso: date.toISOString(),
    day: new Intl.DateTimeFormat(locale, day).format(date),
    time: new Intl.DateTimeFormat(locale, time).format(date),
  };
}

/** Micro-units (a decimal string) as units with thousands separators: "12500000" is "12.5". */
export function formatMicro(micro) {
  const value = BigInt(micro);
  const fraction = String(value % 1000000n).padStart(6, "0").replace(/0+$/, "");
  const whole = String(value / 1000000n).replace(/\B(?=(\d{3})+$)/g, ",");
  return fraction ? `${whole}.${fraction}` : whole;
}
