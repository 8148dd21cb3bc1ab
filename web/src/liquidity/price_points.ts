/** Turns past prices of a share into what a chart draws. Pure. */

import type { Schemas } from "../api/client.ts";
import type { StepPoint } from "../odds/chart.ts";

const DAY_S = 86_400;

/** How long each span is, and how far apart its prices are: at most 200 of them. */
export const SPANS = {
  day: { lastsS: DAY_S, everyS: 600 },
  month: { lastsS: 30 * DAY_S, everyS: 14_400 },
  all: { lastsS: Infinity, everyS: 7 * DAY_S },
} as const;
export type Span = keyof typeof SPANS;

/** `prices` are newest first, and stay as they are until the next one. The first point is what counted when the span
 * began; the last one what counts now. */
export function pricePoints(
  prices: readonly Schemas["SharePricePublic"][],
  nowS: number,
  nowMicro: string | null,
  lastsS: number,
): StepPoint[] {
  const fromS = nowS - lastsS;
  const points: StepPoint[] = [];
  for (const { at_s, leave_micro } of prices) {
    if (at_s > nowS) continue;
    points.unshift({ timeS: Math.max(at_s, fromS), values: [Number(leave_micro)] });
    if (at_s <= fromS) break;
  }
  if (nowMicro !== null) points.push({ timeS: nowS, values: [Number(nowMicro)] });
  return points;
}
