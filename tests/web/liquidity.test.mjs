/** Shares of the bankroll, in whole units. */

import assert from "node:assert/strict";
import { test } from "node:test";

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
