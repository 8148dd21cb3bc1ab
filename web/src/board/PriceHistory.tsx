/** How the odds of a market have moved: a chart, and the same in figures. Loaded when it is opened. */

import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";

import { answered, api } from "../api/client.ts";
import { typedDataQuery } from "../api/queries.ts";
import { usePreferences } from "../app/preferences.ts";
import { chartOf, rangeOf } from "../odds/chart.ts";
import { formatMoment, formatOdds } from "../odds/format.ts";
import { usePrices } from "../odds/live.ts";
import { outcomeNames } from "../odds/market.ts";
import { t } from "../strings/index.ts";
import { Fault } from "../ui/Fault.tsx";
import type { ShownMarket } from "./fixtures.ts";

/** A share as a change in percent: 0.987 is "−1.3". */
const percent = (share: number) => {
  const tenths = Math.round((share - 1) * 1000);
  return `${tenths > 0 ? "+" : tenths < 0 ? "−" : ""}${Math.abs(tenths / 10)}`;
};

const [WIDTH, HEIGHT] = [400, 120];
const LOOK_MS = 10_000;

export function PriceHistory({ markets }: { markets: readonly ShownMarket[] }) {
  const [chosen, choose] = useState(markets[Math.floor(markets.length / 2)]?.id);
  const market = markets.find(({ id }) => id === chosen) ?? markets[0];
  if (market === undefined) return null;
  return (
    <>
      {markets.length > 1 && (
        <label className="tolerance">
          {t.history.line}
          <select className="input" value={market.id} onChange={(event) => choose(event.target.value)}>
            {markets.map((one) => (
              <option key={one.id} value={one.id}>
                {outcomeNames(one)[0]}
              </option>
            ))}
          </select>
        </label>
      )}
      <MarketHistory key={market.id} market={market} />
    </>
  );
}

function MarketHistory({ market }: { market: ShownMarket }) {
  const { odds: format } = usePreferences();
  const names = outcomeNames(market);
  const { data: typed } = useQuery({ ...typedDataQuery, refetchInterval: LOOK_MS });
  const { data, error } = useQuery({
    queryKey: ["prices", market.id],
    queryFn: () => answered(api.GET("/v1/markets/{market}/prices", { params: { path: { market: market.id } } })),
    refetchInterval: LOOK_MS,
  });
  const now = usePrices(names.map((_, outcome) => `${market.id}:${outcome}`));
  const current = now.join();
  const nowS = Math.max(typed?.now_s ?? 0, data?.points.at(-1)?.time_s ?? 0);
  // What the stream says now comes last: the history is asked for less often.
  const points = useMemo(
    () => [...(data?.points ?? []), { time_s: nowS, odds_e4: current.split(",").filter(Boolean).map(Number) }],
    [data, nowS, current],
  );
  if (error) return <Fault error={error} />;
  if (!data) return <p className="muted small">{t.board.loading}</p>;
  const chart = chartOf(points, names.length, nowS, WIDTH, HEIGHT);
  if (chart === null) return <p className="muted small">{t.history.none}</p>;
  return (
    <figure className="chart">
      <div className="chart-box">
        <span className="muted small">{t.history.change(percent(chart.high))}</span>
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
          {chart.paths.map((path, outcome) => (
            <path key={outcome} d={path} data-outcome={outcome} />
          ))}
        </svg>
        <span className="muted small">{t.history.change(percent(chart.low))}</span>
        <p className="row muted small">
          <time>{formatMoment(chart.fromS)}</time> <time>{formatMoment(chart.toS)}</time>
        </p>
      </div>
      <table className="chart-figures">
        <thead>
          <tr>
            {t.history.columns.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {names.map((name, outcome) => {
            const range = rangeOf(points, outcome);
            const cells = range ? [range.first, range.low, range.high, now[outcome]] : [];
            return (
              <tr key={name}>
                <th scope="row">
                  <svg className="chart-key" viewBox="0 0 24 8" aria-hidden="true">
                    <path d="M0 4H24" data-outcome={outcome} />
                  </svg>
                  {name}
                </th>
                {cells.map((oddsE4, at) => (
                  <td key={at}>{oddsE4 === undefined ? "–" : formatOdds(oddsE4, format)}</td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </figure>
  );
}
