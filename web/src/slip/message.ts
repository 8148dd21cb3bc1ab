/** Builds the slip that a wallet signs, and reads any message as the wallet's window shows it. Pure. */

import { legWords, unpackMarket } from "../odds/market.ts";

export interface SlipLeg {
  market: string;
  outcome: number;
  /** The fixture's canonical name, "Home v Away, YYYY-MM-DD": what is signed. */
  fixture: string;
}

export interface Terms {
  account: number;
  stakeMicro: bigint;
  minOddsE4: bigint;
  nonce: number;
  deadlineS: number;
  legs: readonly SlipLeg[];
}

export interface SlipMessage extends Record<string, unknown> {
  account: number;
  stakeMicro: string;
  minOddsE4: number;
  nonce: number;
  deadline: number;
  legs: (ReturnType<typeof legWords> & { fixture: string; startsAt: number })[];
}

/** The message of the EIP-712 type Slip. */
export function slipMessage(terms: Terms): SlipMessage {
  return {
    account: terms.account,
    stakeMicro: String(terms.stakeMicro),
    minOddsE4: Number(terms.minOddsE4),
    nonce: terms.nonce,
    deadline: terms.deadlineS,
    legs: terms.legs.map((leg) => {
      const market = unpackMarket(leg.market);
      return { fixture: leg.fixture, startsAt: market.startsAtS, ...legWords(market, leg.outcome) };
    }),
  };
}

/** The body of POST /v1/slips for a signed message. */
export function slipBody(terms: Terms, signature: string) {
  return {
    account: terms.account,
    stake_micro: String(terms.stakeMicro),
    min_odds_e4: Number(terms.minOddsE4),
    nonce: terms.nonce,
    deadline_s: terms.deadlineS,
    legs: terms.legs.map(({ market, outcome }) => ({ market, outcome })),
    signature,
  };
}

export interface Word {
  name: string;
  value: string;
}

/** The fields of a message in the order of their type, one by one, as wallets list them. */
export function wordsOf(
  types: Readonly<Record<string, readonly Readonly<Record<string, string>>[]>>,
  type: string,
  message: Readonly<Record<string, unknown>>,
  path = "",
): Word[] {
  return (types[type] ?? []).flatMap(({ name = "", type: inner = "" }) => {
    const value = message[name];
    const at = path + name;
    const struct = inner.replace(/\[\]$/, "");
    if (Array.isArray(value)) {
      return value.flatMap((one, index) =>
        types[struct]
          ? wordsOf(types, struct, one as Record<string, unknown>, `${at} ${index + 1} · `)
          : [{ name: `${at} ${index + 1}`, value: String(one) }],
      );
    }
    if (types[struct]) return wordsOf(types, struct, value as Record<string, unknown>, `${at} · `);
    return [{ name: at, value: String(value) }];
  });
}
