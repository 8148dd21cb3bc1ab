/** A market with the prices of its outcomes; a click puts one on the slip. */

import { memo } from "react";

import type { Fixture } from "../api/client.ts";
import { usePreferences } from "../app/preferences.ts";
import { formatOdds } from "../odds/format.ts";
import { usePrice } from "../odds/live.ts";
import { marketTitle, outcomeNames } from "../odds/market.ts";
import { toggleLeg, useInSlip } from "../slip/state.ts";
import { t } from "../strings/index.ts";
import type { ShownMarket } from "./fixtures.ts";

interface Props {
  fixture: Fixture;
  market: ShownMarket;
  /** In a ladder the name stands above all lines: then only that one of them is suspended is said. */
  title?: "all" | "suspended" | "none";
}

export const MarketBlock = memo(function MarketBlock({ fixture, market, title: titled = "all" }: Props) {
  const names = outcomeNames(market);
  const title = marketTitle(market);
  return (
    <div className="market" role="group" aria-label={title} data-outcomes={names.length} data-open={market.isOpen}>
      {titled === "all" && (
        <h4 title={title}>
          {!market.isOpen && <span className="tag">{t.board.suspended}</span>} {title}
        </h4>
      )}
      {titled === "suspended" && !market.isOpen && <p className="tag">{t.board.suspended}</p>}
      <div className="outcomes">
        {names.map((name, outcome) => (
          <Price key={name} fixture={fixture} market={market} title={title} name={name} outcome={outcome} />
        ))}
      </div>
    </div>
  );
});

interface PriceProps {
  fixture: Fixture;
  market: ShownMarket;
  title: string;
  name: string;
  outcome: number;
}

function Price({ fixture, market, title, name, outcome }: PriceProps) {
  const { oddsE4, trend } = usePrice(market.id, outcome);
  const { odds: format } = usePreferences();
  const isChosen = useInSlip(market.id, outcome);
  const teams = `${fixture.home} ${t.board.versus} ${fixture.away}`;
  const isOffered = oddsE4 !== undefined && market.isOpen;
  const shown = isOffered ? formatOdds(oddsE4, format) : "–";
  const choose = () => {
    if (oddsE4 === undefined) return;
    toggleLeg({
      market: market.id,
      outcome,
      fixture: fixture.name,
      fixtureId: fixture.id,
      teams,
      title,
      name,
      seenE4: oddsE4,
    });
  };
  return (
    <button
      type="button"
      className="outcome"
      data-trend={isOffered ? trend : undefined}
      aria-pressed={isChosen}
      disabled={!isOffered && !isChosen}
      onClick={choose}
    >
      <span className="name">{name}</span> <span className="price">{shown}</span>
      <span className="hidden">{t.board.add(title, teams)}</span>
      {isOffered && trend && (
        <span className="trend" aria-hidden="true">
          {trend === "up" ? "▲" : "▼"}
        </span>
      )}
    </button>
  );
}
