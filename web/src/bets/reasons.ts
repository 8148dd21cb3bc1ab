/** Says why a bet was paid what it was paid, from its own figures. Pure. */

import type { Bet } from "../api/client.ts";
import { t } from "../strings/index.ts";

export type Reason = keyof typeof t.bets.reasons;

/** A single's payout is exactly one of five; an accumulator's can be anything between. */
export function reasonOf(bet: Pick<Bet, "state" | "stake_micro" | "payout_max_micro" | "payout_micro" | "legs">): Reason {
  if (bet.state === "open") return "open";
  if (bet.state === "cashed-out") return "cashedOut";
  if (bet.state === "replaced") return "replaced";
  const stake = BigInt(bet.stake_micro);
  const paid = BigInt(bet.payout_micro ?? 0);
  const single = bet.legs.length === 1;
  if (paid === 0n) return single ? "lostSingle" : "lost";
  if (paid === BigInt(bet.payout_max_micro)) return single ? "wonSingle" : "won";
  if (paid === stake) return "void";
  if (!single) return "partly";
  if (paid === stake / 2n) return "halfLost";
  return "halfWon";
}
