/** A fixture on the board: its main markets, and the others behind a click. */

import { Link } from "@tanstack/react-router";
import { memo, useMemo, useState } from "react";

import type { Fixture } from "../api/client.ts";
import { prefer, usePreferences } from "../app/preferences.ts";
import { partMarkets } from "../odds/market.ts";
import { t } from "../strings/index.ts";
import { marketsOf } from "./fixtures.ts";
import { MarketBlock } from "./MarketBlock.tsx";

export const FixtureCard = memo(function FixtureCard({ fixture }: { fixture: Fixture }) {
  const { main, more } = useMemo(() => partMarkets(marketsOf(fixture)), [fixture]);
  const [isOpen, setOpen] = useState(false);
  return (
    <li className="fixture">
      <div className="fixture-head">
        <Link className="teams" to="/fixture/$id" params={{ id: fixture.id }}>
          <span>{fixture.home}</span>
          <span className="hidden"> {t.board.versus} </span>
          <span>{fixture.away}</span>
        </Link>
        <Favourite name={fixture.home} />
        <p className="competition">{fixture.competition}</p>
      </div>
      <div className="markets">
        {main.map((market) => (
          <MarketBlock key={market.id} fixture={fixture} market={market} />
        ))}
      </div>
      {more.length > 0 && (
        <details className="more" onToggle={(event) => setOpen(event.currentTarget.open)}>
          <summary>{t.board.more(more.length)}</summary>
          {isOpen && (
            <div className="markets">
              {more.map((market) => (
                <MarketBlock key={market.id} fixture={fixture} market={market} />
              ))}
            </div>
          )}
        </details>
      )}
    </li>
  );
});

/** The star of a fixture's home team; a team is a favourite on both sides. */
export function Favourite({ name }: { name: string }) {
  const { favourites } = usePreferences();
  const isOn = favourites.includes(name);
  const toggle = () => prefer({ favourites: isOn ? favourites.filter((one) => one !== name) : [...favourites, name] });
  return (
    <button type="button" className="star" aria-pressed={isOn} aria-label={t.board.favourite(name)} onClick={toggle}>
      <span aria-hidden="true">{isOn ? "★" : "☆"}</span>
    </button>
  );
}
