/** Which way the visitor wants bets to go to the chain, for as long as the page is open. */

import { useSyncExternalStore } from "react";

let wants = false;
const listeners = new Set<() => void>();

export function setWantsDirect(next: boolean): void {
  wants = next;
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
