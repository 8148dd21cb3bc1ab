/** The quote that the slip holds, and what is done with it. It outlives the panel of the slip, which a window that
 * changes its size or a sheet that is closed draws again, and a reload of the page: the house reserves the stake for
 * it, so that another one could not be had. */

import { useSyncExternalStore } from "react";

import { forget, keep, kept } from "../app/storage.ts";
import type { Wanted } from "../slip/placing.ts";
import type { Quoted } from "./placing.ts";

const KEY = "fairline:quote";

export interface QuoteState {
  /** What the quote is for: see `termsOf`. */
  terms: string;
  quoted: Quoted | null;
  error: unknown;
  step: "asking" | "sending" | null;
}

const IDLE: QuoteState = { terms: "", quoted: null, error: null, step: null };

let state: QuoteState = IDLE;
/** Of what was begun last; what was begun before it no longer counts. */
let run = 0;
let isRead = false;
const listeners = new Set<() => void>();

function set(next: QuoteState): void {
  state = next;
  if (next.quoted) keepQuote(next.terms, next.quoted);
  else forget(KEY);
  for (const listener of listeners) listener();
}

/** The quote for these terms; while the wallet is asked, the one that it is asked for. */
export function quoteFor(terms: string): QuoteState {
  if (!isRead) {
    isRead = true;
    state = keptQuote() ?? IDLE;
  }
  return state.step === "sending" || state.terms === terms ? state : IDLE;
}

export function useQuoteFor(terms: string): QuoteState {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => quoteFor(terms),
  );
}

/** Asks for a quote, once for a double click. What was asked for other terms before is not waited for. */
export async function askFor(terms: string, ask: () => Promise<Quoted>): Promise<void> {
  const before = quoteFor(terms);
  if (before.step !== null) return;
  const mine = ++run;
  set({ ...before, terms, error: null, step: "asking" });
  try {
    const quoted = await ask();
    if (mine === run) set({ terms, quoted, error: null, step: null });
  } catch (error) {
    if (mine === run) set({ ...state, error, step: null });
  }
}

/** Has a quote sent, once for a double click. `send` says when the wallet has sent it: from then on it is a bet. */
export async function sendHeld(send: (sent: () => void) => Promise<void>): Promise<void> {
  if (state.step !== null) return;
  const mine = ++run;
  set({ ...state, error: null, step: "sending" });
  try {
    await send(() => {
      if (mine === run) drop();
    });
    // Over without a word of it: the quote may be used up.
    if (mine === run) drop();
  } catch (error) {
    if (mine === run) set({ ...state, error, step: null });
  }
}

/** Lets go of a quote. A bet that the wallet sends later still counts until the quote ends, and its nonce bets once. */
export function drop(): void {
  run += 1;
  set(IDLE);
}

export function termsOf({ stakeMicro, minOddsE4, legs }: Wanted, address: string | undefined): string {
  return [address, stakeMicro, minOddsE4, ...legs.map(({ market, outcome }) => `${market}:${outcome}`)].join();
}

/** By the clock of the day, since that of a page begins with it. JSON has no whole numbers of such size. */
interface Kept {
  terms: string;
  endsAt: number;
  quoted: Quoted;
}

function keepQuote(terms: string, quoted: Quoted): void {
  const endsAt = Date.now() + quoted.endsAtMs - performance.now();
  const text = JSON.stringify({ terms, endsAt, quoted }, (_, one: unknown) => (typeof one === "bigint" ? `${one}n` : one));
  keep(KEY, text);
}

function keptQuote(): QuoteState | null {
  try {
    const read = (_: string, one: unknown) => (typeof one === "string" && /^\d+n$/.test(one) ? BigInt(one.slice(0, -1)) : one);
    const { terms, endsAt, quoted } = JSON.parse(kept<string>(KEY) ?? "", read) as Kept;
    const leftMs = endsAt - Date.now();
    if (leftMs <= 0) return null;
    return { ...IDLE, terms, quoted: { ...quoted, endsAtMs: performance.now() + leftMs } };
  } catch {
    return null;
  }
}
