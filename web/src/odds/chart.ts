/** Draws what changes at moments and stays in between, as lines with steps. Pure. */

export interface PricePoint {
  time_s: number;
  /** Empty while no odds were offered. */
  odds_e4: readonly number[];
}

export interface StepPoint {
  timeS: number;
  /** The value of each line from then on; none while there is none. */
  values: readonly number[];
}

export interface Chart {
  /** The path of each line, in a box of `width` by `height`. */
  paths: string[];
  /** The lowest and highest value of all. */
  low: number;
  high: number;
  fromS: number;
  toS: number;
  /** How far from the top a value is, in the same box. */
  y: (value: number) => number;
}

interface Box {
  width: number;
  height: number;
  /** How much above and below there is at least, also for what never moved. */
  marginLeast: number;
}

/** The chart of some lines up to `nowS`; null while there is nothing to draw. */
export function stepChartOf(points: readonly StepPoint[], lines: number, nowS: number, box: Box): Chart | null {
  const { width, height, marginLeast } = box;
  const all = points.flatMap(({ values }) => values);
  const fromS = points[0]?.timeS;
  if (fromS === undefined || all.length === 0) return null;
  const toS = Math.max(nowS, points.at(-1)?.timeS ?? 0, fromS + 1);
  const low = all.reduce((least, value) => Math.min(least, value));
  const high = all.reduce((most, value) => Math.max(most, value));
  const margin = Math.max((high - low) * 0.08, marginLeast);
  const x = (timeS: number) => round(((timeS - fromS) / (toS - fromS)) * width);
  const y = (value: number) => round(((high + margin - value) / (high - low + 2 * margin)) * height);
  const paths = Array.from({ length: lines }, (_, line) => {
    let path = "";
    let drawn = false;
    points.forEach(({ timeS, values }, at) => {
      const value = values[line];
      if (value !== undefined) {
        path += drawn ? `V${y(value)}` : `M${x(timeS)} ${y(value)}`;
        path += `H${x(points[at + 1]?.timeS ?? toS)}`;
      }
      drawn = value !== undefined;
    });
    return path;
  });
  return { paths, low, high, fromS, toS, y };
}

/** The chart of the odds of some outcomes: each as a share of its first ones, so that those of a favourite are
 * seen to move as well as those of an outsider. */
export function chartOf(points: readonly PricePoint[], outcomes: number, nowS: number, width: number, height: number): Chart | null {
  const base = Array.from({ length: outcomes }, (_, outcome) => rangeOf(points, outcome)?.first ?? 1);
  const shares = points.map(({ time_s, odds_e4 }) => ({
    timeS: time_s,
    values: odds_e4.map((oddsE4, outcome) => oddsE4 / (base[outcome] ?? 1)),
  }));
  return stepChartOf(shares, outcomes, nowS, { width, height, marginLeast: 0.005 });
}

/** What an outcome's odds were first, at least, at most and last; null for one without any. */
export function rangeOf(points: readonly PricePoint[], outcome: number) {
  const odds = points.flatMap(({ odds_e4 }) => odds_e4[outcome] ?? []);
  const [first, last] = [odds[0], odds.at(-1)];
  if (first === undefined || last === undefined) return null;
  return { first, last, low: Math.min(...odds), high: Math.max(...odds) };
}

const round = (value: number) => Math.round(value * 10) / 10;
