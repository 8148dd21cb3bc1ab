/** Fetches the fixtures again when the stream names a market that none of them has. */

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
    const look = () => {
      const unknown = [...live.markets().keys()].filter((id) => !known.has(id) && !asked.current.has(id));
      if (unknown.length === 0) return;
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
