/** Builds the elements of the page: fixtures, and the odds in them. Makes no requests. */

import { formatKickOff, formatOdds } from "./format.js";
import { compareMarkets, marketTitle, outcomeNames, partMarkets, unpackMarket } from "./market.js";

const TREND_MS = 2600;
const ARROWS = { up: "▲", down: "▼" };
const TREND_WORDS = { up: "odds are up", down: "odds are down" };

/** An element with properties and children; text is text, never markup. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "data") Object.assign(made.dataset, value);
    else if (name === "class") made.className = value;
    else if (value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/**
 * The markets of a fixture as the page shows them, in order; those it cannot read are left out.
 *
 * @param {object} fixture as the API gives it
 */
export function readMarkets(fixture) {
  const markets = [];
  for (const entry of fixture.markets ?? []) {
    const id = entry.market ?? entry.id;
    try {
      markets.push({ id, ...unpackMarket(id) });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      console.warn(error.message);
    }
  }
  return markets.sort(compareMarkets);
}

/** Fixtures by kick-off, in order of time, then of name. */
export function groupByKickOff(fixtures) {
  const groups = new Map();
  const ordered = [...fixtures].sort(
    (a, b) => a.starts_at_s - b.starts_at_s || a.home.localeCompare(b.home),
  );
  for (const fixture of ordered) {
    const group = groups.get(fixture.starts_at_s) ?? [];
    group.push(fixture);
    groups.set(fixture.starts_at_s, group);
  }
  return [...groups];
}

/** The list of fixtures and the cells in it. */
export class FixtureList {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.cells = new Map();
    this.blocks = new Map();
    this.shown = null;
  }

  /** Rebuild the list if it changed; fixtures that the visitor opened stay open. */
  show(fixtures) {
    const shown = JSON.stringify(
      fixtures.map(({ id, home, away, competition, starts_at_s, markets }) => [
        id,
        home,
        away,
        competition,
        starts_at_s,
        markets?.map((one) => one.market ?? one.id),
      ]),
    );
    if (shown === this.shown) return;
    this.shown = shown;
    const opened = new Set(
      [...this.root.querySelectorAll("details[open]")].map((one) => one.dataset.fixture),
    );
    this.cells.clear();
    this.blocks.clear();
    const groups = groupByKickOff(fixtures).map(([startsAtS, group]) =>
      this.#group(startsAtS, group, opened),
    );
    const none = element(
      "p",
      { class: "placeholder" },
      "No fixture is open for bets right now. New ones appear here automatically.",
    );
    this.root.replaceChildren(...(groups.length ? groups : [none]));
    this.root.setAttribute("aria-busy", "false");
  }

  /** Whether the list shows a market. */
  has(market) {
    return this.blocks.has(market);
  }

  /** Write all odds; markets without odds show a dash. */
  write(byMarket) {
    for (const [market, block] of this.blocks) {
      const odds = byMarket.get(market)?.oddsE4 ?? [];
      block.dataset.offered = odds.length ? "yes" : "no";
      const cells = this.cells.get(market);
      cells.forEach((cell, outcome) => writePrice(cell, odds[outcome]));
    }
  }

  /** Highlight briefly the odds that moved. */
  flash(moves) {
    for (const { market, outcome, direction } of moves) {
      const cell = this.cells.get(market)?.[outcome];
      if (!cell) continue;
      clearTimeout(cell.timer);
      setTrend(cell, direction);
      cell.timer = setTimeout(() => setTrend(cell, null), TREND_MS);
    }
  }

  #group(startsAtS, fixtures, opened) {
    const kickOff = formatKickOff(startsAtS);
    const title = element(
      "h3",
      { class: "kick-off" },
      element("time", { datetime: kickOff.iso }, kickOff.time),
      element("span", {}, kickOff.day),
    );
    const list = element("ul", { class: "fixtures" });
    for (const fixture of fixtures) list.append(this.#fixture(fixture, opened));
    return element("section", {}, title, list);
  }

  #fixture(fixture, opened) {
    const { main, more } = partMarkets(readMarkets(fixture));
    const head = element(
      "div",
      {},
      element(
        "p",
        { class: "teams" },
        element("span", {}, fixture.home),
        element("span", { class: "v" }, " v "),
        element("span", {}, fixture.away),
      ),
      element("p", { class: "competition" }, fixture.competition ?? ""),
    );
    return element(
      "li",
      { class: "fixture" },
      head,
      this.#markets(main),
      more.length ? this.#more(fixture.id, more, opened) : null,
    );
  }

  #more(fixture, markets, opened) {
    const noun = markets.length === 1 ? "market" : "markets";
    const details = element(
      "details",
      { class: "more", data: { fixture } },
      element("summary", {}, `${markets.length} more ${noun}`),
      this.#markets(markets),
    );
    details.open = opened.has(fixture);
    return details;
  }

  #markets(markets) {
    return element("div", { class: "markets" }, ...markets.map((market) => this.#market(market)));
  }

  #market(market) {
    const names = outcomeNames(market);
    const cells = names.map(makeCell);
    const title = marketTitle(market);
    const block = element(
      "div",
      {
        class: "market",
        role: "group",
        "aria-label": title,
        data: { outcomes: names.length, offered: "no" },
      },
      element("h4", { title }, title),
      element("ul", { class: "outcomes" }, ...cells.map((cell) => cell.root)),
    );
    this.cells.set(market.id, cells);
    this.blocks.set(market.id, block);
    return block;
  }
}

function makeCell(name) {
  const price = element("span", { class: "price" }, "–");
  const trend = element("span", { class: "trend" });
  const label = element("span", { class: "name", title: name }, name);
  return { root: element("li", { class: "outcome" }, label, price, trend), price, trend };
}

function writePrice(cell, oddsE4) {
  const text = oddsE4 === undefined ? "–" : formatOdds(oddsE4);
  if (cell.price.textContent !== text) cell.price.textContent = text;
}

function setTrend(cell, direction) {
  if (direction === null) {
    delete cell.root.dataset.trend;
    cell.trend.textContent = "";
    cell.trend.removeAttribute("role");
    cell.trend.removeAttribute("aria-label");
    return;
  }
  cell.root.dataset.trend = direction;
  cell.trend.textContent = ARROWS[direction];
  cell.trend.setAttribute("role", "img");
  cell.trend.setAttribute("aria-label", TREND_WORDS[direction]);
}
