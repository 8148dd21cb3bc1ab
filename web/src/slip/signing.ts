/** Signs the bets of a plan one after the other. What the wallet is asked outlives the panel of the slip, which a
 * window that changes its size or a sheet that is closed draws again: a second click on the new one bets nothing. */

import { useSyncExternalStore } from "react";

import type { Plan, Planned } from "./check.ts";
import type { Word } from "./message.ts";
import { OWN_REFUSALS, placeSlip, type Wanted } from "./placing.ts";
import { keyOf, removeLeg, setSlip } from "./state.ts";

export interface Asking {
  at: number;
  all: number;
  words: Word[] | null;
}

export interface Signing {
  /** What the wallet is asked for; null while it is not. */
  asking: Asking | null;
  error: unknown;
}

let state: Signing = { asking: null, error: null };
let run: AbortController | null = null;
const listeners = new Set<() => void>();

function set(next: Signing): void {
  state = next;
  for (const listener of listeners) listener();
}

export function useSigning(): Signing {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state,
  );
}

export async function signAll(plan: Plan): Promise<void> {
  // A second click comes before the first one is painted.
  if (run !== null) return;
  const mine = new AbortController();
  run = mine;
  const bets = plan.bets.filter((bet) => bet.stakeMicro !== undefined);
  const show = (at: number, words: Word[] | null) => {
    if (run === mine) set({ asking: { at: at + 1, all: bets.length, words }, error: null });
  };
  let error: unknown = null;
  try {
    for (const [at, bet] of bets.entries()) {
      show(at, null);
      const placed = await placeSlip(wantedOf(bet), (words) => show(at, words), mine.signal);
      if (placed?.state === "accepted") bet.legs.forEach((leg) => removeLeg(keyOf(leg)));
      if (placed?.state === "accepted" && bet.key === "all") setSlip({ stakes: {} });
      // What is refused for its own terms is no reason for the others.
      if (placed?.refusal && !OWN_REFUSALS.includes(placed.refusal.code)) break;
    }
  } catch (failed) {
    error = failed;
  }
  if (run !== mine) return;
  run = null;
  set({ asking: null, error });
}

/** Lets go of a wallet that does not answer. What it signs later is not sent. */
export function stopSigning(): void {
  run?.abort();
  run = null;
  set({ asking: null, error: null });
}

export function wantedOf(bet: Planned): Wanted {
  return {
    stakeMicro: bet.stakeMicro ?? 0n,
    minOddsE4: bet.minOddsE4,
    legs: bet.legs.map(({ market, outcome, fixture }) => ({ market, outcome, fixture })),
    titles: bet.legs.map((leg) => `${leg.teams} · ${leg.title} · ${leg.name}`),
  };
}
