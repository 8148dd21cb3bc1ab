/** Keeps the bets that the wallet sent to the chain itself, until they are final. */

import { useSyncExternalStore } from "react";

import { keep, kept } from "../app/storage.ts";

export interface Direct {
  hash: string;
  owner: string;
  account: number;
  nonce: number;
  stakeMicro: string;
  payoutMicro: string;
  titles: readonly string[];
  /** `failed` was mined without an effect. */
  state: "sent" | "mined" | "failed";
}

const MOST = 8;
const NONE: readonly Direct[] = [];

let key = "";
let directs: readonly Direct[] = NONE;
const listeners = new Set<() => void>();

/** Opens the journal of a deployment; returns what an earlier page had sent and did not see mined. */
export function openDirects(chainId: number, sportsbook: string): string[] {
  const wanted = `fairline:direct:${chainId}:${sportsbook.toLowerCase()}`;
  if (key === wanted) return [];
  key = wanted;
  directs = kept<Direct[]>(key) ?? NONE;
  tell();
  return directs.filter(({ state }) => state === "sent").map(({ hash }) => hash);
}

export function useDirects(owner: string | undefined): readonly Direct[] {
  const all = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => directs,
  );
  return all.filter((one) => one.owner === owner?.toLowerCase());
}

export function note(direct: Direct): void {
  write([direct, ...directs.filter(({ hash }) => hash !== direct.hash)].slice(0, MOST));
}

export function change(hash: string, made: Partial<Direct>): void {
  write(directs.map((one) => (one.hash === hash ? { ...one, ...made } : one)));
}

export function dismiss(hash: string): void {
  write(directs.filter((one) => one.hash !== hash));
}

const tell = () => {
  for (const listener of listeners) listener();
};

function write(next: readonly Direct[]): void {
  directs = next;
  keep(key, directs);
  tell();
}
