/**
 * What the app knows of the visitor's wallet, and the way to everything that needs one: it is loaded
 * when it is first used.
 */

import { useSyncExternalStore } from "react";

import { contractsQuery, queryClient } from "../api/queries.ts";
import { forget, keep, kept } from "../app/storage.ts";
import type { WalletEngine } from "./engine.ts";

const KEY = "fairline:wallet";

export interface Wallet {
  status: "none" | "connecting" | "connected";
  address?: `0x${string}`;
  chainId?: number;
  name?: string;
  isDemo?: boolean;
}

let wallet: Wallet = { status: "none" };
let dialogOpen = false;
const listeners = new Set<() => void>();
let loading: Promise<WalletEngine> | null = null;

const tell = () => {
  for (const listener of listeners) listener();
};
export const watchWallet = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

export function setWallet(next: Wallet): void {
  wallet = next;
  tell();
}

export function useWallet(): Wallet {
  return useSyncExternalStore(watchWallet, () => wallet);
}

export function currentWallet(): Wallet {
  return wallet;
}

/** The engine, for the deployment that the API serves. Rejects while the API is away. */
export function engine(): Promise<WalletEngine> {
  loading ??= (async () => {
    const [contracts, { WalletEngine }] = await Promise.all([
      queryClient.ensureQueryData(contractsQuery),
      import("./engine.ts"),
    ]);
    return WalletEngine.start(contracts);
  })().catch((error: unknown) => {
    loading = null;
    throw error;
  });
  return loading;
}

/** Remembers which wallet to ask for on the next visit. */
export function rememberWallet(id: string | null): void {
  if (id === null) forget(KEY);
  else keep(KEY, id);
}

/** Connects again to the wallet of the last visit, which then asks nothing. */
export async function reconnect(): Promise<void> {
  const id = kept<string>(KEY);
  if (id === undefined) return;
  setWallet({ status: "connecting" });
  try {
    await (await engine()).reconnect(id);
  } catch {
    setWallet({ status: "none" });
  }
}

export function openWalletDialog(open: boolean): void {
  dialogOpen = open;
  tell();
}

export function useWalletDialog(): boolean {
  return useSyncExternalStore(watchWallet, () => dialogOpen);
}
