/** The bets of an account: the newest ones as they change, and all that are older. */

import { useQuery } from "@tanstack/react-query";

import type { Bet } from "../api/client.ts";
import { usePlacedBets } from "../session/account.ts";
import { allBets } from "./export.ts";

/** How often those beyond the first page are asked for, of which few change. */
const OLDER_MS = 60_000;

export function useBets(owned: { account: number; owner: string | undefined }): {
  bets: readonly Bet[];
  isLoaded: boolean;
  error: Error | null;
} {
  const { data: newest, error } = usePlacedBets(owned);
  const cursor = newest?.next_cursor ?? null;
  const { data: older, error: olderError } = useQuery({
    queryKey: ["older bets", owned.account, cursor],
    queryFn: () => allBets(owned.account, cursor),
    enabled: cursor !== null,
    placeholderData: (before) => before,
    refetchInterval: OLDER_MS,
  });
  const seen = new Set(newest?.bets.map((bet) => `${bet.batch}:${bet.bet}`));
  return {
    bets: [...(newest?.bets ?? []), ...(older ?? []).filter((bet) => !seen.has(`${bet.batch}:${bet.bet}`))],
    isLoaded: newest !== undefined && (cursor === null || older !== undefined),
    error: error ?? olderError,
  };
}
