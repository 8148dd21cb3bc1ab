/** The account of an owner, its bets and slips: pushed to whoever is signed in, asked for by others. */

import { useQuery } from "@tanstack/react-query";

import { answered, api, type Account, type Slip } from "../api/client.ts";
import { useAskMs } from "./own.ts";

/** The account that an address owns; null before its first deposit. */
export async function accountOf(owner: string): Promise<Account | null> {
  const { accounts } = await answered(api.GET("/v1/accounts", { params: { query: { owner } } }));
  return accounts[0] ?? null;
}

export function useAccount(owner: string | undefined) {
  return useQuery({
    queryKey: ["account", owner],
    queryFn: () => accountOf(owner ?? ""),
    enabled: owner !== undefined,
    refetchInterval: useAskMs(owner),
  });
}

interface Owned {
  account: number;
  owner: string | undefined;
}

const MOST_BETS = 200;

/** The newest bets that are on the chain. */
export function usePlacedBets({ account, owner }: Owned) {
  return useQuery({
    queryKey: ["bets", "placed", account],
    queryFn: () => answered(api.GET("/v1/accounts/{account}/bets", { params: { path: { account }, query: { limit: MOST_BETS } } })),
    refetchInterval: useAskMs(owner),
  });
}

/** The slips that the house has accepted. */
export function useAcceptedSlips({ account, owner }: Owned) {
  return useQuery({
    queryKey: ["bets", "slips", account],
    queryFn: () => answered(api.GET("/v1/accounts/{account}/slips", { params: { path: { account } } })),
    refetchInterval: useAskMs(owner),
  });
}

/** One accepted slip, until it is as it will stay. */
export function useAcceptedSlip(id: string | undefined, owner: string | undefined, isOver: (slip: Slip) => boolean) {
  const askMs = useAskMs(owner);
  return useQuery({
    queryKey: ["slip", id],
    queryFn: () => answered(api.GET("/v1/slips/{slip}", { params: { path: { slip: id ?? "" } } })),
    enabled: id !== undefined,
    refetchInterval: ({ state }) => (state.data && isOver(state.data) ? false : askMs),
  });
}
