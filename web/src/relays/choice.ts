/** Who sends what the visitor signs: the house at its cost, or the visitor's wallet. Pure. */

import type { TypedData } from "../api/client.ts";

export type Sender = "house" | "wallet";
export type Sent = "deposit" | "request";

/** The token's messages for which the house sends a deposit, the better one first: nobody else can use an
 * authorization. */
const TOKEN_MESSAGES = ["ReceiveWithAuthorization", "Permit"] as const;

export function tokenMessage({ messages }: Pick<TypedData, "messages">): (typeof TOKEN_MESSAGES)[number] | null {
  return TOKEN_MESSAGES.find((name) => messages[name] !== undefined) ?? null;
}

/** Whether the house sends such a thing at all. */
export function isOffered(typed: Pick<TypedData, "messages" | "relaying"> | undefined, what: Sent): boolean {
  if (!typed?.relaying) return false;
  return what === "request" || tokenMessage(typed) !== null;
}

/** The least deposit that the house sends, if this one is less. */
export function leastMicro(
  typed: Pick<TypedData, "relaying"> | undefined,
  what: Sent,
  amountMicro: bigint | undefined,
): bigint | null {
  if (what === "request" || !typed?.relaying || amountMicro === undefined) return null;
  const least = BigInt(typed.relaying.min_deposit_micro);
  return amountMicro < least ? least : null;
}

/** Who sends it: the house where it does, unless the visitor wants otherwise. */
export function senderOf(
  typed: Pick<TypedData, "messages" | "relaying"> | undefined,
  what: Sent,
  amountMicro: bigint | undefined,
  wanted: Sender,
): Sender {
  const can = isOffered(typed, what) && leastMicro(typed, what, amountMicro) === null;
  return can ? wanted : "wallet";
}
