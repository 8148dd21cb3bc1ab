/** One value over time, as a line with steps: its highest and lowest, and from when to when. */

import { stepChartOf, type StepPoint } from "../odds/chart.ts";
import { formatMoment } from "../odds/format.ts";

const [WIDTH, HEIGHT] = [400, 120];

interface Props {
  title: string;
  points: readonly StepPoint[];
  nowS: number;
  marginLeast: number;
  /** A value that has a line of its own, such as 0. */
  mark?: number;
  format: (value: number) => string;
  /** What the line says, for those who do not see it. */
  summary: string;
}

export function StepChart({ title, points, nowS, marginLeast, mark, format, summary }: Props) {
  const chart = stepChartOf(points, 1, nowS, { width: WIDTH, height: HEIGHT, marginLeast });
  if (chart === null) return null;
  const level = mark === undefined || mark < chart.low || mark > chart.high ? undefined : chart.y(mark);
  return (
    <figure className="chart card">
      <figcaption>{title}</figcaption>
      <div className="chart-box">
        <span className="muted small">{format(chart.high)}</span>
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={summary}>
          {level !== undefined && <path className="chart-mark" d={`M0 ${level}H${WIDTH}`} />}
          <path d={chart.paths[0]} />
        </svg>
        <span className="muted small">{format(chart.low)}</span>
        <p className="row muted small">
          <time>{formatMoment(chart.fromS)}</time> <time>{formatMoment(chart.toS)}</time>
        </p>
      </div>
    </figure>
  );
}
