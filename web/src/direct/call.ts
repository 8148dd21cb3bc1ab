/** Builds the call with which a wallet places a quoted bet itself. The app packs it from what the visitor chose, so
 * nothing but the odds is taken from the house. Pure. */

import { encodePacked, keccak256, stringToHex, type Hex } from "viem";

import { unpackMarket } from "../odds/market.ts";
import type { SlipLeg } from "../slip/message.ts";

export interface DirectBet {
  account: number;
  nonce: number;
  stakeMicro: bigint;
  minOddsE4: bigint;
  legs: readonly SlipLeg[];
  oddsE4: readonly number[];
}

/** A quoted bet has the quote's deadline alone. */
const NO_DEADLINE_S = 0xffff;
/** Where the kind stands in a market id, and what follows it up to the flags: 5 bytes. */
const KIND_AT = 44;

/** The argument `batch` of `placeQuoted`: a table of fixtures and markets in ascending order, and one slip. */
export function quotedBatch({ account, nonce, stakeMicro, minOddsE4, legs, oddsE4 }: DirectBet): Hex {
  const markets = [...new Set(legs.map(({ market }) => market))].sort();
  const names = new Map(legs.map(({ market, fixture }) => [market.slice(0, 34), keccak256(stringToHex(fixture))]));
  const fixtures = [...new Map(markets.map((market) => [market.slice(0, 34), unpackMarket(market).startsAtS]))];
  const index = (market: string) => fixtures.findIndex(([fixture]) => fixture === market.slice(0, 34));
  const table = [
    uint(0, 5),
    uint(fixtures.length, 1),
    ...fixtures.flatMap(([fixture, startsAtS]) => [names.get(fixture) ?? "0x", uint(startsAtS, 5)]),
    uint(markets.length, 1),
    ...markets.flatMap((market) => [uint(index(market), 1), `0x${market.slice(KIND_AT, KIND_AT + 10)}`]),
  ];
  const slip = [
    ...[uint(account, 4), uint(nonce, 3), uint(stakeMicro, 8), uint(0, 2), uint(legs.length, 1)],
    ...legs.flatMap(({ market, outcome }, at) => [
      uint(markets.indexOf(market), 1),
      uint(outcome, 1),
      uint(oddsE4[at] ?? 0, 4),
    ]),
    ...[uint(minOddsE4, 5), uint(NO_DEADLINE_S, 2), uint(0, 2)],
  ];
  const parts = [...table, uint(1, 2), ...slip] as Hex[];
  return encodePacked(parts.map(() => "bytes" as const), parts);
}

function uint(value: number | bigint, bytes: number): Hex {
  return `0x${BigInt(value).toString(16).padStart(2 * bytes, "0")}`;
}
