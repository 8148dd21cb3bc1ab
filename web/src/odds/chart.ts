/** Draws how odds have changed, as lines with steps. Pure. */

export interface PricePoint {
  time_s: number;
  /** Empty while no odds were offered. */
  odds_e4: readonly number[];
}

export interface Chart {
  /** The path of each outcome, in a box of `width` by `height`: its odds as a share of its first ones, so
   * that those of a favourite are seen to move as well as those of an outsider. */
  paths: string[];
  /** The lowest and highest share of all. */
  low: number;
  high: number;
  fromS: number;
  toS: number;
}

/** The chart of some outcomes up to `nowS`; null while there is nothing to draw. */
export function chartOf(points: readonly PricePoint[], outcomes: number, nowS: number, width: number, height: number): Chart | null {
  const base = Array.from({ length: outcomes }, (_, outcome) => rangeOf(points, outcome)?.first ?? 1);
  const share = (outcome: number, oddsE4: number) => oddsE4 / (base[outcome] ?? 1);
  const offered = points.flatMap((point) => point.odds_e4.map((oddsE4, outcome) => share(outcome, oddsE4)));
  const fromS = points[0]?.time_s;
  if (fromS === undefined || offered.length === 0) return null;
  const toS = Math.max(nowS, points.at(-1)?.time_s ?? 0, fromS + 1);
  const [low, high] = [Math.min(...offered), Math.max(...offered)];
  // Room above and below, also for odds that never moved.
  const margin = Math.max((high - low) * 0.08, 0.005);
  const x = (timeS: number) => round(((timeS - fromS) / (toS - fromS)) * width);
  const y = (value: number) => round(((high + margin - value) / (high - low + 2 * margin)) * height);
  const paths = Array.from({ length: outcomes }, (_, outcome) => {
    let path = "";
    let drawn = false;
    points.forEach(({ time_s, odds_e4 }, at) => {
      const oddsE4 = odds_e4[outcome];
      if (oddsE4 !== undefined) {
        const level = y(share(outcome, oddsE4));
        path += drawn ? `V${level}` : `M${x(time_s)} ${level}`;
        path += `H${x(points[at + 1]?.time_s ?? toS)}`;
      }
      drawn = oddsE4 !== undefined;
    });
    return path;
  });
  return { paths, low, high, fromS, toS };
}

/** What an outcome's odds were first, at least, at most and last; null for one without any. */
export function rangeOf(points: readonly PricePoint[], outcome: number) {
  const odds = points.flatMap(({ odds_e4 }) => odds_e4[outcome] ?? []);
  const [first, last] = [odds[0], odds.at(-1)];
  if (first === undefined || last === undefined) return null;
  return { first, last, low: Math.min(...odds), high: Math.max(...odds) };
}

const round = (value: number) => Math.round(value * 10) / 10;
