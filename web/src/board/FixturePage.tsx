/** One fixture with all its markets; lines of one kind stand in a ladder. */

import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { lazy, Suspense, useMemo, useState } from "react";

import type { Fixture } from "../api/client.ts";
import { fixturesQuery } from "../api/queries.ts";
import { formatKickOff } from "../odds/format.ts";
import { live, useFreshness } from "../odds/live.ts";
import { ladders, marketTitle } from "../odds/market.ts";
import { t } from "../strings/index.ts";
import { Favourite } from "./FixtureCard.tsx";
import { marketsOf, type ShownMarket } from "./fixtures.ts";
import { MarketBlock } from "./MarketBlock.tsx";
import { useNewMarkets } from "./new_markets.ts";

const PriceHistory = lazy(() => import("./PriceHistory.tsx").then((m) => ({ default: m.PriceHistory })));

const here = getRouteApi("/fixture/$id");

export function FixturePage() {
  const { id } = here.useParams();
  const { data: fixtures, error } = useQuery(fixturesQuery);
  useNewMarkets(fixtures);
  const fixture = fixtures?.find((one) => one.id === id);
  return (
    <section className="page">
      <p>
        <Link to="/" className="back">
          ‹ {t.board.back}
        </Link>
      </p>
      {fixture && <Markets fixture={fixture} />}
      {!fixture && fixtures && <h1>{t.board.gone}</h1>}
      {!fixtures && <p className="placeholder">{error ? t.board.refused(error.message) : t.board.loading}</p>}
    </section>
  );
}

function Markets({ fixture }: { fixture: Fixture }) {
  const groups = useMemo(() => ladders(marketsOf(fixture)), [fixture]);
  const freshness = useFreshness();
  const { iso, day, time } = formatKickOff(fixture.starts_at_s);
  const isOld = freshness !== "live" && live.heardAt !== null;
  return (
    <div data-odds={isOld ? "old" : "live"}>
      <div className="fixture-title">
        <h1>
          {fixture.home} <span className="muted">{t.board.versus}</span> {fixture.away}
        </h1>
        <Favourite name={fixture.home} />
      </div>
      <p className="muted">
        {fixture.competition} · <time dateTime={iso}>{`${day}, ${time}`}</time>
        {fixture.closes_at_s !== fixture.starts_at_s && ` · ${t.board.closes(formatKickOff(fixture.closes_at_s).time)}`}
      </p>
      <div className="ladders">
        {groups.map((group) => (
          <Ladder key={group[0]?.id} fixture={fixture} group={group} />
        ))}
      </div>
    </div>
  );
}

function Ladder({ fixture, group }: { fixture: Fixture; group: ShownMarket[] }) {
  const [first] = group;
  if (first === undefined) return null;
  const isSuspended = group.every((market) => !market.isOpen);
  return (
    <section className="ladder">
      <h2>
        {marketTitle(first)}{" "}
        {isSuspended && <span className="tag">{t.board.suspended}</span>}
      </h2>
      {group.map((market) => (
        <MarketBlock key={market.id} fixture={fixture} market={market} title={isSuspended ? "none" : "suspended"} />
      ))}
      <History group={group} />
    </section>
  );
}

function History({ group }: { group: ShownMarket[] }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details className="more" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t.history.title}</summary>
      {isOpen && (
        <Suspense fallback={<p className="muted small">{t.board.loading}</p>}>
          <PriceHistory markets={group} />
        </Suspense>
      )}
    </details>
  );
}
