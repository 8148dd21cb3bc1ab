/** What a visitor exports of the bets. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { csvOf } from "../../web/src/bets/export.ts";

const BET = {
  batch: 12,
  bet: 0,
  accepted_at_s: 1_748_100_000,
  state: "settled",
  stage: "final",
  stake_micro: "2500000",
  payout_micro: "500",
  legs: [
    { fixture: 'FC "A", B v C', market: "0x1", kind: "Match result", outcome: "Home", odds_e4: 19_250 },
    { fixture: null, market: "0x2", kind: "Total goals", outcome: "Over 2.5", odds_e4: 20_000 },
  ],
  tx_hash: "0xaa",
  settlement_tx_hash: null,
};

test("a bet is a row: amounts in tokens, times in UTC, quotes doubled", () => {
  const [header, row, end] = csvOf([BET]).split("\r\n");
  assert.equal(header, "batch,bet,accepted_at,state,stage,stake,payout,legs,tx_hash,settlement_tx_hash");
  assert.equal(
    row,
    '12,0,2025-05-24T15:20:00.000Z,settled,final,2.500000,0.000500,' +
      '"FC ""A"", B v C: Match result, Home @ 1.925; 0x2: Total goals, Over 2.5 @ 2",0xaa,',
  );
  assert.equal(end, "");
});

test("a name that a spreadsheet would run is text", () => {
  const legs = [{ ...BET.legs[0], fixture: "=HYPERLINK(1) v B" }];
  assert.match(csvOf([{ ...BET, legs }]), /,'=HYPERLINK\(1\) v B: |,"'=HYPERLINK\(1\) v B: /);
});

test("an open bet has no payout", () => {
  assert.match(csvOf([{ ...BET, payout_micro: null }]), /,2\.500000,,/);
});
