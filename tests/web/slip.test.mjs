/** Stakes are read and computed exactly; what is signed is what was meant; a slip bets once. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const stored = new Map();
globalThis.localStorage = {
  getItem: (key) => stored.get(key) ?? null,
  setItem: (key, value) => {
    if (globalThis.storageIsFull) throw new Error("QuotaExceededError");
    stored.set(key, value);
  },
  removeItem: (key) => stored.delete(key),
};
globalThis.location = { origin: "http://fairline.test" };

const amounts = await import("../../web/src/slip/amounts.ts");
const { planOf } = await import("../../web/src/slip/check.ts");
const { slipBody, slipMessage, wordsOf } = await import("../../web/src/slip/message.ts");
const journal = await import("../../web/src/slip/journal.ts");
const { resumeSlips } = await import("../../web/src/slip/resuming.ts");
const state = await import("../../web/src/slip/state.ts");
const { reasonOf } = await import("../../web/src/bets/reasons.ts");
const { explain } = await import("../../web/src/app/explain.ts");
const { Refusal } = await import("../../web/src/api/client.ts");

const golden = JSON.parse(readFileSync(new URL("../golden/typed_data.json", import.meta.url), "utf8"));

test("a stake is read in one way or refused", () => {
  const good = [["2.5", 2500000n], ["2,5", 2500000n], ["1000", 1000000000n], [".5", 500000n], ["0,125", 125000n], [" 3 ", 3000000n], ["9007199254740993.000001", 9007199254740993000001n]];
  for (const [text, micro] of good) assert.deepEqual(amounts.readAmount(text), { micro }, text);
  const bad = [["", "empty"], ["1,000", "ambiguous"], ["1.000.000", "format"], ["1 000", "format"], ["1e3", "format"], ["-1", "format"], [".", "format"], ["0", "zero"], ["0.0000001", "fraction"]];
  for (const [text, fault] of bad) assert.deepEqual(amounts.readAmount(text), { fault }, text);
  assert.deepEqual(amounts.readAmount("1.005", 2), { fault: "fraction" });
});

test("payout and product are rounded down once, beyond what floats hold", () => {
  assert.equal(amounts.payoutDown(2500000n, [19200]), 4800000n);
  assert.equal(amounts.payoutDown(1n, [19999]), 1n);
  assert.equal(amounts.productDown([18342, 23700, 19999]), 86936n);
  assert.equal(amounts.payoutDown(72057594037927935n, [19999, 19999]), (72057594037927935n * 19999n * 19999n) / 100000000n);
});

test("a tolerance never signs less than it says", () => {
  assert.equal(amounts.minimumOdds([19200], "better"), 19200n);
  assert.equal(amounts.minimumOdds([19200], "none"), 19200n);
  assert.equal(amounts.minimumOdds([19200], 100), 19008n);
  assert.equal(amounts.minimumOdds([18345], 100), 18162n);
  assert.equal(amounts.minimumOdds([10050], 500), 10000n);
  assert.equal(amounts.withinTolerance([19200], [19300], "none"), false);
  assert.equal(amounts.withinTolerance([19200], [19300], "better"), true);
  assert.equal(amounts.withinTolerance([19200], [19199], "better"), false);
  assert.equal(amounts.withinTolerance([19200], [19008], 100), true);
  assert.equal(amounts.withinTolerance([19200], [19007], 100), false);
});

test("units of a token and micro-units convert exactly, also with other decimals", () => {
  for (const [decimals, units] of [[6, 1500000n], [18, 1500000000000000000n], [2, 150n]]) {
    assert.equal(amounts.tokenUnits(1500000n, decimals), units);
    assert.equal(amounts.microOf(units, decimals), 1500000n);
  }
});

const FIXTURES = ["0x" + "aa".repeat(16), "0x" + "bb".repeat(16)];
const leg = (at, seenE4, fixture = FIXTURES[at]) => ({
  market: fixture + "00683331f0" + "01" + "00" + "0000" + "00" + "000000000000",
  outcome: 0,
  fixture: "A v B, 2025-05-25",
  fixtureId: fixture,
  teams: "A v B",
  title: "Match result",
  name: "Home",
  seenE4,
});
const LIMITS = { min_stake_micro: "1000000", max_stake_micro: "100000000", max_payout_micro: "300000000", max_legs: 8 };
const slip = (change) => ({ legs: [leg(0, 20000)], mode: "singles", stakes: {}, tolerance: "better", open: false, ...change });
const key = (one) => `${one.market}:${one.outcome}`;

test("a slip is ready only at odds that the visitor agreed to", () => {
  const one = slip({ stakes: { [key(leg(0))]: "5" } });
  assert.equal(planOf(one, [20000], LIMITS).isReady, true);
  assert.equal(planOf(one, [20500], LIMITS).isReady, true);
  assert.equal(planOf(one, [20500], LIMITS).bets[0].minOddsE4, 20000n);
  assert.equal(planOf(one, [19900], LIMITS).isReady, false);
  assert.deepEqual([...planOf(one, [19900], LIMITS).moved], [key(leg(0))]);
  assert.equal(planOf(one, [undefined], LIMITS).isReady, false);
  assert.equal(planOf({ ...one, tolerance: "none" }, [20500], LIMITS).isReady, false);
  assert.equal(planOf({ ...one, tolerance: 100 }, [19900], LIMITS).isReady, true);
});

test("limits name what is wrong with a stake", () => {
  const fault = (text) => planOf(slip({ stakes: { [key(leg(0))]: text } }), [40000], LIMITS).bets[0].fault?.kind;
  assert.deepEqual(["0.5", "101", "80", "70", "x", ""].map(fault), ["least", "most", "mostPayout", undefined, "format", "empty"]);
});

test("two legs of one fixture are no accumulator", () => {
  const legs = [leg(0, 20000), { ...leg(1, 15000), fixtureId: FIXTURES[0] }];
  const plan = planOf(slip({ legs, mode: "accumulator", stakes: { all: "5" } }), [20000, 15000], LIMITS);
  assert.deepEqual([plan.isCorrelated, plan.isReady], [true, false]);
  const apart = planOf(slip({ legs: [leg(0, 20000), leg(1, 15000)], mode: "accumulator", stakes: { all: "5" } }), [20000, 15000], LIMITS);
  assert.deepEqual([apart.isReady, apart.bets.length, apart.bets[0].productE4, apart.totalMicro], [true, 1, 30000n, 5000000n]);
});

test("several singles have a stake each, and those without one are left out", () => {
  const legs = [leg(0, 20000), leg(1, 15000)];
  const plan = planOf(slip({ legs, stakes: { [key(legs[0])]: "5" } }), [20000, 15000], LIMITS);
  assert.deepEqual([plan.isReady, plan.totalMicro], [true, 5000000n]);
});

test("the message of a slip is the golden one, hashes as the contract does, and is shown field by field", async () => {
  const { hashSlip, isReceiptOf } = await import("../../web/src/slip/receipts.ts");
  const { typed_data: signed, struct_hash, legs } = golden.slip;
  const { account, stakeMicro, minOddsE4, nonce, deadline } = signed.message;
  const terms = {
    account,
    stakeMicro: BigInt(stakeMicro),
    minOddsE4: BigInt(minOddsE4),
    nonce,
    deadlineS: deadline,
    legs: legs.map(({ market, outcome }, at) => ({ market, outcome, fixture: signed.message.legs[at].fixture })),
  };
  const message = slipMessage(terms);
  assert.deepEqual({ ...message, stakeMicro }, signed.message);
  assert.equal(hashSlip(signed, message), struct_hash);
  const words = wordsOf(signed.types, "Slip", message);
  assert.deepEqual(words.slice(0, 6).map(({ name, value }) => `${name}: ${value}`), [
    "account: 7",
    "stakeMicro: 25500000",
    "minOddsE4: 51234",
    "nonce: 42",
    "deadline: 1748183400",
    "legs 1 · fixture: Liverpool v Crystal Palace, 2025-05-25",
  ]);
  assert.equal(words.length, 5 + 3 * 7);
  assert.deepEqual(slipBody(terms, "0x").legs[1], { market: legs[1].market, outcome: 1 });

  const { typed_data: house, signature, key } = golden.receipt;
  const { privateKeyToAddress } = await import("viem/accounts");
  const typed = { messages: { Receipt: house }, receipt_signer: privateKeyToAddress(key) };
  const { slip, acceptedAt, oddsE4 } = house.message;
  const receipt = { slip, accepted_at_s: acceptedAt, odds_e4: oddsE4, signature };
  assert.equal(await isReceiptOf(typed, slip, receipt), true);
  assert.equal(await isReceiptOf(typed, slip, { ...receipt, accepted_at_s: acceptedAt + 1 }), false);
  assert.equal(await isReceiptOf(typed, struct_hash.replace("e", "f"), receipt), false);
});

const body = { account: 7, stake_micro: "2500000", min_odds_e4: 19000, nonce: 3, deadline_s: 9, legs: [], signature: "0x" };
const kept = (hash, change) => ({ hash, owner: "0xab", body, message: {}, titles: [], signedAtS: 1, state: "signed", ...change });
const answer = (status, json) => new Response(JSON.stringify(json), { status, headers: { "content-type": "application/json" } });

test("a slip whose answer is lost is sent again as it is, until there is one", async () => {
  journal.openJournal(1337, "0x01");
  journal.note(kept("0x01"));
  const sent = [];
  globalThis.fetch = async (request) => {
    sent.push([await request.text(), request.headers.get("idempotency-key")]);
    if (sent.length === 1) throw new TypeError("network");
    if (sent.length === 2) return answer(503, { code: "odds-stale", detail: "later" });
    return answer(200, { id: "1", receipt: {} });
  };
  const [first, second] = await Promise.all([journal.submit("0x01"), journal.submit("0x01")]);
  assert.equal(second, undefined, "a second click sends nothing");
  assert.equal(first.state, "accepted");
  assert.equal(new Set(sent.map(String)).size, 1);
  assert.deepEqual([sent.length, sent[0][1]], [3, "0x01"]);
});

test("a refusal ends it, unless the slip had been accepted before", async () => {
  const before = { id: "9", slip_hash: "0x03", payout_max_micro: "1", enforce_until_s: 1, receipt: { accepted_at_s: 1, odds_e4: [2] } };
  for (const [hash, found, state] of [["0x02", answer(404, { code: "not-found" }), "refused"], ["0x03", answer(200, before), "accepted"]]) {
    journal.note(kept(hash));
    globalThis.fetch = async (request) => (request.url.includes("by-hash") ? found : answer(409, { code: "slip-expired", detail: "too late" }));
    assert.equal((await journal.submit(hash)).state, state);
  }
});

test("a nonce is free when no slip without an answer has it", () => {
  journal.note(kept("0x04"));
  assert.equal(journal.freeNonce(7, "0xab", 3), 4);
  assert.equal(journal.freeNonce(7, "0xcd", 3), 3);
  journal.change("0x04", { state: "refused" });
  assert.equal(journal.freeNonce(7, "0xab", 3), 3);
});

test("a full storage is reported, and the slip lives on in the page", () => {
  globalThis.storageIsFull = true;
  journal.note(kept("0x05", { state: "accepted" }));
  assert.equal(journal.isUnkept(), true);
  assert.ok(journal.journal().some(({ hash }) => hash === "0x05"));
  globalThis.storageIsFull = false;
  journal.change("0x05", {});
  assert.equal(journal.isUnkept(), false);
});

test("an opened page sends what has no answer", async () => {
  stored.set("fairline:slips:1:0x02", JSON.stringify([kept("0x06")]));
  globalThis.fetch = async () => answer(201, { id: "2", receipt: {} });
  void resumeSlips(1, "0x02").catch(() => {});
  for (let wait = 0; wait < 100 && journal.journal()[0].state === "signed"; wait += 1) await new Promise((wake) => setTimeout(wake, 10));
  assert.equal(JSON.parse(stored.get("fairline:slips:1:0x02"))[0].state, "accepted");
});

const chosen = (market) => ({ market, outcome: 1, fixture: "A v B, 2025-05-25", fixtureId: market, teams: "", title: "", name: "", seenE4: 20000 });
const picked = (...markets) => markets.map((market) => ({ market, outcome: 1 }));

test("what was signed leaves the bet slip, as the kind of bet that it is", () => {
  const singles = { legs: [chosen("a"), chosen("b")], mode: "singles", stakes: { "a:1": "2", "b:1": "3" }, tolerance: "better", open: false };
  const left = state.withoutBet(singles, picked("a"));
  assert.deepEqual([left.legs.map(state.keyOf), left.stakes], [["b:1"], { "b:1": "3" }]);
  assert.equal(state.withoutBet(singles, picked("a", "b")), null, "an accumulator is not two singles");
  assert.equal(state.withoutBet(singles, picked("c")), null);
  const accumulator = { ...singles, mode: "accumulator", stakes: { all: "5" } };
  const none = state.withoutBet(accumulator, picked("a", "b"));
  assert.deepEqual([none.legs, none.stakes, none.mode], [[], {}, "singles"]);
  assert.equal(state.withoutBet(accumulator, picked("a")), null, "a leg of another bet stays");
});

test("a bet that the house refuses after a reload comes back into the bet slip", async () => {
  state.setSlip({ legs: [chosen("a"), chosen("b")], mode: "accumulator", stakes: { all: "5" } });
  stored.set("fairline:slips:1:0x03", JSON.stringify([kept("0x07", { body: { ...body, legs: picked("a", "b") } })]));
  globalThis.fetch = async (request) => (request.method === "POST" ? answer(409, { code: "odds-moved", detail: "moved" }) : answer(404, { code: "slip-unknown", detail: "none" }));
  const resumed = resumeSlips(1, "0x03");
  assert.deepEqual(state.currentSlip().legs, []);
  await resumed;
  const { legs, mode, stakes } = state.currentSlip();
  assert.deepEqual([legs.map(state.keyOf), mode, stakes], [["a:1", "b:1"], "accumulator", { all: "5" }]);
});

test("why a bet was paid follows from its figures", () => {
  const bet = (payout, legs = 1, state = "settled") => ({ state, stake_micro: "100", payout_max_micro: "240", payout_micro: payout, legs: Array(legs) });
  assert.deepEqual(["240", "0", "100", "50", "170"].map((paid) => reasonOf(bet(paid))), ["wonSingle", "lostSingle", "void", "halfLost", "halfWon"]);
  assert.deepEqual([reasonOf(bet("0", 2)), reasonOf(bet("120", 2)), reasonOf(bet(null, 1, "open")), reasonOf(bet("1", 1, "cashed-out"))], ["lost", "partly", "open", "cashedOut"]);
});

test("errors name what is missing and what mends it", () => {
  const refusal = (code, members) => explain(new Refusal(409, { code, detail: "said", ...members }), "tUSD");
  assert.deepEqual(refusal("balance-insufficient", { needed_micro: "5000000", available_micro: "2000000" }), {
    text: "You have 2.00 tUSD available; 3.00 tUSD is missing.",
    mend: "deposit",
  });
  assert.deepEqual(refusal("market-started"), { text: "said" });
  const wrapped = new Error("outer", { cause: Object.assign(new Error("inner"), { code: 4001 }) });
  assert.equal(explain(wrapped, "").isChoice, true);
  assert.equal(explain(Object.assign(new Error(""), { name: "WrongChain" }), "").mend, "switch");
  assert.match(explain(Object.assign(new Error(""), { name: "TokensMissing", missingMicro: 5000000n }), "tUSD").text, /5\.00 tUSD short/);
});
