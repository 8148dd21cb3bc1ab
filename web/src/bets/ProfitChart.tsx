/** What the closed bets that are shown have brought, over time. */

import { useQuery } from "@tanstack/react-query";

import type { Bet } from "../api/client.ts";
import { typedDataQuery } from "../api/queries.ts";
import { useUnit } from "../app/hooks.ts";
import { formatMicro } from "../odds/format.ts";
import { t } from "../strings/index.ts";
import { StepChart } from "../ui/StepChart.tsx";
import { profitOver } from "./profit.ts";

const CENT_MICRO = 10_000;

export function ProfitChart({ bets, all }: { bets: readonly Bet[]; all: readonly Bet[] }) {
  const unit = useUnit();
  const { data: typed } = useQuery(typedDataQuery);
  const profit = profitOver(bets, all);
  if (profit === null) return null;
  const amount = (micro: bigint) => `${micro > 0n ? "+" : ""}${formatMicro(micro, 2)} ${unit}`;
  const summary = t.bets.profit.summary(profit.bets, `${formatMicro(profit.stakedMicro, 2)} ${unit}`, amount(profit.profitMicro));
  return (
    <div className="profit">
      <StepChart
        title={t.bets.profit.title}
        points={profit.points}
        nowS={typed?.now_s ?? 0}
        marginLeast={CENT_MICRO}
        mark={0}
        format={(micro) => amount(BigInt(Math.round(micro)))}
        summary={summary}
      />
      <p className="small" data-testid="profit">
        {summary}
      </p>
    </div>
  );
}
