/** The live account of whoever is signed in, and how often others have to ask. */

import { useSyncExternalStore } from "react";

import { api, streamUrl, Unreachable } from "../api/client.ts";
import { queryClient } from "../api/queries.ts";
import { live } from "../odds/live.ts";
import { OwnStream } from "./own_stream.ts";
import { take } from "./pushes.ts";
import { privately, sessionEnded, signedIn, watchSession } from "./state.ts";

/** Longer than this, the odds do not wait for a ticket. */
const TICKET_MS = 3_000;
/** How often a view asks for what is not pushed. */
const ASK_MS = 2_000;

export const own = new OwnStream({
  signedIn,
  url: (ticket) => streamUrl(location, ticket),
  ticket: async () => {
    const late = new Promise<never>((_, reject) => setTimeout(() => reject(new Unreachable()), TICKET_MS));
    return (await Promise.race([privately(api.POST("/v1/stream/tickets")), late])).ticket;
  },
  take: (owner, message) => take(queryClient, owner, message),
  sessionEnded,
  restart: () => live.restart(),
});

/** Opens the stream, and opens it again for whoever signs in or out. */
export function startOwn(): void {
  live.start(own);
  let before = signedIn();
  watchSession(() => {
    const now = signedIn();
    if (now === before) return;
    before = now;
    live.restart();
  });
}

/**
 * How often a view of an account asks: not at all while changes are pushed. It asks every few seconds
 * while they are not, because nobody has signed in (what is on the chain anybody may read, so bets and
 * balance are shown without), or because the stream is away.
 */
export function useAskMs(owner: string | undefined): number | false {
  const isPushed = useSyncExternalStore(
    (listener) => {
      const stops = [own.watch(listener), watchSession(listener)];
      return () => stops.forEach((stop) => stop());
    },
    () => own.pushes(owner),
  );
  return isPushed ? false : ASK_MS;
}
