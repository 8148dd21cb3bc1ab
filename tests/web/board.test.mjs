/** Past odds are drawn as they were; fixtures are found; the steps of a match day come in their order. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { filtered, marketsOf } from "../../web/src/board/fixtures.ts";
import { nextStep, timeOf } from "../../web/src/match_day/steps.ts";
import { chartOf, rangeOf } from "../../web/src/odds/chart.ts";

globalThis.location = { origin: "http://fairline.test" };
const { travel } = await import("../../web/src/match_day/playing.ts");

const point = (timeS, ...oddsE4) => ({ time_s: timeS, odds_e4: oddsE4 });

test("odds stay until the next point, and the last until now", () => {
  const chart = chartOf([point(100, 20000, 4000), point(150, 21000, 3800)], 2, 200, 400, 100);
  assert.deepEqual([chart.fromS, chart.toS, chart.low, chart.high], [100, 200, 0.95, 1.05]);
  // Higher odds are higher on the screen, and smaller numbers. Both begin at their own first odds.
  assert.equal(chart.paths[0], "M0 50H200V6.9H400");
  assert.equal(chart.paths[1], "M0 50H200V93.1H400");
});

test("there is a gap while no odds are offered", () => {
  const { paths } = chartOf([point(0, 20000), point(50), point(75, 20000)], 1, 100, 400, 100);
  assert.equal(paths[0], "M0 50H200M300 50H400");
});

test("odds that never moved are a line, and none are nothing", () => {
  assert.equal(chartOf([point(10, 15000)], 1, 10, 400, 100).paths[0], "M0 50H400");
  assert.equal(chartOf([], 2, 10, 400, 100), null);
  assert.equal(chartOf([point(0)], 2, 10, 400, 100), null);
});

test("the figures are first, lowest, highest, last", () => {
  const points = [point(0, 20000, 1), point(1), point(2, 22000, 1), point(3, 19000, 1)];
  assert.deepEqual(rangeOf(points, 0), { first: 20000, low: 19000, high: 22000, last: 19000 });
  assert.equal(rangeOf(points, 2), null);
});

const day = (change) => ({ now_s: 5, kick_off_s: null, full_time_s: null, results_final_s: null, matches: [], ...change });

test("a match day goes from kick-off to results, and then to the next matches", () => {
  const next = (change) => nextStep(day(change));
  const match = (state) => ({ matches: [{ state }] });
  assert.equal(next({ kick_off_s: 10 }), "kick-off");
  assert.equal(next({ kick_off_s: 10, full_time_s: 8, ...match("playing") }), "full-time");
  assert.equal(next({ kick_off_s: 10, ...match("over") }), "wait");
  assert.equal(next({ kick_off_s: 10, results_final_s: 9, matches: [{ state: "published" }, { state: "over" }] }), "wait");
  assert.equal(next({ kick_off_s: 10, results_final_s: 9, ...match("published") }), "results-final");
  assert.equal(next({ kick_off_s: 10, ...match("final") }), "kick-off");
  assert.equal(next({ ...match("final") }), null);
  assert.equal(timeOf(day({ full_time_s: 8 }), "full-time"), 8);
});

const MARKET = `0x${"ab".repeat(16)}00683333b001`.padEnd(66, "0");

test("a market is open while both it and its fixture are; one that cannot be read is left out", () => {
  const of = (status, fixture) => marketsOf({ status: fixture, markets: [{ id: MARKET, status }, { id: "0x01", status }] });
  assert.deepEqual(of("open", "scheduled").map(({ isOpen }) => isOpen), [true]);
  assert.deepEqual(of("suspended", "scheduled").map(({ isOpen }) => isOpen), [false]);
  assert.deepEqual(of("open", "postponed").map(({ isOpen }) => isOpen), [false]);
});

test("fixtures are found by day, league, favourites and words", () => {
  const one = { home: "Köln", away: "Bremen", competition: "Bundesliga", starts_at_s: 1_748_185_200 };
  const found = (filter) => filtered([one], filter, "UTC").length;
  assert.deepEqual([{}, { league: "Bundesliga" }, { day: "2025-05-25" }, { search: "koln BREM" }, { favourites: ["Köln"] }].map(found), [1, 1, 1, 1, 1]);
  assert.deepEqual([{ league: "Serie A" }, { day: "2025-05-24" }, { search: "koln x" }, { favourites: ["Mainz"] }].map(found), [0, 0, 0, 0]);
});

test("the clock is moved again while slips wait, and until the mirror has seen it", async () => {
  const answers = [
    [409, { code: "slips-waiting" }],
    [200, { now_s: 100 }],
    [200, day({ now_s: 50 })],
    [200, day({ now_s: 100 })],
  ];
  const asked = [];
  globalThis.fetch = async (request) => {
    const [status, body] = answers[asked.push(new URL(request.url).pathname) - 1];
    return new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json" } });
  };
  const said = [];
  await travel("kick-off", (doing) => said.push(doing));
  assert.deepEqual(asked, ["/v1/local/travel", "/v1/local/travel", "/v1/local/match-day", "/v1/local/match-day"]);
  assert.deepEqual(said, ["slips", "mirror"]);
});
