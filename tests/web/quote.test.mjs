/** What the slip keeps of a quote: over a new panel, a reload and changed terms. Answers are the test's. */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

const kept = new Map();
globalThis.localStorage = {
  getItem: (key) => kept.get(key) ?? null,
  setItem: (key, value) => kept.set(key, value),
  removeItem: (key) => kept.delete(key),
};

let loads = 0;
/** The module as a page that is opened again has it. */
const load = () => import(`../../web/src/direct/quote.ts?load=${++loads}`);
const wanted = { stakeMicro: 5_000_000n, minOddsE4: 20_000n, legs: [{ market: "0x01", outcome: 1 }], titles: [] };
const quotedFor = (ms) => ({ quote: {}, wanted, owner: "0xaa", oddsE4: 21_000n, payoutMicro: 1n, costWei: 2n ** 70n, endsAtMs: performance.now() + ms });
/** A promise, and what ends it. */
function open() {
  let end;
  const promise = new Promise((resolve, reject) => (end = { resolve, reject }));
  return { promise, ...end };
}

beforeEach(() => kept.clear());

test("a quote is asked for once, and belongs to its terms", async () => {
  const { askFor, quoteFor } = await load();
  const answer = open();
  let asked = 0;
  const ask = () => {
    asked += 1;
    return answer.promise;
  };
  const both = [askFor("a", ask), askFor("a", ask)];
  assert.equal(quoteFor("a").step, "asking");
  answer.resolve(quotedFor(60_000));
  await Promise.all(both);
  assert.equal(asked, 1);
  assert.notEqual(quoteFor("a").quoted, null);
  assert.equal(quoteFor("b").quoted, null);
});

test("an answer for terms that were changed meanwhile is not shown for the new ones", async () => {
  const { askFor, quoteFor } = await load();
  const [first, second] = [open(), open()];
  const one = askFor("a", () => first.promise);
  const two = askFor("b", () => second.promise);
  second.resolve(quotedFor(60_000));
  await two;
  const { quoted } = quoteFor("b");
  assert.notEqual(quoted, null);
  first.resolve(quotedFor(60_000));
  await one;
  assert.equal(quoteFor("a").quoted, null);
  assert.equal(quoteFor("b").quoted, quoted);
});

test("a held quote outlives a reload, until it ends", async () => {
  const { askFor, quoteFor } = await load();
  await askFor("a", async () => quotedFor(60_000));
  const again = (await load()).quoteFor("a").quoted;
  assert.deepEqual({ ...again, endsAtMs: 0 }, { ...quoteFor("a").quoted, endsAtMs: 0 });
  assert.ok(again.endsAtMs > performance.now() + 50_000 && again.endsAtMs <= performance.now() + 60_000);
  await askFor("a", async () => quotedFor(-1));
  assert.equal((await load()).quoteFor("a").quoted, null);
});

test("while the wallet is asked, nothing else is sent, and the quote stays in sight", async () => {
  const { askFor, drop, quoteFor, sendHeld } = await load();
  await askFor("a", async () => quotedFor(60_000));
  const wallet = open();
  let sends = 0;
  const send = () => {
    sends += 1;
    return wallet.promise;
  };
  const both = [sendHeld(send), sendHeld(send)];
  assert.equal(quoteFor("b").step, "sending");
  wallet.reject(new Error("refused"));
  await Promise.all(both);
  assert.equal(sends, 1);
  assert.equal(quoteFor("a").error.message, "refused");
  assert.notEqual(quoteFor("a").quoted, null);
  // After it was let go of, nothing that it says counts.
  const late = open();
  const sending = sendHeld(() => late.promise);
  drop();
  late.reject(new Error("late"));
  await sending;
  assert.deepEqual([quoteFor("a").quoted, quoteFor("a").error, quoteFor("a").step], [null, null, null]);
});

test("what the wallet has sent is a bet, and the quote is over", async () => {
  const { askFor, quoteFor, sendHeld } = await load();
  await askFor("a", async () => quotedFor(60_000));
  await sendHeld(async (sent) => sent());
  assert.equal(quoteFor("a").quoted, null);
  assert.equal((await load()).quoteFor("a").quoted, null);
});

test("a wallet that is done without a word of sending leaves nothing waiting", async () => {
  const { askFor, quoteFor, sendHeld } = await load();
  await askFor("a", async () => quotedFor(60_000));
  await sendHeld(async () => {});
  assert.deepEqual([quoteFor("a").step, quoteFor("a").quoted], [null, null]);
});
