/** The slip that is being filled: legs, stakes, tolerance. It survives a reload. */

import { useSyncExternalStore } from "react";

import { keep, kept } from "../app/storage.ts";
import type { Tolerance } from "./amounts.ts";
import type { SlipLeg } from "./message.ts";

const KEY = "fairline:slip";

export interface Leg extends SlipLeg {
  fixtureId: string;
  teams: string;
  title: string;
  name: string;
  /** The odds that the visitor last saw and agreed to. */
  seenE4: number;
}

export interface SlipState {
  legs: readonly Leg[];
  mode: "singles" | "accumulator";
  /** As typed, by `keyOf`; the accumulator's under "all". */
  stakes: Readonly<Record<string, string>>;
  tolerance: Tolerance;
  open: boolean;
}

const EMPTY: SlipState = { legs: [], mode: "singles", stakes: {}, tolerance: "better", open: false };

let slip: SlipState = { ...EMPTY, ...kept<Partial<SlipState>>(KEY), open: false };
const listeners = new Set<() => void>();

export const keyOf = ({ market, outcome }: { market: string; outcome: number }) => `${market}:${outcome}`;

export function setSlip(change: Partial<SlipState>): void {
  slip = { ...slip, ...change };
  keep(KEY, slip);
  for (const listener of listeners) listener();
}

export function currentSlip(): SlipState {
  return slip;
}

/** Adds a leg, or removes it when the slip has it. */
export function toggleLeg(leg: Leg): void {
  const key = keyOf(leg);
  const without = slip.legs.filter((one) => keyOf(one) !== key);
  if (without.length < slip.legs.length) {
    removeLeg(key);
    return;
  }
  // Of one market only one outcome.
  const legs = [...slip.legs.filter((one) => one.market !== leg.market), leg];
  const fixtures = new Set(legs.map((one) => one.fixtureId));
  const mode = fixtures.size < legs.length || legs.length === 1 ? "singles" : slip.mode;
  setSlip({ legs, mode });
}

export function removeLeg(key: string): void {
  const legs = slip.legs.filter((one) => keyOf(one) !== key);
  const { [key]: _, ...stakes } = slip.stakes;
  setSlip({ legs, stakes, mode: legs.length > 1 ? slip.mode : "singles" });
}

interface Picked {
  market: string;
  outcome: number;
}

/** The slip without a bet that was signed: a single, or all legs as one accumulator. Null where it holds no such bet. */
export function withoutBet(state: SlipState, bet: readonly Picked[]): SlipState | null {
  const keys = new Set(bet.map(keyOf));
  const legs = state.legs.filter((leg) => !keys.has(keyOf(leg)));
  const isWhole = state.legs.length - legs.length === keys.size;
  const isMode = keys.size === 1 ? state.mode === "singles" : state.mode === "accumulator" && legs.length === 0;
  if (!isWhole || !isMode) return null;
  const gone = keys.size === 1 ? keys : new Set(["all"]);
  const stakes = Object.fromEntries(Object.entries(state.stakes).filter(([key]) => !gone.has(key)));
  return { ...state, legs, stakes, mode: legs.length > 1 ? state.mode : "singles" };
}

/** Takes a bet out of the slip, and returns what puts it back where nothing else was chosen meanwhile. */
export function takeOut(bet: readonly Picked[]): () => void {
  const before = slip;
  const without = withoutBet(before, bet);
  if (without === null) return () => {};
  setSlip(without);
  return () => {
    const keys = new Set(slip.legs.map(keyOf));
    const missing = before.legs.filter((leg) => !keys.has(keyOf(leg)) && bet.some((one) => keyOf(one) === keyOf(leg)));
    const legs = [...missing, ...slip.legs];
    const mode = slip.legs.length === 0 ? before.mode : "singles";
    setSlip({ legs, mode, stakes: { ...before.stakes, ...slip.stakes } });
  };
}

export function useSlip(): SlipState {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => slip,
  );
}

/** Whether the slip has this outcome; repaints a cell only when that changes. */
export function useInSlip(market: string, outcome: number): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => slip.legs.some((leg) => leg.market === market && leg.outcome === outcome),
  );
}
