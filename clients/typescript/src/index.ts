/** Bets on a Fairline sportsbook, and checks what its API says with the contract. */

export { Bettor, NotPlaced, Unanswered, type AcceptedBet, type BetTerms } from "./bettor.ts";
export type { StreamState } from "./connection.ts";
export type { Fixture, Market, Pick, SignedSlip, SlipMessage } from "./messages.ts";
export type { Odds } from "./odds.ts";
export { OddsStream, type OddsStreamOptions } from "./odds_stream.ts";
export { ReceiptInvalid, type Receipt } from "./receipts.ts";
export { HouseDiffers, NoAnswer, Refused, Sportsbook, type SportsbookOptions } from "./sportsbook.ts";
