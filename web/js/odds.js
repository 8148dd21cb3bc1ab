/**
 * Keeps the odds that the page shows: a snapshot, then changes in order. Pure; each function
 * returns a new state and what moved. A gap in the sequence means that a new snapshot is needed.
 *
 * The stream's messages: {type: "snapshot" | "delta", seq, odds: [{market, odds_e4, version,
 * at_ms}]} and {type: "heartbeat", seq?, odds_age_ms?}. A delta's `seq` is one above the one
 * before; empty `odds_e4` withdraws a market.
 */

/**
 * @typedef {{oddsE4: number[], version: number, atMs: number}} Odds
 * @typedef {{seq: number | null, byMarket: Map<string, Odds>}} OddsState
 * @typedef {{market: string, outcome: number, direction: "up" | "down"}} Move
 */

/** @returns {OddsState} */
export function emptyOdds() {
  return { seq: null, byMarket: new Map() };
}

/**
 * Apply a snapshot: markets that are not in it are no longer offered.
 *
 * @param {OddsState} state
 * @param {{seq: number, odds: object[]}} message
 * @returns {{state: OddsState, moves: Move[]}}
 */
export function applySnapshot(state, message) {
  const byMarket = new Map();
  const moves = [];
  for (const entry of message.odds) {
    const odds = read(entry);
    if (odds.oddsE4.length === 0) continue;
    byMarket.set(entry.market, odds);
    moves.push(...moved(entry.market, state.byMarket.get(entry.market), odds));
  }
  return { state: { seq: message.seq, byMarket }, moves };
}

/**
 * Apply the changes of one message.
 *
 * @param {OddsState} state
 * @param {{seq: number, odds: object[]}} message
 * @returns {{state: OddsState, moves: Move[]} | null} null when messages are missing before it
 */
export function applyDelta(state, message) {
  if (state.seq === null) return null;
  if (message.seq <= state.seq) return { state, moves: [] };
  if (message.seq !== state.seq + 1) return null;
  const byMarket = new Map(state.byMarket);
  const moves = [];
  for (const entry of message.odds) {
    const odds = read(entry);
    const before = byMarket.get(entry.market);
    if (before && before.version > odds.version) continue;
    if (odds.oddsE4.length === 0) byMarket.delete(entry.market);
    else byMarket.set(entry.market, odds);
    moves.push(...moved(entry.market, before, odds));
  }
  return { state: { seq: message.seq, byMarket }, moves };
}

function read(entry) {
  return { oddsE4: entry.odds_e4 ?? [], version: entry.version ?? 0, atMs: entry.at_ms ?? 0 };
}

function moved(market, before, after) {
  if (!before) return [];
  const moves = [];
  after.oddsE4.forEach((oddsE4, outcome) => {
    const was = before.oddsE4[outcome];
    if (was === undefined || was === oddsE4) return;
    moves.push({ market, outcome, direction: oddsE4 > was ? "up" : "down" });
  });
  return moves;
}
