/** What a visitor exports of the bets, chooses among them, and has won with them. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { csvOf } from "../../web/src/bets/export.ts";
import { ANY, dayOf, endOf, isAny, isWanted, leaguesOf } from "../../web/src/bets/filter.ts";
import { profitOf, profitOver, restOf } from "../../web/src/bets/profit.ts";

const BET = {
  batch: 12,
  bet: 0,
  nonce: 3,
  accepted_at_s: 1_748_100_000,
  settled_at_s: 1_748_200_000,
  rest_of: null,
  state: "settled",
  stage: "final",
  stake_micro: "2500000",
  payout_micro: "500",
  legs: [
    { fixture: 'FC "A", B v C', competition: "Premier League", market: "0x1", kind: "Match result", outcome: "Home", odds_e4: 19_250 },
    { fixture: null, competition: null, market: "0x2", kind: "Total goals", outcome: "Over 2.5", odds_e4: 20_000 },
  ],
  tx_hash: "0xaa",
  settlement_tx_hash: null,
};

test("a bet is a row: amounts in tokens, times in UTC, quotes doubled", () => {
  const [header, row, end] = csvOf([BET]).split("\r\n");
  assert.equal(header, "batch,bet,accepted_at,settled_at,state,stage,stake,payout,leagues,legs,tx_hash,settlement_tx_hash");
  assert.equal(
    row,
    "12,0,2025-05-24T15:20:00.000Z,2025-05-25T19:06:40.000Z,settled,final,2.500000,0.000500,Premier League," +
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

const single = (change) => ({ ...BET, legs: BET.legs.slice(0, 1), ...change });

test("profit is what was paid above the stake; of a part that was cashed out, above that part", () => {
  assert.equal(profitOf(BET, []), -2_499_500n);
  const part = single({ state: "cashed-out", stake_micro: "10000000", payout_micro: "4200000" });
  const rest = single({ batch: 13, state: "open", stake_micro: "6000000", payout_micro: null, rest_of: 12 });
  assert.equal(profitOf(part, [part, rest]), 200_000n);
  assert.equal(restOf(part, [part, rest]), rest);
  assert.equal(restOf({ ...part, state: "settled" }, [part, rest]), undefined);
  // A bet of another nonce continues another bet of the same batch.
  assert.equal(profitOf(part, [part, { ...rest, nonce: 4 }]), -5_800_000n);
});

test("profit over time begins at 0 and adds up in the order of settlement", () => {
  const won = single({ batch: 1, payout_micro: "5000000", settled_at_s: 300, accepted_at_s: 50 });
  const lost = single({ batch: 2, payout_micro: "0", settled_at_s: 200, accepted_at_s: 40 });
  const also = single({ batch: 3, payout_micro: "0", settled_at_s: 200, accepted_at_s: 60 });
  const open = single({ batch: 4, state: "open", payout_micro: null, settled_at_s: null });
  const { points, ...sums } = profitOver([open, won, also, lost], []);
  assert.deepEqual(sums, { bets: 3, stakedMicro: 7_500_000n, profitMicro: -2_500_000n });
  assert.deepEqual(points, [
    { timeS: 40, values: [0] },
    { timeS: 200, values: [-5_000_000] },
    { timeS: 300, values: [-2_500_000] },
  ]);
  assert.equal(profitOver([open], []), null);
});

test("bets are chosen by league, legs, day and how they ended", () => {
  const wanted = (filter, bet) => isWanted({ ...ANY, ...filter }, bet.legs, bet.accepted_at_s);
  assert.ok(isAny(ANY) && !isAny({ ...ANY, from: "2025-05-24" }));
  assert.ok(wanted({}, BET));
  assert.ok(wanted({ league: "Premier League" }, BET));
  assert.ok(!wanted({ league: "Serie A" }, BET));
  assert.ok(wanted({ legs: "accumulator" }, BET) && !wanted({ legs: "single" }, BET));
  assert.ok(wanted({ legs: "single" }, single({})));
  const day = dayOf(BET.accepted_at_s);
  const [before, after] = [-1, 1].map((days) => dayOf(BET.accepted_at_s + days * 86_400));
  assert.ok(wanted({ from: day, to: day }, BET));
  assert.ok(!wanted({ from: after }, BET) && !wanted({ to: before }, BET));
  assert.deepEqual(
    ["2500001", "2500000", "2499999"].map((payout) => endOf({ ...BET, payout_micro: payout }, [])),
    ["won", "returned", "lost"],
  );
  assert.equal(endOf({ ...BET, state: "cashed-out", payout_micro: "9000000" }, []), "cashedOut");
  assert.deepEqual(leaguesOf([BET, BET]), ["Premier League"]);
});
