/** Puts what the private stream says where the views look: into the answers that the app keeps. */

import type { QueryClient } from "@tanstack/react-query";

import type { Account, Bet, Schemas, Slip } from "../api/client.ts";
import type { OwnMessage } from "./own_stream.ts";

interface Bets {
  bets: Bet[];
}
interface Slips {
  slips: Slip[];
}
interface Relays {
  relays: Schemas["RelayPublic"][];
}

/** As many relays as the stream keeps, and the views show. */
export const RELAYS_SHOWN = 5;

/** What follows from the account and the wallet's own balance, and that nobody pushes. */
const FOLLOWING = [["movements"], ["withdrawals"], ["exit"], ["holdings"], ["private", "limits"]] as const;

/** Applies a message on the account of `owner`. */
export function take(cache: QueryClient, owner: string, message: OwnMessage): void {
  const isWhole = message.type === "account";
  if (isWhole || message.account !== null) takeAccount(cache, owner, message.account);
  for (const slip of message.slips) takeSlip(cache, slip);
  for (const bet of message.bets) takeBet(cache, bet);
  if (isWhole || message.relays.length > 0) takeRelays(cache, owner, message.relays);
  if (isWhole) {
    // What ended while nobody listened is not in the message.
    void cache.invalidateQueries({ queryKey: ["bets"] });
  } else if (hasNew(cache, message)) {
    // Legs, receipts and the rest of what is new stand in the API's answer alone.
    void cache.invalidateQueries({ queryKey: ["bets"] });
  }
  for (const queryKey of FOLLOWING) void cache.invalidateQueries({ queryKey: [...queryKey] });
}

function takeAccount(cache: QueryClient, owner: string, account: Schemas["OwnAccount"] | null): void {
  const queryKey = ["account", owner];
  const before = cache.getQueryData<Account | null>(queryKey);
  if (account === null) cache.setQueryData(queryKey, null);
  else if (before) cache.setQueryData(queryKey, { ...before, ...account });
  // The first deposit opened it.
  else void cache.invalidateQueries({ queryKey });
}

function takeSlip(cache: QueryClient, { id, ...changed }: Schemas["OwnSlip"]): void {
  cache.setQueryData<Slip>(["slip", id], (slip) => slip && { ...slip, ...changed });
  cache.setQueriesData<Slips>({ queryKey: ["bets", "slips"] }, (page) =>
    page && { ...page, slips: page.slips.map((slip) => (slip.id === id ? { ...slip, ...changed } : slip)) },
  );
}

function takeBet(cache: QueryClient, changed: Schemas["OwnBet"]): void {
  const isIt = (bet: Bet) => bet.batch === changed.batch && bet.bet === changed.bet;
  cache.setQueriesData<Bets>({ queryKey: ["bets", "placed"] }, (page) =>
    page && { ...page, bets: page.bets.map((bet) => (isIt(bet) ? { ...bet, ...changed } : bet)) },
  );
}

/** Newest first, as they are listed. */
function takeRelays(cache: QueryClient, owner: string, changed: Relays["relays"]): void {
  cache.setQueryData<Relays>(["relays", owner], (page) => {
    const known = new Set(page?.relays.map(({ relay_hash }) => relay_hash));
    const now = new Map(changed.map((relay) => [relay.relay_hash, relay]));
    const added = changed.filter(({ relay_hash }) => !known.has(relay_hash));
    const kept = page?.relays.map((relay) => now.get(relay.relay_hash) ?? relay) ?? [];
    return { next_cursor: null, ...page, relays: [...added, ...kept].slice(0, RELAYS_SHOWN) };
  });
}

/** Whether a message names what the answers lack, or takes away what they have. */
function hasNew(cache: QueryClient, { slips, bets, undone_bets }: OwnMessage): boolean {
  if (undone_bets.length > 0) return true;
  const placed = cache.getQueriesData<Bets>({ queryKey: ["bets", "placed"] });
  const listed = cache.getQueriesData<Slips>({ queryKey: ["bets", "slips"] });
  const knowsBet = (one: Schemas["OwnBet"]) => (bet: Bet) => bet.batch === one.batch && bet.bet === one.bet;
  return (
    bets.some((one) => placed.some(([, page]) => page && !page.bets.some(knowsBet(one)))) ||
    slips.some((one) => listed.some(([, page]) => page && !page.slips.some((slip) => slip.id === one.id)))
  );
}
