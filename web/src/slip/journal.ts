/**
 * Keeps every signed slip in the browser from before it is sent until its answer is known, and its
 * receipt afterwards. A slip is sent again as it is, with its nonce, so that it can bet once only.
 */

import { useSyncExternalStore } from "react";

import { answered, api, mayPass, Refusal, type SlipAccepted, type SlipCreate } from "../api/client.ts";
import { queryClient } from "../api/queries.ts";
import { keep, kept } from "../app/storage.ts";
import type { SlipMessage } from "./message.ts";

export interface Kept {
  /** EIP-712 struct hash, by which the receipt names the slip. */
  hash: `0x${string}`;
  owner: string;
  body: SlipCreate;
  message: SlipMessage;
  /** "Arsenal FC v Chelsea FC · Over 2.5", one for each leg. */
  titles: readonly string[];
  /** By the house's clock, which on a test system is the chain's. */
  signedAtS: number;
  state: "signed" | "accepted" | "refused";
  answer?: SlipAccepted;
  refusal?: { code: string; text: string; members: Readonly<Record<string, unknown>> };
  /** Whether the browser has recovered the house's key from the receipt. */
  verified?: boolean;
}

const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 4000;
const MOST = 200;

let key = "";
let slips: readonly Kept[] = [];
/** What the storage did not take lives as long as the page. */
let unkept = false;
const listeners = new Set<() => void>();
const running = new Set<string>();
/** Slips that were signed, or sent, since this page was opened. */
const fresh = new Set<string>();

const tell = () => {
  for (const listener of listeners) listener();
};

/** Opens the journal of a deployment. Returns the slips that have no answer yet. */
export function openJournal(chainId: number, sportsbook: string): readonly Kept[] {
  const wanted = `fairline:slips:${chainId}:${sportsbook.toLowerCase()}`;
  if (key === wanted) return [];
  key = wanted;
  slips = kept<Kept[]>(key) ?? [];
  tell();
  return slips.filter((slip) => slip.state === "signed");
}

/** Other tabs write the same journal. */
export function followOtherTabs(): void {
  addEventListener("storage", (event) => {
    if (event.key !== key || key === "") return;
    slips = kept<Kept[]>(key) ?? [];
    tell();
  });
}

export function useJournal(): readonly Kept[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => slips,
  );
}

export function journal(): readonly Kept[] {
  return slips;
}

export function isFresh(hash: string): boolean {
  return fresh.has(hash);
}

export function isUnkept(): boolean {
  return unkept;
}

/** The lowest nonce that no slip without an answer has. */
export function freeNonce(account: number, owner: string, next: number): number {
  const taken = new Set(
    slips
      .filter((slip) => slip.state === "signed" && slip.body.account === account && slip.owner === owner)
      .map((slip) => slip.body.nonce),
  );
  let nonce = next;
  while (taken.has(nonce)) nonce += 1;
  return nonce;
}

export function note(slip: Kept): void {
  write([slip, ...slips.filter((one) => one.hash !== slip.hash)].slice(0, MOST));
}

export function change(hash: string, made: Partial<Kept>): void {
  write(slips.map((slip) => (slip.hash === hash ? { ...slip, ...made } : slip)));
}

function write(next: readonly Kept[]): void {
  slips = next;
  unkept = !keep(key, slips);
  tell();
}

const find = (hash: string) => slips.find((slip) => slip.hash === hash);

/**
 * Sends a signed slip until its answer is known: again after a lost answer or a fault that may pass,
 * and after its deadline by asking whether it was accepted.
 */
export async function submit(hash: string): Promise<Kept | undefined> {
  if (running.has(hash)) return undefined;
  running.add(hash);
  fresh.add(hash);
  try {
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
      const slip = find(hash);
      if (slip === undefined || slip.state !== "signed") return slip;
      try {
        change(hash, { state: "accepted", answer: await send(slip) });
        void queryClient.invalidateQueries({ queryKey: ["account"] });
        void queryClient.invalidateQueries({ queryKey: ["bets"] });
        return find(hash);
      } catch (error) {
        if (!mayPass(error)) {
          const settled = await accepted(slip).catch(() => undefined);
          if (settled) change(hash, { state: "accepted", answer: settled });
          else change(hash, { state: "refused", refusal: refusalOf(error) });
          return find(hash);
        }
      }
      await new Promise((wake) => setTimeout(wake, wait));
    }
  } finally {
    running.delete(hash);
  }
}

function send(slip: Kept): Promise<SlipAccepted> {
  return answered(
    api.POST("/v1/slips", {
      body: slip.body,
      params: { header: { "idempotency-key": slip.hash } },
    }),
  );
}

/** The answer that a slip had, if it was accepted although a later request was refused. */
async function accepted(slip: Kept): Promise<SlipAccepted | undefined> {
  const found = await answered(
    api.GET("/v1/slips/by-hash/{slip_hash}", { params: { path: { slip_hash: slip.hash } } }),
  );
  return {
    id: found.id,
    slip_hash: found.slip_hash,
    status: "accepted",
    accepted_at_s: found.receipt.accepted_at_s,
    odds_e4: found.receipt.odds_e4,
    payout_max_micro: found.payout_max_micro,
    receipt: found.receipt,
    enforce_until_s: found.enforce_until_s,
    expected_wait_s: null,
  };
}

function refusalOf(error: unknown) {
  if (error instanceof Refusal) return { code: error.code, text: error.message, members: error.members };
  return { code: "unknown", text: String(error), members: {} };
}
