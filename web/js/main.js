/** Starts the page and connects its parts: fixtures, live odds, connection state, chain facts. */

import { getFixtures, getTypedData, streamUrl } from "./api.js";
import { chainFacts } from "./facts.js";
import { formatAge } from "./format.js";
import { applyDelta, applySnapshot, emptyOdds } from "./odds.js";
import { openStream } from "./stream.js";
import { element, FixtureList } from "./view.js";

const REFRESH_MS = 60000;
const REFRESH_SOON_MS = 400;
const RETRY_MS = 3000;
const STALE_MS = 5000;
const WORDS = {
  connecting: "Connecting",
  live: "Live",
  reconnecting: "Reconnecting",
  stale: "Odds paused",
};

const byId = (id) => document.getElementById(id);
const list = new FixtureList(byId("list"));
let odds = emptyOdds();
let state = "connecting";
/** When the odds on the page were last known to be current. */
let heardAt = null;
let stale = false;
let refreshTimer = null;
/** Unknown markets for which the page has already fetched the fixtures again. */
const askedFor = new Set();

async function refresh() {
  clearTimeout(refreshTimer);
  let next = REFRESH_MS;
  try {
    const fixtures = await getFixtures();
    list.show(fixtures);
    list.write(odds.byMarket);
    byId("count").textContent = count(fixtures);
    say("");
  } catch (error) {
    say(`${error.message} Trying again.`);
    next = RETRY_MS;
  }
  refreshTimer = setTimeout(refresh, next);
}

function refreshSoon() {
  clearTimeout(refreshTimer);
  refreshTimer = setTimeout(refresh, REFRESH_SOON_MS);
}

function count(fixtures) {
  if (fixtures.length === 0) return "";
  const markets = fixtures.reduce((sum, fixture) => sum + (fixture.markets?.length ?? 0), 0);
  return `${fixtures.length} open, ${markets} markets`;
}

function say(text) {
  const notice = byId("notice");
  notice.textContent = text;
  notice.hidden = text === "";
}

function take(message) {
  stale = (message.odds_age_ms ?? 0) > STALE_MS;
  heardAt = performance.now() - (message.odds_age_ms ?? 0);
  if (message.type !== "snapshot" && message.type !== "delta") {
    return message.seq === undefined || message.seq === odds.seq;
  }
  const taken = message.type === "snapshot" ? applySnapshot(odds, message) : applyDelta(odds, message);
  if (taken === null) return false;
  odds = taken.state;
  list.write(odds.byMarket);
  list.flash(taken.moves);
  const unknown = [...odds.byMarket.keys()].filter((market) => !list.has(market));
  if (unknown.some((market) => !askedFor.has(market))) {
    unknown.forEach((market) => askedFor.add(market));
    refreshSoon();
  }
  return true;
}

function show(next) {
  state = next === "live" && stale ? "stale" : next;
  const word = WORDS[state];
  const live = byId("live");
  live.dataset.state = state;
  if (byId("live-word").textContent !== word) byId("live-word").textContent = word;
  byId("list").dataset.odds = state === "live" || heardAt === null ? "live" : "old";
  showAge();
}

function showAge() {
  const age = heardAt === null ? "" : formatAge(performance.now() - heardAt);
  byId("live-age").textContent = state === "live" || age === "" ? age : `${age} old`;
}

async function showFacts() {
  try {
    const rows = chainFacts(await getTypedData()).map(({ name, value, code }) =>
      element(
        "div",
        { class: code ? "wide" : "" },
        element("dt", {}, name),
        element("dd", {}, code ? element("code", {}, value) : value),
      ),
    );
    byId("facts").replaceChildren(...rows);
  } catch (error) {
    byId("facts").replaceChildren(element("div", {}, element("dd", {}, error.message)));
    setTimeout(showFacts, RETRY_MS);
  }
}

const stream = openStream({ url: streamUrl(location), onMessage: take, onState: show });
addEventListener("online", () => stream.reconnect());
addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") stream.reconnect();
});
setInterval(showAge, 1000);
refresh();
showFacts();
