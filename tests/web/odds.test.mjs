/** Odds on the page follow the stream's order; numbers never look better than they are. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { rowsOf } from "../../web/src/app/facts.ts";
import { formatAge, formatDown, formatEnd, formatKickOff, formatMicro, formatOdds } from "../../web/src/odds/format.ts";
import { applyDelta, applySnapshot, emptyOdds } from "../../clients/typescript/src/odds.ts";

const entry = (market, version, ...oddsE4) => ({ market, version, odds_e4: oddsE4, at_ms: 1 });
const EPOCH = "1f0c2b3a";
const snapshot = (seq, ...odds) => applySnapshot(emptyOdds(), { epoch: EPOCH, seq, odds }).state;
const shown = (state, market) => state.byMarket.get(market)?.oddsE4;

test("a snapshot is what is offered, no more", () => {
  const before = snapshot(4, entry("a", 1, 20000, 18000), entry("b", 1, 15000));
  const { state, moves } = applySnapshot(before, { epoch: EPOCH, seq: 9, odds: [entry("a", 2, 20000, 17000)] });
  assert.deepEqual(shown(state, "a"), [20000, 17000]);
  assert.equal(state.byMarket.has("b"), false);
  assert.deepEqual(moves, [{ market: "a", outcome: 1, direction: "down" }]);
});

test("a delta moves what it names and leaves the state before it as it was", () => {
  const before = snapshot(4, entry("a", 1, 20000), entry("b", 1, 15000));
  const { state, moves } = applyDelta(before, { epoch: EPOCH, seq: 5, odds: [entry("b", 2, 15500)] });
  assert.deepEqual(shown(state, "b"), [15500]);
  assert.deepEqual(shown(state, "a"), [20000]);
  assert.deepEqual(moves, [{ market: "b", outcome: 0, direction: "up" }]);
  assert.deepEqual(shown(before, "b"), [15000]);
});

test("a delta after a gap, or before any snapshot, asks for a snapshot", () => {
  assert.equal(applyDelta(snapshot(4, entry("a", 1, 20000)), { epoch: EPOCH, seq: 6, odds: [] }), null);
  const other = { epoch: "00000000", seq: 5, odds: [] };
  assert.equal(applyDelta(snapshot(4, entry("a", 1, 20000)), other), null);
  assert.equal(applyDelta(emptyOdds(), { epoch: EPOCH, seq: 1, odds: [] }), null);
});

test("a delta seen already, or of an older version, changes nothing", () => {
  const before = snapshot(4, entry("a", 7, 20000));
  assert.equal(applyDelta(before, { epoch: EPOCH, seq: 4, odds: [entry("a", 8, 30000)] }).state, before);
  const { state, moves } = applyDelta(before, { epoch: EPOCH, seq: 5, odds: [entry("a", 6, 30000)] });
  assert.deepEqual(shown(state, "a"), [20000]);
  assert.deepEqual(moves, []);
});

test("withdrawn odds go and come back without a flash", () => {
  const before = snapshot(4, entry("a", 1, 20000));
  const gone = applyDelta(before, { epoch: EPOCH, seq: 5, odds: [entry("a", 2)] });
  assert.equal(gone.state.byMarket.has("a"), false);
  const back = applyDelta(gone.state, { epoch: EPOCH, seq: 6, odds: [entry("a", 3, 21000)] });
  assert.deepEqual(back.moves, []);
});

test("odds are never shown higher than they are", () => {
  const cases = [[10100, "1.01"], [18342, "1.8342"], [19999, "1.9999"], [25000, "2.50"], [125000, "12.5"], [1010000, "101"], [99999, "9.9999"]];
  for (const [oddsE4, text] of cases) assert.equal(formatOdds(oddsE4), text);
});

test("odds in other formats are never better than they are", () => {
  const cases = [[16100, "61/100", "−164"], [20000, "1/1", "+100"], [42800, "82/25", "+328"], [10100, "1/100", "−10000"], [25555, "3111/2000", "+155"], [19999, "9999/10000", "−101"]];
  for (const [oddsE4, fraction, american] of cases) {
    assert.equal(formatOdds(oddsE4, "fractional"), fraction);
    assert.equal(formatOdds(oddsE4, "american"), american);
  }
});

test("ages do not jitter", () => {
  const cases = [[-5, "now"], [999, "now"], [1000, "1 s"], [59999, "59 s"], [60000, "1 min"], [7200000, "2 h"]];
  for (const [ms, text] of cases) assert.equal(formatAge(ms), text);
});

test("a kick-off reads in the reader's zone", () => {
  const london = formatKickOff(1748185200, "en-GB", "Europe/London");
  assert.equal(london.iso, "2025-05-25T15:00:00.000Z");
  assert.match(london.day, /^Sunday,? 25 May 2025$/);
  assert.match(london.time, /^16:00 /);
  assert.match(formatKickOff(1748185200, "en-GB", "Asia/Tokyo").day, /^Monday,? 26 May/);
});

test("amounts are exact beyond what a float holds", () => {
  assert.equal(formatMicro("0"), "0");
  assert.equal(formatMicro("12500000"), "12.5");
  assert.equal(formatMicro("9007199254740993000001"), "9,007,199,254,740,993.000001");
  assert.deepEqual(["12509999", "9999", "1000000000"].map(formatDown), ["12.50", "0.00", "1,000.00"]);
});

test("the foot states the deployment and its limits in words", () => {
  const rows = rowsOf(
    {
      domain: { name: "Fairline", version: "1", chainId: 1337, verifyingContract: "0xAb" },
      limits: { min_stake_micro: "100000", max_deadline_s: 120, max_legs: 12 },
    },
    "tUSD",
  );
  assert.deepEqual(rows.map(({ name, value }) => [name, value]), [
    ["Sportsbook contract", "0xAb"],
    ["Chain", "1337, local test chain"],
    ["Name in signatures", "Fairline 1"],
    ["Minimum stake", "0.1 tUSD"],
    ["Longest deadline", "2 min"],
    ["Maximum legs", "12"],
  ]);
});

test("an end that may be years away has its year", () => {
  assert.equal(formatEnd(1_900_000_000, "en-GB", "UTC"), "17 Mar 2030, 17:46");
});
