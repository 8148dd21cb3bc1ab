/** The messages that bettors and house sign (EIP-712). Their types do not come from the API. */

import type { Address, Hex, TypedDataDomain } from "viem";

import type { components } from "./generated/api.ts";

export type Fixture = components["schemas"]["FixturePublic"];
export type Market = components["schemas"]["MarketPublic"];

export const SLIP_TYPES = {
  Slip: [
    { name: "account", type: "uint32" },
    { name: "stakeMicro", type: "uint64" },
    { name: "minOddsE4", type: "uint40" },
    { name: "nonce", type: "uint24" },
    { name: "deadline", type: "uint40" },
    { name: "legs", type: "Leg[]" },
  ],
  Leg: [
    { name: "fixture", type: "string" },
    { name: "startsAt", type: "uint40" },
    { name: "market", type: "string" },
    { name: "period", type: "string" },
    { name: "lineQuarters", type: "int16" },
    { name: "inPlay", type: "bool" },
    { name: "outcome", type: "string" },
  ],
} as const;

export const RECEIPT_TYPES = {
  Receipt: [
    { name: "slip", type: "bytes32" },
    { name: "acceptedAt", type: "uint40" },
    { name: "oddsE4", type: "uint32[]" },
  ],
} as const;

export interface LegMessage {
  fixture: string;
  startsAt: number;
  market: string;
  period: string;
  lineQuarters: number;
  inPlay: boolean;
  outcome: string;
}

export interface SlipMessage {
  account: number;
  stakeMicro: bigint;
  /** Least odds of all legs together, decimal odds x 10^4. */
  minOddsE4: number;
  nonce: number;
  /** Unix time in seconds. */
  deadline: number;
  legs: readonly LegMessage[];
}

/** An outcome of a market, as `GET /v1/fixtures` has them. */
export interface Pick {
  fixture: Fixture;
  market: Market;
  /** Its number in the market, from 0. */
  outcome: number;
}

/** A signed slip. Keep it until there is an answer: by its hash it is found again. */
export interface SignedSlip {
  slip: SlipMessage;
  hash: Hex;
  signature: Hex;
}

/** What a signature counts for: one contract of one chain. */
export function domainOf(chainId: number, sportsbook: Address): TypedDataDomain {
  return { name: "Fairline", version: "1", chainId, verifyingContract: sportsbook };
}

/** The words that are signed for a pick. Throws RangeError for an outcome that the market has not. */
export function legOf({ fixture, market, outcome }: Pick): LegMessage {
  const name = market.outcomes[outcome];
  if (name === undefined) throw new RangeError(`market ${market.id} has no outcome ${outcome}`);
  return {
    fixture: fixture.name,
    startsAt: fixture.starts_at_s,
    market: market.kind,
    period: market.period,
    lineQuarters: market.line_q,
    inPlay: market.in_play,
    outcome: name,
  };
}

/** The body of `POST /v1/slips`. */
export function slipBody({ slip, signature }: SignedSlip, picks: readonly Pick[]): components["schemas"]["SlipCreate"] {
  return {
    account: slip.account,
    stake_micro: String(slip.stakeMicro),
    min_odds_e4: slip.minOddsE4,
    nonce: slip.nonce,
    deadline_s: slip.deadline,
    legs: picks.map(({ market, outcome }) => ({ market: market.id, outcome })),
    signature,
  };
}
