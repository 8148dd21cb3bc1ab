/** The page resumes the stream when it is connected again, and begins with a snapshot after a gap. */

import assert from "node:assert/strict";
import { test } from "node:test";

const sockets = [];
globalThis.WebSocket = class {
  constructor(url) {
    this.url = new URL(url);
    sockets.push(this);
  }
  close() {}
  say(message) {
    this.onmessage({ data: JSON.stringify({ epoch: "1f0c2b3a", odds_age_ms: 0, ...message }) });
  }
};
globalThis.addEventListener = () => {};
globalThis.document = { addEventListener: () => {} };

const { LiveOdds } = await import("../../web/src/odds/live.ts");

test("a connection resumes after the last message, but not after a gap", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const live = new LiveOdds();
  live.start({ url: () => "ws://here/v1/stream", take: () => false, stateIs: () => {}, closed: () => {} });
  const odds = [{ market: "a", odds_e4: [20000], version: 1, at_ms: 1 }];
  const comeBack = () => {
    sockets.at(-1).onclose({ code: 1006 });
    context.mock.timers.tick(20_000);
    return sockets.at(-1).url.searchParams.get("resume");
  };
  assert.equal(sockets[0].url.searchParams.get("resume"), null);
  sockets[0].say({ type: "snapshot", seq: 7, odds });
  sockets[0].say({ type: "delta", seq: 8, odds });
  assert.equal(comeBack(), "1f0c2b3a.8");
  sockets.at(-1).say({ type: "delta", seq: 9, odds });
  assert.equal(comeBack(), "1f0c2b3a.9");
  // Number 10 is missing, or the sequence is another.
  for (const gap of [{ type: "delta", seq: 11, odds }, { type: "heartbeat", seq: 9, epoch: "00000000" }]) {
    sockets.at(-1).say(gap);
    context.mock.timers.tick(20_000);
    assert.equal(sockets.at(-1).url.searchParams.get("resume"), null);
    sockets.at(-1).say({ type: "snapshot", seq: 9, odds });
  }
});
