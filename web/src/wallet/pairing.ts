/** The address by which a wallet on another device joins (WalletConnect), while it is waited for. */

import { useSyncExternalStore } from "react";

export const WALLET_CONNECT = "walletConnect";

let uri: string | null = null;
let abort: () => void = () => {};
const listeners = new Set<() => void>();

/** Shows an address, or none any more; `giveUp` ends the waiting. */
export function showPairing(next: string | null, giveUp: () => void = () => {}): void {
  uri = next;
  abort = giveUp;
  for (const listener of listeners) listener();
}

/** Ends the waiting for a wallet, if there is any. */
export function abortPairing(): void {
  abort();
}

export function usePairing(): string | null {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => uri,
  );
}
