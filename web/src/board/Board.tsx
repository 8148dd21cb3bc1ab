/** The first page: fixtures by kick-off with live odds, and what narrows them down. */

import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useDeferredValue, useMemo, useState } from "react";

import { fixturesQuery } from "../api/queries.ts";
import { useRoomy } from "../app/hooks.ts";
import { usePreferences } from "../app/preferences.ts";
import { formatKickOff } from "../odds/format.ts";
import { live, useFreshness } from "../odds/live.ts";
import { t } from "../strings/index.ts";
import { Filters } from "./Filters.tsx";
import { FixtureCard } from "./FixtureCard.tsx";
import { filtered, groupByKickOff } from "./fixtures.ts";
import { Guarantees, Lead } from "./Lead.tsx";
import { useNewMarkets } from "./new_markets.ts";

const here = getRouteApi("/");

export function Board() {
  const { data: fixtures, error } = useQuery(fixturesQuery);
  const [typed, setTyped] = useState("");
  const search = useDeferredValue(typed);
  const { day, league, favourites: onlyFavourites } = here.useSearch();
  const { favourites } = usePreferences();
  const freshness = useFreshness();
  const isRoomy = useRoomy();
  useNewMarkets(fixtures);
  const shown = useMemo(
    () => filtered(fixtures ?? [], { day, league, search, favourites: onlyFavourites && favourites }),
    [fixtures, day, league, search, onlyFavourites, favourites],
  );
  const groups = useMemo(() => groupByKickOff(shown), [shown]);
  const isOld = freshness !== "live" && live.heardAt !== null;
  const markets = fixtures?.reduce((sum, fixture) => sum + fixture.markets.length, 0) ?? 0;
  return (
    <>
      <Lead />
      <div className="columns">
        <Filters fixtures={fixtures ?? []} search={typed} onSearch={setTyped} />
        <section className="book" aria-labelledby="fixtures-title" data-odds={isOld ? "old" : "live"}>
          <div className="book-head">
            <h2 id="fixtures-title">{t.board.title}</h2>
            {fixtures && fixtures.length > 0 && (
              <p className="muted" role="status">
                {shown.length === fixtures.length
                  ? t.board.count(fixtures.length, markets)
                  : t.board.found(shown.length, fixtures.length)}
              </p>
            )}
          </div>
          {error && (
            <p className="notice" role="alert">
              {t.board.refused(error.message)}
            </p>
          )}
          {!fixtures && !error && <p className="placeholder">{t.board.loading}</p>}
          {fixtures?.length === 0 && <p className="placeholder">{t.board.none}</p>}
          {fixtures && fixtures.length > 0 && shown.length === 0 && (
            <p className="placeholder">
              {t.board.noMatch}{" "}
              <here.Link to="/" search={{}} onClick={() => setTyped("")}>
                {t.board.clear}
              </here.Link>
            </p>
          )}
          {groups.map(([startsAtS, group]) => (
            <KickOff key={startsAtS} startsAtS={startsAtS}>
              {group.map((fixture) => (
                <FixtureCard key={fixture.id} fixture={fixture} />
              ))}
            </KickOff>
          ))}
        </section>
      </div>
      {!isRoomy && <Guarantees />}
    </>
  );
}

function KickOff({ startsAtS, children }: { startsAtS: number; children: React.ReactNode }) {
  const { iso, time, day } = formatKickOff(startsAtS);
  return (
    <section>
      <h3 className="kick-off">
        <time dateTime={iso}>{time}</time> <span>{day}</span>
      </h3>
      <ul className="fixtures">{children}</ul>
    </section>
  );
}
