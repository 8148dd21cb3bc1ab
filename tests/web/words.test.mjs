/** What stands beside the raw values of what is signed, and what the demo wallet says of a transaction. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { encodeFunctionData } from "viem";

import { bankrollAbi, sportsbookAbi, testTokenAbi } from "../../web/src/generated/abi.ts";
import { readingOf } from "../../web/src/ui/readings.ts";
import { callText } from "../../web/src/wallet/call_text.ts";

const [SPORTSBOOK, BANKROLL, TOKEN, OTHER] = ["1", "2", "3", "4"].map((digit) => `0x${digit.repeat(40)}`);
const KNOWN = { unit: "tUSD", decimals: 8, odds: "decimal", addresses: { [SPORTSBOOK]: "the sportsbook contract" } };

test("amounts, odds, lines and addresses are said in words, and other values need none", () => {
  const says = (name, value, type = "Slip") => readingOf({ name, value }, type, KNOWN);
  assert.equal(says("stakeMicro", "2500000"), "2.50 tUSD");
  assert.equal(says("minOddsE4", "16100"), "1.61");
  assert.equal(says("legs 2 · oddsE4 1", "20000"), "2.00");
  assert.equal(says("legs 1 · lineQuarters", "-3"), "line -0.75");
  assert.equal(says("legs 1 · lineQuarters", "0"), "no line");
  assert.equal(says("legs 1 · inPlay", "false"), "before the match");
  assert.match(says("deadline", "1748185200"), /2025/);
  assert.equal(says("spender", SPORTSBOOK, "Permit"), "the sportsbook contract");
  // In the token's own units, of which only the token's messages have values.
  assert.equal(says("value", "250000000", "Permit"), "2.50 tUSD");
  assert.equal(says("value", "250000000", "Request"), undefined);
  assert.deepEqual([says("nonce", "1"), says("account", "7"), says("legs 1 · outcome", "Home")], [undefined, undefined, undefined]);
});

test("a transaction is said in a sentence, and one that is not known is not guessed", () => {
  const contracts = { sportsbook: SPORTSBOOK, bankroll: BANKROLL, token: { address: TOKEN, decimals: 8, symbol: "tUSD" } };
  const says = (to, abi, functionName, args) => callText(contracts, to, encodeFunctionData({ abi, functionName, args }));
  assert.equal(says(SPORTSBOOK, sportsbookAbi, "deposit", [5_000_000n]), "Deposits 5.00 tUSD into the sportsbook.");
  assert.equal(says(SPORTSBOOK, sportsbookAbi, "requestExit", [0n]), "Cancels the exit that you requested.");
  assert.equal(says(BANKROLL, bankrollAbi, "deposit", [500_000_000n, OTHER, 1n]), "Provides 5.00 tUSD to the bankroll.");
  assert.equal(
    says(TOKEN, testTokenAbi, "approve", [BANKROLL, 500_000_000n]),
    "Allows the bankroll contract to take 5.00 tUSD from this wallet.",
  );
  assert.match(says(TOKEN, testTokenAbi, "approve", [OTHER, 500_000_000n]), new RegExp(`^Allows ${OTHER} to take`));
  assert.match(says(OTHER, sportsbookAbi, "deposit", [5_000_000n]), /^Calls the function 0x[0-9a-f]{8} of/);
  assert.match(callText(contracts, SPORTSBOOK, undefined), /^Calls the function/);
});
