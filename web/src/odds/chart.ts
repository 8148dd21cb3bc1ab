/** Draws past odds as lines with steps. Pure. */

export interface PricePoint {
  time_s: number;
  /** Empty while no odds were offered. */
  odds_e4: readonly number[];
}

export interface Chart {
  /** The path of each outcome, in a box of `width` by `height`. */
  paths: string[];
  lowE4: number;
  highE4: number;
  fromS: number;
  toS: number;
}

/** The chart of some outcomes up to `nowS`; null while there is nothing to draw. */
export function chartOf(points: readonly PricePoint[], outcomes: number, nowS: number, width: number, height: number): Chart | null {
  const first = points[0];
  const offered = points.flatMap((point) => point.odds_e4);
  if (first === undefined || offered.length === 0) return null;
  const fromS = first.time_s;
  const toS = Math.max(nowS, points.at(-1)?.time_s ?? 0, fromS + 1);
  const [lowE4, highE4] = [Math.min(...offered), Math.max(...offered)];
  // Room above and below, also for odds that never moved.
  const margin = Math.max((highE4 - lowE4) * 0.08, lowE4 * 0.005);
  const x = (timeS: number) => round(((timeS - fromS) / (toS - fromS)) * width);
  const y = (oddsE4: number) => round(((highE4 + margin - oddsE4) / (highE4 - lowE4 + 2 * margin)) * height);
  const paths = Array.from({ length: outcomes }, (_, outcome) => {
    let path = "";
    let drawn = false;
    points.forEach(({ time_s, odds_e4 }, at) => {
      const oddsE4 = odds_e4[outcome];
      if (oddsE4 !== undefined) {
        path += drawn ? `V${y(oddsE4)}` : `M${x(time_s)} ${y(oddsE4)}`;
        path += `H${x(points[at + 1]?.time_s ?? toS)}`;
      }
      drawn = oddsE4 !== undefined;
    });
    return path;
  });
  return { paths, lowE4, highE4, fromS, toS };
}

/** What an outcome's odds were first, at least, at most and last; null for one without any. */
export function rangeOf(points: readonly PricePoint[], outcome: number) {
  const odds = points.flatMap(({ odds_e4 }) => odds_e4[outcome] ?? []);
  const [first, last] = [odds[0], odds.at(-1)];
  if (first === undefined || last === undefined) return null;
  return { first, last, low: Math.min(...odds), high: Math.max(...odds) };
}

const round = (value: number) => Math.round(value * 10) / 10;
