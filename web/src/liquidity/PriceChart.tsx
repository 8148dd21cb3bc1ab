/** How the price of a share has moved, over the time that is chosen. */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { answered, api } from "../api/client.ts";
import { formatMicro } from "../odds/format.ts";
import { t } from "../strings/index.ts";
import { Fault } from "../ui/Fault.tsx";
import { StepChart } from "../ui/StepChart.tsx";
import { pricePoints, SPANS, type Span } from "./price_points.ts";

const LOOK_MS = 30_000;
const MOST_POINTS = 200;

interface Props {
  nowS: number;
  nowMicro: string | null;
  unit: string;
}

export function PriceChart({ nowS, nowMicro, unit }: Props) {
  const [span, setSpan] = useState<Span>("month");
  const { everyS, lastsS } = SPANS[span];
  const { data, error } = useQuery({
    queryKey: ["liquidity", "prices", everyS],
    queryFn: () =>
      answered(api.GET("/v1/liquidity/prices", { params: { query: { every_s: everyS, limit: MOST_POINTS } } })),
    refetchInterval: LOOK_MS,
  });
  if (error) return <Fault error={error} />;
  if (!data) return null;
  const points = pricePoints(data.prices, nowS, nowMicro, lastsS);
  const price = (micro: number) => `${formatMicro(BigInt(Math.round(micro)), 2)} ${unit}`;
  const [first, last] = [points[0]?.values[0], points.at(-1)?.values[0]];
  return (
    <section aria-labelledby="share-prices-title">
      <div className="row">
        <h2 id="share-prices-title">{t.liquidity.prices}</h2>
        <select className="input span" aria-label={t.liquidity.span} value={span} onChange={(event) => setSpan(event.target.value as Span)}>
          {(Object.keys(SPANS) as Span[]).map((one) => (
            <option key={one} value={one}>
              {t.liquidity.spans[one]}
            </option>
          ))}
        </select>
      </div>
      {first === undefined || last === undefined ? (
        <p className="muted">{t.liquidity.pricesNone}</p>
      ) : (
        <StepChart
          title={t.liquidity.leave}
          points={points}
          nowS={nowS}
          marginLeast={1}
          format={price}
          summary={t.liquidity.pricesSummary(price(first), price(last))}
        />
      )}
      <p className="muted small">{t.liquidity.pricesNote}</p>
    </section>
  );
}
