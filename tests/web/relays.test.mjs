/** Who sends what a visitor signs, and how it is submitted to the house. Answers are the test's. */

import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.location = { origin: "http://fairline.test" };

const { Refusal, Unreachable } = await import("../../web/src/api/client.ts");
const { explain } = await import("../../web/src/app/explain.ts");
const choice = await import("../../web/src/relays/choice.ts");
const { submitted, isOnChain, NotSent } = await import("../../web/src/relays/sending.ts");
const { freeNonce } = await import("../../web/src/relays/token_transfer.ts");

const set = {};
const terms = { min_deposit_micro: "1000000", max_deadline_s: 3600 };
const typed = (messages, relaying = terms) => ({ messages, relaying });

test("the house sends where it does, unless the visitor wants otherwise", () => {
  const permits = typed({ Permit: set });
  assert.equal(choice.senderOf(permits, "deposit", 1_000_000n, "house"), "house");
  assert.equal(choice.senderOf(permits, "deposit", 1_000_000n, "wallet"), "wallet");
  assert.equal(choice.senderOf(permits, "deposit", 999_999n, "house"), "wallet");
  assert.equal(choice.leastMicro(permits, "deposit", 999_999n), 1_000_000n);
  assert.equal(choice.senderOf(permits, "request", undefined, "house"), "house");
});

test("without such terms, or messages of the token, the wallet sends", () => {
  assert.equal(choice.senderOf(undefined, "request", undefined, "house"), "wallet");
  assert.equal(choice.senderOf(typed({ Permit: set }, null), "deposit", 5_000_000n, "house"), "wallet");
  assert.equal(choice.senderOf(typed({}), "deposit", 5_000_000n, "house"), "wallet");
  assert.equal(choice.senderOf(typed({}), "request", undefined, "house"), "house");
});

test("an authorization is better than a permit, which somebody else could use up", () => {
  assert.equal(choice.tokenMessage(typed({ Permit: set, ReceiveWithAuthorization: set })), "ReceiveWithAuthorization");
  assert.equal(choice.tokenMessage(typed({ Permit: set })), "Permit");
  assert.equal(choice.tokenMessage(typed({})), null);
});

test("the nonce of an authorization names a fee of 0", () => {
  // keccak256(abi.encode(uint64 0, bytes32 salt)), as eth_abi encodes it.
  assert.equal(freeNonce(`0x${"07".repeat(32)}`), "0x21787e5dd4eda4c03912ce0970dfe5aff48f73b725c744026ab16d0cef6f5b78");
});

test("what got no answer is submitted again as it is", async () => {
  let calls = 0;
  const relay = { status: "waiting" };
  const send = async () => {
    calls += 1;
    if (calls < 3) throw new Unreachable();
    return relay;
  };
  assert.equal(await submitted(send, 0), relay);
  assert.equal(calls, 3);
});

test("a limit of the house is said at once, and what mends it", async () => {
  let calls = 0;
  const limit = new Refusal(429, { code: "relay-limit", detail: "six in an hour" });
  const send = async () => {
    calls += 1;
    throw limit;
  };
  await assert.rejects(submitted(send, 0), limit);
  assert.equal(calls, 1);
  assert.match(explain(limit, "tUSD").text, /Choose your wallet/);
  const short = new Refusal(409, { code: "tokens-insufficient", held_micro: "2000000", needed_micro: "5000000" });
  assert.match(explain(short, "tUSD").text, /3\.00 tUSD short/);
  assert.match(explain(new NotSent("AccountExcluded"), "tUSD").text, /AccountExcluded/);
});

test("only a block is the chain", () => {
  assert.deepEqual(
    ["waiting", "sent", "tentative", "confirmed", "final", "refused"].map((status) => isOnChain({ status })),
    [false, false, true, true, true, false],
  );
});
