/** Sorts, groups and filters fixtures. Pure. */

import type { Fixture } from "../api/client.ts";
import { compareMarkets, unpackMarket, type Market } from "../odds/market.ts";

export interface ShownMarket extends Market {
  isOpen: boolean;
}

/** The markets of a fixture in order; those that the app cannot read are left out. */
export function marketsOf(fixture: Fixture): ShownMarket[] {
  return fixture.markets
    .flatMap(({ id, status }) => {
      try {
        return [{ ...unpackMarket(id), isOpen: status === "open" && fixture.status === "scheduled" }];
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        return [];
      }
    })
    .sort(compareMarkets);
}

/** The day of a kick-off in the reader's zone, as YYYY-MM-DD. */
export function dayOf(startsAtS: number, timeZone?: string): string {
  const zone = timeZone === undefined ? {} : { timeZone };
  return new Intl.DateTimeFormat("sv-SE", { year: "numeric", month: "2-digit", day: "2-digit", ...zone }).format(
    new Date(startsAtS * 1000),
  );
}

export interface Filter {
  day?: string | undefined;
  league?: string | undefined;
  search?: string | undefined;
  favourites?: readonly string[] | undefined;
}

const plain = (text: string) =>
  text
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .toLowerCase();

export function filtered(fixtures: readonly Fixture[], filter: Filter, timeZone?: string): Fixture[] {
  const words = plain(filter.search ?? "").split(/\s+/).filter(Boolean);
  return fixtures.filter((fixture) => {
    if (filter.day && dayOf(fixture.starts_at_s, timeZone) !== filter.day) return false;
    if (filter.league && fixture.competition !== filter.league) return false;
    if (filter.favourites && !filter.favourites.some((name) => name === fixture.home || name === fixture.away)) {
      return false;
    }
    const text = plain(`${fixture.home} ${fixture.away} ${fixture.competition}`);
    return words.every((word) => text.includes(word));
  });
}

/** Fixtures by kick-off, in order of time, then of name. */
export function groupByKickOff(fixtures: readonly Fixture[]): [number, Fixture[]][] {
  const groups = new Map<number, Fixture[]>();
  const ordered = [...fixtures].sort((a, b) => a.starts_at_s - b.starts_at_s || a.home.localeCompare(b.home));
  for (const fixture of ordered) groups.set(fixture.starts_at_s, [...(groups.get(fixture.starts_at_s) ?? []), fixture]);
  return [...groups];
}

/** How many fixtures have each value. */
export function tally(values: readonly string[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => a.localeCompare(b));
}
