/** What the app keeps of the API's answers, and how long. */

import { QueryClient, queryOptions } from "@tanstack/react-query";

import { answered, api, mayPass, type Fixture } from "./client.ts";

const RETRY_MS = 3000;
const BOARD_MS = 60_000;

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // A browser's idea of being online is not ours: a local chain needs no network.
      networkMode: "always",
      retry: (_, error) => mayPass(error),
      retryDelay: RETRY_MS,
      staleTime: 1000,
    },
  },
});

export const fixturesQuery = queryOptions({
  queryKey: ["fixtures"],
  // Without odds, an answer that says nothing new is the one before, and repaints nothing.
  queryFn: async (): Promise<Fixture[]> =>
    (await answered(api.GET("/v1/fixtures"))).map((fixture) => ({
      ...fixture,
      markets: fixture.markets.map(({ id, status }) => ({ id, status })),
    })),
  refetchInterval: BOARD_MS,
});

export const contractsQuery = queryOptions({
  queryKey: ["contracts"],
  queryFn: () => answered(api.GET("/v1/contracts")),
  // What the token says of itself is missing while no node answers.
  refetchInterval: (query) => (query.state.data?.token.symbol ? false : RETRY_MS),
  staleTime: Infinity,
});

export const typedDataQuery = queryOptions({
  queryKey: ["typed-data"],
  queryFn: () => answered(api.GET("/v1/typed-data")),
  staleTime: 10_000,
});
