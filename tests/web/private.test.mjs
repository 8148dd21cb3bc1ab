/** The owner's part of the stream, offers to cash out and own limits follow their rules. Time, sockets and answers are
 * the test's. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { QueryClient } from "@tanstack/react-query";

const stored = new Map();
globalThis.localStorage = {
  getItem: (key) => stored.get(key) ?? null,
  setItem: (key, value) => stored.set(key, value),
  removeItem: (key) => stored.delete(key),
};
globalThis.location = { origin: "http://fairline.test" };

const { streamUrl, Refusal } = await import("../../web/src/api/client.ts");
const { OwnStream, AGAIN_MS } = await import("../../web/src/session/own_stream.ts");
const { take } = await import("../../web/src/session/pushes.ts");
const { deviceOf } = await import("../../web/src/session/device.ts");
const offers = await import("../../web/src/cash_outs/offer.ts");
const cashOuts = await import("../../web/src/cash_outs/journal.ts");
const limits = await import("../../web/src/limits/rules.ts");
const { wordsOf } = await import("../../web/src/slip/message.ts");
const { explain } = await import("../../web/src/app/explain.ts");

const golden = JSON.parse(readFileSync(new URL("../golden/typed_data.json", import.meta.url), "utf8"));
const OWNER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const answer = (status, json) => new Response(JSON.stringify(json), { status, headers: { "content-type": "application/json" } });

function ownStream() {
  const made = { owner: undefined, ticket: "t1", ended: 0, restarts: 0, taken: [], timers: [] };
  made.stream = new OwnStream({
    signedIn: () => made.owner,
    url: (ticket) => streamUrl({ protocol: "https:", host: "here" }, ticket),
    ticket: async () => {
      if (made.ticket === undefined) throw new Error("no ticket");
      return made.ticket;
    },
    take: (owner, message) => made.taken.push([owner, message.type]),
    sessionEnded: () => (made.ended += 1),
    restart: () => (made.restarts += 1),
    setTimeout: (run, ms) => made.timers.push([ms, run]),
  });
  return made;
}

test("without a session the stream is the public one, and nothing is pushed", async () => {
  const { stream } = ownStream();
  assert.equal(await stream.url(), "wss://here/v1/stream");
  stream.stateIs("live");
  assert.equal(stream.pushes(OWNER), false);
  assert.equal(stream.take({ type: "snapshot" }), false);
});

test("a session's stream has a ticket, and pushes from its first message until it is not live", async () => {
  const made = ownStream();
  made.owner = OWNER;
  assert.equal(await made.stream.url(), "wss://here/v1/stream?ticket=t1");
  made.stream.stateIs("live");
  assert.equal(made.stream.pushes(OWNER), false);
  assert.equal(made.stream.take({ type: "account", account: null }), true);
  assert.deepEqual(made.taken, [[OWNER, "account"]]);
  assert.equal(made.stream.pushes(OWNER), true);
  assert.equal(made.stream.pushes("0x1"), false);
  made.stream.stateIs("quiet");
  assert.equal(made.stream.pushes(OWNER), false);
  made.stream.stateIs("live");
  made.owner = "0x2";
  assert.equal(made.stream.pushes(OWNER), false);
  made.stream.take({ type: "account-change", account: null });
  assert.equal(made.taken.length, 1, "nothing is taken for whoever came after");
});

test("the account of somebody else is not taken for one's own", async () => {
  const made = ownStream();
  made.owner = OWNER;
  await made.stream.url();
  made.stream.take({ type: "account", account: { owner: "0x2" } });
  assert.deepEqual([made.taken.length, made.ended], [0, 1]);
});

test("without a ticket the odds come all the same, and a ticket is asked for again", async () => {
  const made = ownStream();
  made.owner = OWNER;
  made.ticket = undefined;
  assert.equal(await made.stream.url(), "wss://here/v1/stream");
  assert.deepEqual(made.timers.map(([ms]) => ms), [AGAIN_MS]);
  made.timers[0][1]();
  assert.equal(made.restarts, 1);
});

test("a ticket that opens nothing does not keep the odds away", async () => {
  const made = ownStream();
  made.owner = OWNER;
  assert.match(await made.stream.url(), /ticket/);
  made.stream.closed(1006);
  assert.equal(await made.stream.url(), "wss://here/v1/stream");
  assert.equal(made.timers.length, 1);
  assert.match(await made.stream.url(), /ticket/);
});

test("a session that ends closes the stream, and is reported", async () => {
  const made = ownStream();
  made.owner = OWNER;
  await made.stream.url();
  made.stream.closed(1006);
  assert.equal(made.ended, 0);
  made.stream.closed(4401);
  assert.equal(made.ended, 1);
});

const account = { account: 7, owner: OWNER, balance_micro: "5", withdrawal_sequence: 3 };
const bet = (change) => ({ batch: 12, bet: 0, state: "open", stage: "tentative", legs: ["leg"], ...change });
const slip = (change) => ({ id: "s1", status: "accepted", stage: null, legs: ["leg"], ...change });
const change = (made) => ({ type: "account-change", account: null, slips: [], bets: [], undone_bets: [], relays: [], ...made });

function cache() {
  const made = new QueryClient();
  made.setQueryData(["account", OWNER], account);
  made.setQueryData(["bets", "placed", 7], { bets: [bet()] });
  made.setQueryData(["bets", "slips", 7], { slips: [slip()] });
  made.setQueryData(["slip", "s1"], slip());
  const stale = (...key) => made.getQueryState(key)?.isInvalidated;
  return { made, stale };
}

test("what is pushed is put into the answers that are shown, without asking for them", () => {
  const { made, stale } = cache();
  const placed = { id: "s1", status: "placed", stage: "confirmed" };
  const message = change({ account: { account: 7, balance_micro: "9" }, slips: [placed], bets: [{ batch: 12, bet: 0, state: "cashed-out", payout_micro: "4" }] });
  take(made, OWNER, message);
  assert.deepEqual(made.getQueryData(["account", OWNER]), { ...account, balance_micro: "9" });
  assert.deepEqual(made.getQueryData(["bets", "placed", 7]).bets, [bet({ state: "cashed-out", payout_micro: "4" })]);
  assert.deepEqual(made.getQueryData(["bets", "slips", 7]).slips, [slip({ status: "placed", stage: "confirmed" })]);
  assert.deepEqual(made.getQueryData(["slip", "s1"]), slip({ status: "placed", stage: "confirmed" }));
  assert.deepEqual([stale("bets", "placed", 7), stale("account", OWNER)], [false, false]);
});

test("what a push cannot give in full is asked for: a new bet, a new slip, one that was undone, a first message", () => {
  const asks = [
    change({ bets: [{ batch: 13, bet: 0 }] }),
    change({ slips: [{ id: "s2" }] }),
    change({ undone_bets: [{ batch: 12, bet: 0 }] }),
    { ...change({ account }), type: "account" },
  ];
  for (const message of asks) {
    const { made, stale } = cache();
    take(made, OWNER, message);
    assert.equal(stale("bets", "placed", 7), true, JSON.stringify(message));
  }
});

test("an account that is opened is asked for once, and one that is gone is shown as none", () => {
  const { made, stale } = cache();
  made.setQueryData(["account", OWNER], null);
  take(made, OWNER, change({ account: { account: 7 } }));
  assert.equal(stale("account", OWNER), true);
  take(made, OWNER, { ...change(), type: "account" });
  assert.equal(made.getQueryData(["account", OWNER]), null);
});

test("what the house sends for an owner is followed by pushes, newest first and a few", () => {
  const { made, stale } = cache();
  const relay = (relay_hash, status) => ({ relay_hash, status });
  made.setQueryData(["relays", OWNER], { relays: [relay("0xb", "waiting"), relay("0xa", "final")], next_cursor: "1" });
  take(made, OWNER, change({ relays: [relay("0xb", "sent")] }));
  assert.deepEqual(made.getQueryData(["relays", OWNER]).relays, [relay("0xb", "sent"), relay("0xa", "final")]);
  take(made, OWNER, change({ relays: [relay("0xc", "waiting")] }));
  assert.deepEqual(made.getQueryData(["relays", OWNER]).relays.map((one) => one.relay_hash), ["0xc", "0xb", "0xa"]);
  assert.equal(stale("relays", OWNER), false);
  const many = ["0x1", "0x2", "0x3", "0x4"].map((hash) => relay(hash, "waiting"));
  take(made, OWNER, change({ relays: many }));
  assert.deepEqual(made.getQueryData(["relays", OWNER]).relays.map((one) => one.relay_hash), ["0x1", "0x2", "0x3", "0x4", "0xc"]);
});

const offer = (change) => ({ id: "o1", account: 7, batch: 12, bet: 0, stake_micro: "4000000", price_micro: "3600000", rest_micro: "0", offered_at_s: 1000, deadline_s: 1030, ...change });

test("an offer is signed at the price that was agreed to, and not at its very end", () => {
  const first = offers.shownOffer(offer(), 5_000);
  assert.deepEqual([first.endsAtMs, offers.renewAfterMs(first)], [35_000, 30_000 - offers.RENEW_MS]);
  assert.equal(offers.maySign(first, 5_000), true);
  assert.equal(offers.maySign(first, 32_000), true);
  assert.equal(offers.maySign(first, 32_001), false);
  for (const price_micro of ["3599999", "3600001"]) {
    const next = offers.shownOffer(offer({ price_micro }), 20_000, first.agreedMicro);
    assert.deepEqual([offers.isMoved(next), offers.maySign(next, 20_000)], [true, false]);
    assert.equal(offers.maySign({ ...next, agreedMicro: price_micro }, 20_000), true);
  }
});

test("the message of a cash-out has every field of its type, from what is shown", () => {
  const { typed_data: signed } = golden.cash_out;
  const { account, batch, bet, stakeMicro, priceMicro, offeredAt, deadline } = signed.message;
  const made = offers.cashOutMessage(
    offer({ account, batch, bet, stake_micro: String(stakeMicro), price_micro: String(priceMicro), offered_at_s: offeredAt, deadline_s: deadline, message: {} }),
  );
  const plain = (message) => wordsOf(signed.types, "CashOut", message).map(({ name, value }) => [name, value]);
  assert.deepEqual(plain(made), plain(signed.message));
  assert.equal(plain(made).length, 7);
});

test("a part of a bet leaves no crumbs", () => {
  const read = (text) => offers.readPart(text, 10_000_000n, 1_000_000n);
  assert.deepEqual(read("4"), { micro: 4_000_000n, restMicro: 6_000_000n });
  assert.deepEqual(read("10"), { micro: 10_000_000n, restMicro: 0n });
  assert.deepEqual(["0.5", "9.5", "11", "", "1,000"].map((text) => read(text).fault), ["least", "rest", "most", "empty", "ambiguous"]);
});

const signed = (id, change) => ({ id, owner: OWNER, bet: "12:0", stakeMicro: "4", priceMicro: "3", restMicro: "0", titles: [], signature: "0xsig", state: "signed", ...change });

test("a signed cash-out is sent as it is until the house has it, and followed to its end", async () => {
  cashOuts.openCashOuts(1337, "0x01");
  cashOuts.note(signed("o1"));
  const said = [];
  globalThis.fetch = async (request) => {
    said.push([request.method, await request.text()]);
    if (said.length === 1) throw new TypeError("network");
    return answer(200, { status: ["accepted", "submitted", "paid"][said.length - 2], tx_hash: said.length === 4 ? "0xaa" : null });
  };
  const [first, second] = await Promise.all([cashOuts.follow("o1"), cashOuts.follow("o1")]);
  assert.equal(second, undefined, "a second click sends nothing");
  assert.deepEqual([first.state, first.txHash], ["paid", "0xaa"]);
  assert.deepEqual(said.map(([method]) => method), ["POST", "POST", "GET", "GET"]);
  assert.equal(said[0][1], said[1][1]);
});

test("an offer that ended is over, and a refusal says why", async () => {
  for (const [id, code, state] of [["o2", "cash-out-expired", "expired"], ["o3", "signature-invalid", "failed"]]) {
    cashOuts.note(signed(id));
    globalThis.fetch = async () => answer(409, { code, detail: "said" });
    const over = await cashOuts.follow(id);
    assert.deepEqual([over.state, over.why], [state, state === "failed" ? "said" : undefined]);
  }
});

test("an opened page goes on with what is not over, and forgets the rest", async () => {
  stored.set("fairline:cash-outs:1:0x02", JSON.stringify([signed("o4"), signed("o5", { state: "paid" })]));
  globalThis.fetch = async () => answer(200, { status: "paid", tx_hash: "0xbb" });
  cashOuts.openCashOuts(1, "0x02");
  const kept = () => JSON.parse(stored.get("fairline:cash-outs:1:0x02"));
  for (let wait = 0; wait < 100 && kept()[0].state !== "paid"; wait += 1) await new Promise((wake) => setTimeout(wake, 10));
  assert.deepEqual(kept().map(({ id, state }) => [id, state]), [["o4", "paid"]]);
});

const limit = (change) => ({ kind: "stake", period: "day", limit_micro: "50000000", used_micro: "0", left_micro: "50000000", next_limit_micro: null, next_from_s: null, ...change });

test("a lower limit counts at once, a higher one or none a day later", () => {
  const made = (text, micro = "50000000") => limits.editOf(limit({ limit_micro: micro }), text);
  assert.deepEqual(made("20"), { set: { kind: "stake", period: "day", limit_micro: "20000000" }, when: "now" });
  assert.equal(made("60").when, "later");
  assert.deepEqual(made(""), { set: { kind: "stake", period: "day", limit_micro: null }, when: "later" });
  assert.equal(made("1000", null).when, "now");
  assert.deepEqual([made("50.00"), made("", null)], [{}, {}]);
  assert.deepEqual([made("0").fault, made("x").fault], ["zero", "format"]);
});

test("of several limits the lowest rules", () => {
  const of = (kind, left_micro) => limit({ kind, left_micro });
  assert.equal(limits.leftOf([of("deposit", "20"), of("deposit", "5"), of("stake", "1"), of("deposit", null)], "deposit"), 5n);
  assert.equal(limits.leftOf([of("deposit", null)], "deposit"), null);
});

test("a break can be extended by at least a day, never shortened", () => {
  const day = 86_400;
  assert.deepEqual(limits.endsFrom([1, 3, 7], 1_000, null).map(({ days }) => days), [1, 3, 7]);
  assert.deepEqual(limits.endsFrom([1, 3, 7], 1_000 + 5, 1_000 + 3 * day), [{ days: 7, untilS: 1_005 + 7 * day }]);
});

test("refusals of sessions, limits and cash-outs are shown in amounts and times, with what mends them", () => {
  const said = (code, members) => explain(new Refusal(409, { code, detail: "said", ...members }), "tUSD");
  assert.deepEqual(said("session-required"), { text: "Your session has ended. Sign in again.", mend: "signIn" });
  assert.equal(said("sign-in-nonce-unknown").mend, "retry");
  const used = { period: "week", limit_micro: "50000000", left_micro: "2000000" };
  assert.equal(said("loss-limit", used).text, "Your own limit on losses is 50.00 tUSD in 7 days; 2.00 tUSD is left.");
  assert.match(said("timed-out", { time_out_until_s: 1_900_000_000 }).text, /2030/);
  assert.match(said("account-excluded", { excluded_until_s: 1_900_000_000 }).text, /2030/);
  assert.equal(said("cash-out-too-early", { open_from_s: 1 }).mend, "retry");
});

test("a session is named by its browser and system", () => {
  const agents = [
    ["Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0", "Firefox on Android"],
    ["Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1", "Safari on iPhone"],
    ["Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/147.0 Safari/537.36 Edg/147.0", "Edge on Windows"],
    ["curl/8.0", "curl/8.0"],
    ["", "Unknown browser"],
  ];
  for (const [agent, name] of agents) assert.equal(deviceOf(agent), name);
});
