/** The stream comes back after every kind of loss, and says so. Time and sockets are the test's. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { openStream, QUIET_MS, retryWaitMs, SILENCE_MS } from "../../clients/typescript/src/connection.ts";

/** A clock with timers that the test moves on. */
class Clock {
  now = 0;
  timers = new Map();
  next = 1;
  setTimeout = (run, ms) => {
    this.timers.set(this.next, { at: this.now + ms, run });
    return this.next++;
  };
  clearTimeout = (id) => this.timers.delete(id);
  advance(ms) {
    this.now += ms;
    for (const [id, { at, run }] of [...this.timers]) {
      if (at <= this.now && this.timers.delete(id)) run();
    }
  }
}

function start(onMessage = () => true, address = "now") {
  const clock = new Clock();
  const sockets = [];
  const states = [];
  const codes = [];
  const addresses = [];
  const later = () =>
    new Promise((resolve) => {
      addresses.push(async (url) => resolve(url));
    });
  class Socket {
    constructor(url) {
      this.url = url;
      this.closed = false;
      sockets.push(this);
    }
    close() {
      this.closed = true;
    }
    say(message) {
      this.onmessage({ data: typeof message === "string" ? message : JSON.stringify(message) });
    }
  }
  const stream = openStream({
    url: () => (address === "now" ? "ws://here/v1/stream" : later()),
    onMessage,
    onClose: (code) => codes.push(code),
    onState: (state) => states.at(-1) !== state && states.push(state),
    WebSocket: Socket,
    setTimeout: clock.setTimeout,
    clearTimeout: clock.clearTimeout,
    random: () => 1,
  });
  return { clock, sockets, states, stream, codes, addresses };
}

test("it is live with the first word, not with the connection", () => {
  const { sockets, states } = start();
  assert.deepEqual(states, ["connecting"]);
  sockets[0].say({ type: "snapshot" });
  assert.deepEqual(states, ["connecting", "live"]);
});

test("a closed connection is opened again", () => {
  const { clock, sockets, states } = start();
  sockets[0].say({ type: "snapshot" });
  sockets[0].onclose();
  assert.equal(states.at(-1), "reconnecting");
  clock.advance(499);
  assert.equal(sockets.length, 1);
  clock.advance(1);
  assert.equal(sockets.length, 2);
  sockets[1].say({ type: "snapshot" });
  assert.equal(states.at(-1), "live");
});

test("a silent connection counts as lost", () => {
  const { clock, sockets, states } = start();
  sockets[0].say({ type: "snapshot" });
  clock.advance(QUIET_MS - 1);
  sockets[0].say({ type: "heartbeat" });
  clock.advance(QUIET_MS - 1);
  assert.equal(states.at(-1), "live");
  clock.advance(1);
  assert.equal(states.at(-1), "quiet");
  sockets[0].say({ type: "heartbeat" });
  assert.equal(states.at(-1), "live");
  clock.advance(QUIET_MS);
  clock.advance(SILENCE_MS - QUIET_MS - 1);
  assert.equal(states.at(-1), "quiet");
  clock.advance(1);
  assert.equal(states.at(-1), "reconnecting");
  assert.equal(sockets[0].closed, true);
});

test("a gap in the messages starts over from a snapshot", () => {
  const { clock, sockets, states } = start((message) => message.type !== "gap");
  sockets[0].say({ type: "snapshot" });
  sockets[0].say({ type: "gap" });
  assert.equal(states.at(-1), "reconnecting");
  clock.advance(500);
  assert.equal(sockets.length, 2);
});

test("words that are not JSON start over too", () => {
  const { sockets, states } = start();
  sockets[0].say("{");
  assert.equal(states.at(-1), "reconnecting");
});

test("waits grow and end at ten seconds; a word makes them short again", () => {
  assert.deepEqual([0, 1, 2, 9].map((attempt) => retryWaitMs(attempt, () => 1)), [500, 1000, 2000, 10000]);
  assert.equal(retryWaitMs(0, () => 0), 250);
  const { clock, sockets } = start();
  for (let attempt = 0; attempt < 3; attempt += 1) {
    sockets.at(-1).onclose();
    clock.advance(10000);
  }
  sockets.at(-1).say({ type: "snapshot" });
  const opened = sockets.length;
  sockets.at(-1).onclose();
  clock.advance(500);
  assert.equal(sockets.length, opened + 1);
});

test("words of a connection given up are not heard", () => {
  const heard = [];
  const { sockets } = start((message) => heard.push(message) > 0);
  sockets[0].onclose();
  sockets[0].say({ type: "delta" });
  assert.deepEqual(heard, []);
});

