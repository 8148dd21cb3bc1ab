/** All bets of an account as a file. */

import { answered, api, type Bet } from "../api/client.ts";

const PAGE = 200;

/** Those from `from` on, a cursor of the API, or all. */
export async function allBets(account: number, from: string | null = null): Promise<Bet[]> {
  const bets: Bet[] = [];
  let cursor = from;
  do {
    const query: { limit: number; cursor?: string } = { limit: PAGE, ...(cursor === null ? {} : { cursor }) };
    const page = await answered(api.GET("/v1/accounts/{account}/bets", { params: { path: { account }, query } }));
    bets.push(...page.bets);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return bets;
}

const COLUMNS = [
  "batch",
  "bet",
  "accepted_at",
  "settled_at",
  "state",
  "stage",
  "stake",
  "payout",
  "leagues",
  "legs",
  "tx_hash",
  "settlement_tx_hash",
];

/** Comma-separated values (RFC 4180), amounts in tokens, times in UTC. */
export function csvOf(bets: readonly Bet[]): string {
  const rows = bets.map((bet) => [
    bet.batch,
    bet.bet,
    utc(bet.accepted_at_s),
    bet.settled_at_s === null ? "" : utc(bet.settled_at_s),
    bet.state,
    bet.stage,
    tokens(bet.stake_micro),
    bet.payout_micro === null ? "" : tokens(bet.payout_micro),
    [...new Set(bet.legs.flatMap((leg) => leg.competition ?? []))].join("; "),
    bet.legs.map((leg) => `${leg.fixture ?? leg.market}: ${leg.kind}, ${leg.outcome} @ ${leg.odds_e4 / 10_000}`).join("; "),
    bet.tx_hash,
    bet.settlement_tx_hash ?? "",
  ]);
  return [COLUMNS, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

const utc = (atS: number) => new Date(atS * 1000).toISOString();

function tokens(micro: string): string {
  const digits = micro.padStart(7, "0");
  return `${digits.slice(0, -6)}.${digits.slice(-6)}`;
}

/** A spreadsheet runs what begins so, and names of fixtures are not ours. */
const FORMULA = /^[=+\-@\t\r]/;

function cell(value: string | number): string {
  const text = String(value);
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
