/** Shares of the bankroll, in whole units, and how their price has moved. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { pricePoints } from "../../web/src/liquidity/price_points.ts";
import { atLeast, sharesFor } from "../../web/src/liquidity/shares.ts";

const POSITION = { shares: 1_000n, worthMicro: 990n, redeemable: 600n, redeemableMicro: 594n };

test("shares for an amount are rounded up, and never more than can be redeemed", () => {
  assert.equal(sharesFor(297n, POSITION), 300n);
  assert.equal(sharesFor(1n, POSITION), 2n);
  assert.equal(sharesFor(594n, POSITION), 600n);
  assert.equal(sharesFor(10_000n, POSITION), 600n);
  assert.equal(sharesFor(5n, { ...POSITION, redeemable: 0n, redeemableMicro: 0n }), 0n);
});

test("a price may get worse by half a percent, rounded down", () => {
  assert.equal(atLeast(10_000n), 9_950n);
  assert.equal(atLeast(1n), 0n);
});

const price = (atS, leaveMicro) => ({ at_s: atS, enter_micro: "9", leave_micro: leaveMicro });
const DAY_S = 86_400;

test("a chart of prices begins with what counted then, and ends with what counts now", () => {
  const now = 10 * DAY_S;
  const prices = [price(now - 10, "1003"), price(now - 2 * DAY_S, "1002"), price(now - 3 * DAY_S, "1001")];
  assert.deepEqual(pricePoints(prices, now, "1004", DAY_S), [
    { timeS: now - DAY_S, values: [1002] },
    { timeS: now - 10, values: [1003] },
    { timeS: now, values: [1004] },
  ]);
  const all = pricePoints(prices, now, null, Infinity);
  assert.deepEqual(all.map(({ timeS }) => timeS), [now - 3 * DAY_S, now - 2 * DAY_S, now - 10]);
  // Newer than what the page knows of the chain's clock.
  assert.deepEqual(pricePoints([price(now + 5, "1")], now, null, Infinity), []);
});
