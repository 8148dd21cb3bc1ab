/**
 * Decodes market ids: the page reads names and lines from the id itself, as the contract does,
 * never from text that the server sends with it. Pure.
 */

const KINDS = new Map([
  [1, { name: "Match result", outcomes: ["Home", "Draw", "Away"] }],
  [2, { name: "Double chance", outcomes: ["Home or draw", "Home or away", "Draw or away"] }],
  [3, { name: "Draw no bet", outcomes: ["Home", "Away"] }],
  [4, { name: "Total goals", outcomes: ["Over", "Under"], line: "total" }],
  [5, { name: "Home total goals", outcomes: ["Over", "Under"], line: "total" }],
  [6, { name: "Away total goals", outcomes: ["Over", "Under"], line: "total" }],
  [7, { name: "Asian handicap", outcomes: ["Home", "Away"], line: "handicap" }],
  [8, { name: "European handicap", outcomes: ["Home", "Draw", "Away"], line: "european" }],
  [9, { name: "Both teams to score", outcomes: ["Yes", "No"] }],
  [11, { name: "Odd or even goals", outcomes: ["Odd", "Even"] }],
]);

const PERIODS = ["Full time", "First half", "Second half"];

const ID = /^0x[0-9a-f]{64}$/;

/**
 * @typedef {{fixture: string, startsAtS: number, kind: number, period: number, lineQ: number,
 *   inPlay: boolean}} Market
 */

/**
 * The fields of a packed market id: fixture 16 bytes, start 5, kind 1, period 1, line 2, flags 1.
 *
 * @param {string} id 0x and 64 hex digits
 * @returns {Market}
 * @throws {RangeError} for anything that is no market id
 */
export function unpackMarket(id) {
  if (!ID.test(id)) throw new RangeError(`not a market id: ${id}`);
  const kind = byte(id, 21);
  const period = byte(id, 22);
  if (!KINDS.has(kind)) throw new RangeError(`unknown kind of market: ${kind}`);
  if (period >= PERIODS.length) throw new RangeError(`unknown period: ${period}`);
  const line = byte(id, 23) * 256 + byte(id, 24);
  return {
    fixture: id.slice(0, 34),
    startsAtS: parseInt(id.slice(34, 44), 16),
    kind,
    period,
    lineQ: line > 0x7fff ? line - 0x10000 : line,
    inPlay: (byte(id, 25) & 1) === 1,
  };
}

function byte(id, at) {
  return parseInt(id.slice(2 + 2 * at, 4 + 2 * at), 16);
}

/**
 * A market's title, e.g. "Total goals, first half". The line is shown with the outcomes.
 *
 * @param {Market} market
 */
export function marketTitle(market) {
  const { name } = KINDS.get(market.kind);
  const period = market.period === 0 ? "" : `, ${PERIODS[market.period].toLowerCase()}`;
  return `${name}${period}${market.inPlay ? ", in play" : ""}`;
}

/**
 * The names of the outcomes in order, with their lines: "Over 2.5", "Home −0.75".
 *
 * @param {Market} market
 * @returns {string[]}
 */
export function outcomeNames(market) {
  const { outcomes, line } = KINDS.get(market.kind);
  if (line === "total") return outcomes.map((name) => `${name} ${goals(market.lineQ)}`);
  if (line === "handicap") {
    return outcomes.map((name, at) => `${name} ${signed(at === 0 ? market.lineQ : -market.lineQ)}`);
  }
  if (line === "european") return outcomes.map((name) => `${name} (home ${signed(market.lineQ)})`);
  return [...outcomes];
}

/** Quarter goals as goals: 10 is "2.5", 9 is "2.25". */
function goals(lineQ) {
  return String(lineQ / 4);
}

function signed(lineQ) {
  if (lineQ === 0) return "0";
  return `${lineQ > 0 ? "+" : "−"}${goals(Math.abs(lineQ))}`;
}

/**
 * The order in which a fixture's markets are shown: the most popular first.
 *
 * @param {Market} a
 * @param {Market} b
 */
export function compareMarkets(a, b) {
  const rank = ({ kind, period, lineQ }) => [period, ORDER.indexOf(kind), Math.abs(lineQ), lineQ];
  const left = rank(a);
  const right = rank(b);
  const at = left.findIndex((value, index) => value !== right[index]);
  return at === -1 ? 0 : left[at] - right[at];
}

const ORDER = [1, 4, 7, 9, 2, 3, 5, 6, 8, 11];

const MAIN_KINDS = [1, 4, 7, 9];
const USUAL_TOTAL_Q = 10;

/**
 * Parts a fixture's markets in those shown at once, one of a kind, and the others after them.
 * Of several lines of a kind the one nearest to what is usual is shown: 2.5 goals, no handicap.
 *
 * @template {Market} T
 * @param {T[]} markets in the order in which they are shown
 * @returns {{main: T[], more: T[]}}
 */
export function partMarkets(markets) {
  const distance = ({ kind, lineQ }) => Math.abs(kind === 4 ? lineQ - USUAL_TOTAL_Q : lineQ);
  const main = MAIN_KINDS.map((kind) =>
    markets
      .filter((market) => market.kind === kind && market.period === 0 && !market.inPlay)
      .sort((a, b) => distance(a) - distance(b))
      .at(0),
  ).filter((market) => market !== undefined);
  return { main, more: markets.filter((market) => !main.includes(market)) };
}
