/**
 * Keeps the odds of a stream: a snapshot, then changes in order. Pure; each function returns
 * a new state and what moved. A gap in the sequence means that a new snapshot is needed.
 */

import type { components } from "./generated/api.ts";

type Schemas = components["schemas"];
export type StreamMessage = Schemas["StreamSnapshot"] | Schemas["StreamDelta"] | Schemas["StreamHeartbeat"];
type Entry = Schemas["StreamOdds"];

export interface Odds {
  oddsE4: readonly number[];
  version: number;
  atMs: number;
}

export interface OddsState {
  /** Names the server's sequence, of which `seq` is the last message that was applied. */
  epoch: string | null;
  seq: number | null;
  byMarket: ReadonlyMap<string, Odds>;
}

export interface Move {
  market: string;
  outcome: number;
  direction: "up" | "down";
}

export interface Change {
  state: OddsState;
  moves: Move[];
  /** The markets whose odds are others than before. */
  changed: string[];
}

interface Numbered {
  epoch: string;
  seq: number;
  odds: Entry[];
}

export function emptyOdds(): OddsState {
  return { epoch: null, seq: null, byMarket: new Map() };
}

/** Applies a snapshot: markets that are not in it are no longer offered. */
export function applySnapshot(state: OddsState, message: Numbered): Change {
  const byMarket = new Map<string, Odds>();
  const moves: Move[] = [];
  for (const entry of message.odds) {
    const odds = read(entry);
    if (odds.oddsE4.length === 0) continue;
    byMarket.set(entry.market, odds);
    moves.push(...moved(entry.market, state.byMarket.get(entry.market), odds));
  }
  const changed = [...new Set([...state.byMarket.keys(), ...byMarket.keys()])];
  return { state: { epoch: message.epoch, seq: message.seq, byMarket }, moves, changed };
}

/** Applies the changes of one message; null when messages are missing before it. */
export function applyDelta(state: OddsState, message: Numbered): Change | null {
  if (state.seq === null || state.epoch !== message.epoch) return null;
  if (message.seq <= state.seq) return { state, moves: [], changed: [] };
  if (message.seq !== state.seq + 1) return null;
  const byMarket = new Map(state.byMarket);
  const moves: Move[] = [];
  const changed: string[] = [];
  for (const entry of message.odds) {
    const odds = read(entry);
    const before = byMarket.get(entry.market);
    if (before && before.version > odds.version) continue;
    if (odds.oddsE4.length === 0) byMarket.delete(entry.market);
    else byMarket.set(entry.market, odds);
    moves.push(...moved(entry.market, before, odds));
    changed.push(entry.market);
  }
  return { state: { epoch: message.epoch, seq: message.seq, byMarket }, moves, changed };
}

function read(entry: Entry): Odds {
  return { oddsE4: entry.odds_e4, version: entry.version, atMs: entry.at_ms };
}

function moved(market: string, before: Odds | undefined, after: Odds): Move[] {
  if (!before) return [];
  return after.oddsE4.flatMap((oddsE4, outcome) => {
    const was = before.oddsE4[outcome];
    if (was === undefined || was === oddsE4) return [];
    return [{ market, outcome, direction: oddsE4 > was ? ("up" as const) : ("down" as const) }];
  });
}
