/** A market id reads on the page as it does in the contract and in Python. */

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  compareMarkets,
  ladders,
  legWords,
  marketTitle,
  teamsOf,
  outcomeNames,
  partMarkets,
  unpackMarket,
} from "../../web/src/odds/market.ts";

const FIXTURE = "0x" + "ab".repeat(16);

/** Packed as protocol/market_id.py packs it. */
function pack({ startsAtS = 1748185200, kind, period = 0, lineQ = 0, flags = 0 }) {
  const hex = (value, bytes) => value.toString(16).padStart(2 * bytes, "0");
  const line = hex(lineQ < 0 ? lineQ + 0x10000 : lineQ, 2);
  return FIXTURE + hex(startsAtS, 5) + hex(kind, 1) + hex(period, 1) + line + hex(flags, 1) + "00".repeat(6);
}

const market = (fields) => ({ id: pack(fields), ...unpackMarket(pack(fields)) });

test("an id made by Python is read field by field", () => {
  const id = "0x00112233445566778899aabbccddeeff" + "00683331f0" + "07" + "01" + "fffd" + "01" + "000000000000";
  assert.deepEqual(unpackMarket(id), {
    id,
    fixture: "0x00112233445566778899aabbccddeeff",
    startsAtS: 1748185584,
    kind: 7,
    period: 1,
    lineQ: -3,
    inPlay: true,
  });
});

test("what is no market id is refused", () => {
  for (const bad of ["", "0x", FIXTURE, pack({ kind: 10 }), pack({ kind: 1, period: 3 }), pack({ kind: 1 }) + "00"]) {
    assert.throws(() => unpackMarket(bad), RangeError);
  }
});

test("titles name kind, half and play", () => {
  assert.equal(marketTitle(market({ kind: 1 })), "Match result");
  assert.equal(marketTitle(market({ kind: 4, period: 1, lineQ: 6 })), "Total goals, first half");
  assert.equal(marketTitle(market({ kind: 9, flags: 1 })), "Both teams to score, in play");
});

test("outcomes carry their line, the away side's turned round", () => {
  assert.deepEqual(outcomeNames(market({ kind: 4, lineQ: 10 })), ["Over 2.5", "Under 2.5"]);
  assert.deepEqual(outcomeNames(market({ kind: 4, lineQ: 9 })), ["Over 2.25", "Under 2.25"]);
  assert.deepEqual(outcomeNames(market({ kind: 7, lineQ: -3 })), ["Home −0.75", "Away +0.75"]);
  assert.deepEqual(outcomeNames(market({ kind: 7, lineQ: 0 })), ["Home 0", "Away 0"]);
  assert.deepEqual(outcomeNames(market({ kind: 8, lineQ: 4 }))[1], "Draw (home +1)");
  assert.deepEqual(outcomeNames(market({ kind: 11 })), ["Odd", "Even"]);
});

test("one market of a kind is shown at once, the usual line of it, the others behind", () => {
  const all = [
    market({ kind: 11 }),
    market({ kind: 4, lineQ: 14 }),
    market({ kind: 1, period: 1 }),
    market({ kind: 4, lineQ: 10 }),
    market({ kind: 7, lineQ: -6 }),
    market({ kind: 7, lineQ: -1 }),
    market({ kind: 1 }),
  ].sort(compareMarkets);
  const names = (some) => some.map(({ kind, period, lineQ }) => [kind, period, lineQ]);
  const { main, more } = partMarkets(all);
  assert.deepEqual(names(main), [[1, 0, 0], [4, 0, 10], [7, 0, -1]]);
  assert.deepEqual(names(more), [[4, 0, 14], [7, 0, -6], [11, 0, 0], [1, 1, 0]]);
});

test("lines of one kind and period are a ladder, in order", () => {
  const all = [7, 10, 14, 6].map((lineQ) => market({ kind: 4, lineQ })).concat(market({ kind: 4, period: 1, lineQ: 2 }), market({ kind: 1 }));
  assert.deepEqual(ladders(all).map((group) => group.map(({ kind, period, lineQ }) => [kind, period, lineQ])), [
    [[1, 0, 0]],
    [[4, 0, 6], [4, 0, 7], [4, 0, 10], [4, 0, 14]],
    [[4, 1, 2]],
  ]);
});

test("the words that are signed are those of the contract, without the line in the outcome", () => {
  assert.deepEqual(legWords(market({ kind: 7, period: 1, lineQ: -3, flags: 1 }), 1), {
    market: "Asian handicap",
    period: "First half",
    lineQuarters: -3,
    inPlay: true,
    outcome: "Away",
  });
});

test("the teams of a fixture are those of its canonical name", () => {
  assert.deepEqual(teamsOf("AFC Bournemouth v Leicester City FC, 2025-05-25"), { home: "AFC Bournemouth", away: "Leicester City FC" });
  assert.deepEqual(teamsOf(null), { home: "Home", away: "Away" });
});
