/** What an offer to cash out says, and whether it may be signed. Pure. */

import type { Schemas } from "../api/client.ts";
import { readAmount, type AmountFault } from "../slip/amounts.ts";

export type Offer = Schemas["CashOutOfferPublic"];

/** With less than this left, another offer is asked for: a signed one still has to reach a block. */
export const RENEW_MS = 12_000;
/** With less than this left, an offer is not signed. */
const TOO_LATE_MS = 3_000;

/** An offer with when it ends, by this page's clock, and the price that the visitor has seen and not been
 * asked about again. */
export interface Shown {
  offer: Offer;
  endsAtMs: number;
  agreedMicro: string;
}

/** `askedAtMs` is when the request was sent, so an offer never looks younger than it is. The deadline is by
 * the house's clock, which may be the chain's, so only the length of its life counts. */
export function shownOffer(offer: Offer, askedAtMs: number, agreedMicro: string = offer.price_micro): Shown {
  return { offer, endsAtMs: askedAtMs + lifeMs(offer), agreedMicro };
}

export function lifeMs({ offered_at_s, deadline_s }: Offer): number {
  return (deadline_s - offered_at_s) * 1_000;
}

/** When to ask for the next one. */
export function renewAfterMs({ offer }: Shown): number {
  return Math.max(1_000, lifeMs(offer) - RENEW_MS);
}

/** Whether the price is another than the visitor agreed to, better ones included. */
export function isMoved({ offer, agreedMicro }: Shown): boolean {
  return offer.price_micro !== agreedMicro;
}

export function maySign(shown: Shown, nowMs: number): boolean {
  return !isMoved(shown) && shown.endsAtMs - nowMs >= TOO_LATE_MS;
}

/** The message of the EIP-712 type CashOut. It is built from what is shown, not taken from the answer. */
export function cashOutMessage(offer: Offer) {
  return {
    account: offer.account,
    batch: offer.batch,
    bet: offer.bet,
    stakeMicro: offer.stake_micro,
    priceMicro: offer.price_micro,
    offeredAt: offer.offered_at_s,
    deadline: offer.deadline_s,
  };
}

export type Part = { micro: bigint; restMicro: bigint } | { fault: AmountFault | "least" | "rest" | "most" };

/** The part of a stake that a visitor typed. It, and what stays, must be at least `minMicro` each. */
export function readPart(text: string, stakeMicro: bigint, minMicro: bigint): Part {
  const read = readAmount(text);
  if ("fault" in read) return read;
  const restMicro = stakeMicro - read.micro;
  if (restMicro < 0n) return { fault: "most" };
  if (restMicro > 0n && read.micro < minMicro) return { fault: "least" };
  if (restMicro > 0n && restMicro < minMicro) return { fault: "rest" };
  return { micro: read.micro, restMicro };
}
