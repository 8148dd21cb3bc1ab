/**
 * Knows who is signed in. Looking and betting need nobody to be: a session opens private data alone,
 * the live account, cash-out offers and one's own limits.
 *
 * The session's token is in a cookie that no script can read. What is kept here is whose it is, so that
 * nothing is asked for in vain, and so that it counts for that account of the wallet only: after a change
 * of account it waits until the first one is back.
 */

import { useSyncExternalStore } from "react";

import { answered, api, Refusal } from "../api/client.ts";
import { queryClient } from "../api/queries.ts";
import { forget, keep, kept } from "../app/storage.ts";
import { currentWallet, watchWallet } from "../wallet/state.ts";

/** `ended` is a session that there was, and that expired or was ended elsewhere. */
export type SessionState = "out" | "signing" | "in" | "ended";

let key = "";
let owner: string | undefined;
let ended: string | undefined;
let isSigning = false;
const listeners = new Set<() => void>();

const tell = () => {
  for (const listener of listeners) listener();
};

/** Finds the session of a deployment that an earlier page opened, and follows other tabs. */
export function openSession(chainId: number, sportsbook: string): void {
  key = `fairline:session:${chainId}:${sportsbook.toLowerCase()}`;
  owner = kept<string>(key);
  addEventListener("storage", (event) => {
    if (event.key !== key) return;
    owner = kept<string>(key);
    ended = undefined;
    forgetPrivate();
    tell();
  });
  tell();
}

export function watchSession(listener: () => void): () => void {
  const stopWallet = watchWallet(listener);
  listeners.add(listener);
  return () => {
    stopWallet();
    listeners.delete(listener);
  };
}

/** The address that is both signed in and connected. */
export function signedIn(): string | undefined {
  const { status, address } = currentWallet();
  return status === "connected" && address === owner ? address : undefined;
}

export function sessionState(): SessionState {
  if (isSigning) return "signing";
  if (signedIn() !== undefined) return "in";
  return ended !== undefined && ended === currentWallet().address ? "ended" : "out";
}

export function useSession(): SessionState {
  return useSyncExternalStore(watchSession, sessionState);
}

/** Signs in with the connected wallet. Rejects with what wallet or API refuse, or when `signal` ends it. */
export async function signIn(signal: AbortSignal): Promise<void> {
  if (isSigning) return;
  isSigning = true;
  tell();
  try {
    const { openedSession } = await import("./signing_in.ts");
    const { address } = await openedSession(signal);
    begin(address);
  } finally {
    isSigning = false;
    tell();
  }
}

function begin(address: string): void {
  owner = address;
  ended = undefined;
  keep(key, address);
  forgetPrivate();
}

/** The session is over: the API said so, or its stream was closed. */
export function sessionEnded(): void {
  ended = owner;
  owner = undefined;
  forget(key);
  forgetPrivate();
  tell();
}

/** Ends the session of this browser, or all of the account. */
export async function signOut(everywhere = false): Promise<void> {
  await privately(everywhere ? api.DELETE("/v1/sessions") : api.DELETE("/v1/sessions/current")).catch((error: unknown) => {
    // A session that has ended already needs no end.
    if (!(error instanceof Refusal && error.code === "session-required")) throw error;
  });
  owner = undefined;
  ended = undefined;
  forget(key);
  forgetPrivate();
  tell();
}

/** An answer that needs the session. When there is none any more, it is noted. */
export async function privately<T>(asked: Parameters<typeof answered<T>>[0]): Promise<T> {
  try {
    return await answered(asked);
  } catch (error) {
    if (error instanceof Refusal && error.code === "session-required") sessionEnded();
    throw error;
  }
}

function forgetPrivate(): void {
  queryClient.removeQueries({ queryKey: ["private"] });
}
