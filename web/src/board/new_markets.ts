/** Fetches the fixtures again when the stream names a market that none of them has, and when one
 * loses its odds or gets them again: it may be suspended, or its match may have started. */

import { useEffect, useRef } from "react";

import type { Fixture } from "../api/client.ts";
import { fixturesQuery, queryClient } from "../api/queries.ts";
import { live } from "../odds/live.ts";

const SOON_MS = 400;

export function useNewMarkets(fixtures: readonly Fixture[] | undefined): void {
  const asked = useRef(new Set<string>());
  useEffect(() => {
    if (fixtures === undefined) return;
    const known = new Set(fixtures.flatMap(({ markets }) => markets.map(({ id }) => id)));
    let timer: ReturnType<typeof setTimeout> | undefined;
    const lively = (id: string) => live.odds(id) !== undefined;
    let offered = new Set([...known].filter(lively));
    const look = () => {
      const unknown = [...live.markets().keys()].filter((id) => !known.has(id) && !asked.current.has(id));
      const now = new Set([...known].filter(lively));
      const isOther = now.size !== offered.size || [...now].some((id) => !offered.has(id));
      offered = now;
      if (unknown.length === 0 && !isOther) return;
      for (const id of unknown) asked.current.add(id);
      clearTimeout(timer);
      timer = setTimeout(() => void queryClient.invalidateQueries({ queryKey: fixturesQuery.queryKey }), SOON_MS);
    };
    look();
    const stop = live.watchMarkets(look);
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [fixtures]);
}
