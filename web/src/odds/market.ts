/**
 * Decodes market ids: the app reads kinds and lines from the id itself, as the contract does, never
 * from text that the server sends with it. The names are those that wallets show. Pure.
 */

import { t } from "../strings/index.ts";

interface Kind {
  name: string;
  outcomes: readonly string[];
  line?: "total" | "handicap" | "european";
}

const KINDS = new Map<number, Kind>([
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

const PERIODS = ["Full time", "First half", "Second half"] as const;

const ID = /^0x[0-9a-f]{64}$/;

export interface Market {
  id: string;
  fixture: string;
  startsAtS: number;
  kind: number;
  period: number;
  lineQ: number;
  inPlay: boolean;
}

/**
 * The fields of a packed market id: fixture 16 bytes, start 5, kind 1, period 1, line 2, flags 1.
 * Throws a RangeError for anything that is no market id.
 */
export function unpackMarket(id: string): Market {
  if (!ID.test(id)) throw new RangeError(`not a market id: ${id}`);
  const kind = byte(id, 21);
  const period = byte(id, 22);
  if (!KINDS.has(kind)) throw new RangeError(`unknown kind of market: ${kind}`);
  if (period >= PERIODS.length) throw new RangeError(`unknown period: ${period}`);
  const line = byte(id, 23) * 256 + byte(id, 24);
  return {
    id,
    fixture: id.slice(0, 34),
    startsAtS: parseInt(id.slice(34, 44), 16),
    kind,
    period,
    lineQ: line > 0x7fff ? line - 0x10000 : line,
    inPlay: (byte(id, 25) & 1) === 1,
  };
}

function byte(id: string, at: number): number {
  return parseInt(id.slice(2 + 2 * at, 4 + 2 * at), 16);
}

function kindOf(market: Market): Kind {
  const kind = KINDS.get(market.kind);
  if (kind === undefined) throw new RangeError(`unknown kind of market: ${market.kind}`);
  return kind;
}

/** A market's title, e.g. "Total goals, first half". The line is shown with the outcomes. */
export function marketTitle(market: Market): string {
  const { name } = kindOf(market);
  return `${t.markets.kinds[name] ?? name}${t.markets.periods[market.period]}${market.inPlay ? t.markets.inPlay : ""}`;
}

/** The names of the outcomes in order, with their lines: "Over 2.5", "Home −0.75". */
export function outcomeNames(market: Market): string[] {
  const { outcomes: signedNames, line } = kindOf(market);
  const outcomes = signedNames.map((name) => t.markets.outcomes[name] ?? name);
  if (line === "total") return outcomes.map((name) => `${name} ${goals(market.lineQ)}`);
  if (line === "handicap") {
    return outcomes.map((name, at) => `${name} ${signed(at === 0 ? market.lineQ : -market.lineQ)}`);
  }
  if (line === "european") return outcomes.map((name) => t.markets.european(name, signed(market.lineQ)));
  return outcomes;
}

/** An outcome as a slip calls it: "Fulham FC −0.75" instead of "Home −0.75". */
export function pickName(market: Market, outcome: number, teams: { home: string; away: string }): string {
  const shown = outcomeNames(market)[outcome] ?? "";
  const side = kindOf(market).outcomes[outcome];
  if (side !== "Home" && side !== "Away") return shown;
  const word = t.markets.outcomes[side] ?? side;
  return shown.replace(word, side === "Home" ? teams.home : teams.away);
}

/** The teams of a fixture's canonical name, "Home v Away, YYYY-MM-DD"; without one, the words for the two sides. */
export function teamsOf(fixture: string | null): { home: string; away: string } {
  const [, home, away] = /^(.+?) v (.+), \d{4}-\d{2}-\d{2}$/.exec(fixture ?? "") ?? [];
  return home && away ? { home, away } : { home: t.markets.outcomes["Home"] ?? "Home", away: t.markets.outcomes["Away"] ?? "Away" };
}

/** How the leg of an outcome is signed: the words of the wallet's window. */
export function legWords(market: Market, outcome: number) {
  return {
    market: kindOf(market).name,
    period: PERIODS[market.period] ?? "",
    lineQuarters: market.lineQ,
    inPlay: market.inPlay,
    outcome: kindOf(market).outcomes[outcome] ?? "",
  };
}

/** Quarter goals as goals: 10 is "2.5", 9 is "2.25". */
export function goals(lineQ: number): string {
  return String(lineQ / 4).replace(".", t.number.point);
}

function signed(lineQ: number): string {
  if (lineQ === 0) return "0";
  return `${lineQ > 0 ? "+" : "−"}${goals(Math.abs(lineQ))}`;
}

const ORDER = [1, 4, 7, 9, 2, 3, 5, 6, 8, 11];

/** The order in which a fixture's markets are shown: the most popular first. */
export function compareMarkets(a: Market, b: Market): number {
  const rank = ({ kind, period, lineQ }: Market) => [
    period,
    ORDER.indexOf(kind),
    kindOf({ ...a, kind }).line === "total" ? lineQ : Math.abs(lineQ),
    lineQ,
  ];
  const left = rank(a);
  const right = rank(b);
  const at = left.findIndex((value, index) => value !== right[index]);
  return at === -1 ? 0 : (left[at] ?? 0) - (right[at] ?? 0);
}

const MAIN_KINDS = [1, 4, 7, 9];
const USUAL_TOTAL_Q = 10;

/**
 * Parts a fixture's markets in those shown at once, one of a kind, and the others after them. Of
 * several lines of a kind the one nearest to what is usual is shown: 2.5 goals, no handicap.
 */
export function partMarkets<T extends Market>(markets: readonly T[]): { main: T[]; more: T[] } {
  const distance = ({ kind, lineQ }: Market) => Math.abs(kind === 4 ? lineQ - USUAL_TOTAL_Q : lineQ);
  const main = MAIN_KINDS.flatMap((kind) =>
    markets
      .filter((market) => market.kind === kind && market.period === 0 && !market.inPlay)
      .sort((a, b) => distance(a) - distance(b))
      .slice(0, 1),
  );
  return { main, more: markets.filter((market) => !main.includes(market)) };
}

/** Markets of the same kind and period together, their lines in ascending order: a ladder. */
export function ladders<T extends Market>(markets: readonly T[]): T[][] {
  const groups = new Map<string, T[]>();
  for (const market of [...markets].sort(compareMarkets)) {
    const key = `${market.kind}:${market.period}:${market.inPlay}`;
    groups.set(key, [...(groups.get(key) ?? []), market]);
  }
  return [...groups.values()].map((group) => group.sort((a, b) => a.lineQ - b.lineQ));
}