test("online again means trying at once, and never twice", () => {
  const { clock, sockets, stream } = start();
  stream.reconnect();
  assert.equal(sockets.length, 1);
  sockets[0].onclose();
  stream.reconnect();
  assert.equal(sockets.length, 2);
  clock.advance(1000);
  assert.equal(sockets.length, 2);
});

test("silence shows within three seconds, and offline at once", () => {
  assert.ok(QUIET_MS < 3000);
  const { sockets, states, stream } = start();
  sockets[0].say({ type: "snapshot" });
  stream.lose();
  assert.equal(states.at(-1), "reconnecting");
});

test("a closed stream stays closed", () => {
  const { clock, sockets, stream } = start();
  stream.close();
  assert.equal(sockets[0].closed, true);
  sockets[0].onclose();
  clock.advance(60000);
  assert.equal(sockets.length, 1);
});

test("a restart keeps the old connection until the new one has an address", async () => {
  const { sockets, states, stream, addresses } = start(() => true, "later");
  await addresses[0]("ws://here/1");
  sockets[0].say({ type: "snapshot" });
  stream.restart();
  sockets[0].say({ type: "heartbeat" });
  assert.deepEqual([sockets.length, sockets[0].closed, states.at(-1)], [1, false, "live"]);
  await addresses[1]("ws://here/2");
  assert.deepEqual([sockets.length, sockets[0].closed, sockets[1].url], [2, true, "ws://here/2"]);
  assert.equal(states.at(-1), "live");
});

test("an address that comes too late opens nothing", async () => {
  const { sockets, stream, addresses } = start(() => true, "later");
  stream.restart();
  await addresses[1]("ws://here/2");
  await addresses[0]("ws://here/1");
  assert.deepEqual(sockets.map(({ url }) => url), ["ws://here/2"]);
});

test("why the server closed the connection is passed on, once", () => {
  const { sockets, codes } = start();
  sockets[0].onclose({ code: 4401 });
  sockets[0].onclose({ code: 4401 });
  assert.deepEqual(codes, [4401]);
});

test("a message that says nothing of the odds does not make them live", () => {
  const { sockets, states } = start((message) => (message.type === "account" ? null : true));
  sockets[0].say({ type: "account" });
  assert.deepEqual(states, ["connecting"]);
  assert.equal(sockets[0].closed, false);
});

test("many markets are repainted in several tasks, all of them, and movements are taken back", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const clock = context.mock.method(performance, "now", () => 0);
  const { LiveOdds } = await import("../../web/src/odds/live.ts");
  const live = new LiveOdds();
  const markets = Array.from({ length: 600 }, (_, at) => `m${at}`);
  const repaints = new Map(markets.map((market) => [market, 0]));
  for (const market of markets) live.watch(market, () => repaints.set(market, repaints.get(market) + 1));
  const sum = () => [...repaints.values()].reduce((all, one) => all + one, 0);
  const message = (type, seq, oddsE4) => ({
    type, seq, odds_age_ms: 0, odds: markets.map((market) => ({ market, odds_e4: [oddsE4], version: seq, at_ms: 1 })),
  });
  live.take(message("snapshot", 1, 20000));
  assert.ok(sum() > 0 && sum() < 600, "the first ones at once");
  for (let at = 0; at < 4; at += 1) context.mock.timers.tick(1);
  assert.deepEqual(new Set(repaints.values()), new Set([1]));
  live.take(message("delta", 2, 21000));
  for (let at = 0; at < 4; at += 1) context.mock.timers.tick(1);
  assert.equal(sum(), 1200);
  assert.equal(live.trend("m599", 0), "up");
  clock.mock.mockImplementation(() => 2601);
  for (let at = 0; at < 5; at += 1) context.mock.timers.tick(200);
  assert.equal(live.trend("m599", 0), undefined);
  assert.equal(sum(), 1800);
});

test("a server that ends says when to come back", () => {
  const { clock, sockets, states } = start();
  sockets[0].say({ type: "heartbeat" });
  sockets[0].say({ type: "closing", reconnect_after_ms: 4200 });
  assert.equal(states.at(-1), "live");
  sockets[0].onclose({ code: 1012 });
  clock.advance(4199);
  assert.equal(sockets.length, 1);
  clock.advance(1);
  assert.equal(sockets.length, 2);
  // Once: after that it waits as ever.
  sockets[1].onclose({ code: 1006 });
  clock.advance(retryWaitMs(1, () => 1));
  assert.equal(sockets.length, 3);
});
