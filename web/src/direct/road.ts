/** Which way the visitor wants bets to go to the chain. */

import { useSyncExternalStore } from "react";

import { keep, kept } from "../app/storage.ts";

const KEY = "fairline:road";

let wants = kept<string>(KEY) === "wallet";
const listeners = new Set<() => void>();

export function setWantsDirect(next: boolean): void {
  wants = next;
  keep(KEY, next ? "wallet" : "house");
  for (const listener of listeners) listener();
}

export function useWantsDirect(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => wants,
  );
}
