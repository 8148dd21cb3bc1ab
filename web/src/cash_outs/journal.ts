/**
 * Keeps every signed cash-out from before it is sent until it has taken effect or cannot any more. It is sent
 * again as it is, and the house takes an offer once, so it pays once.
 */

import { useSyncExternalStore } from "react";

import { answered, api, mayPass, Refusal, type Schemas } from "../api/client.ts";
import { queryClient } from "../api/queries.ts";
import { keep, kept } from "../app/storage.ts";

export type CashOutState = "signed" | "accepted" | "submitted" | "paid" | "expired" | "failed";

export interface CashOut {
  id: string;
  owner: string;
  /** Batch and index of the bet. */
  bet: string;
  stakeMicro: string;
  priceMicro: string;
  restMicro: string;
  titles: readonly string[];
  signature: string;
  state: CashOutState;
  txHash?: string;
  /** Why the house did not take it. */
  why?: string;
}

/** How often a cash-out is asked for while it is on its way: the private stream has bets, not offers. */
const FOLLOW_MS = 1_000;

let key = "";
let cashOuts: readonly CashOut[] = [];
const running = new Set<string>();
const listeners = new Set<() => void>();

export const isOver = ({ state }: Pick<CashOut, "state">) => state === "paid" || state === "expired" || state === "failed";

/** Opens the journal of a deployment, and follows what is on its way. */
export function openCashOuts(chainId: number, sportsbook: string): void {
  key = `fairline:cash-outs:${chainId}:${sportsbook.toLowerCase()}`;
  write((kept<CashOut[]>(key) ?? []).filter((one) => !isOver(one)));
  for (const { id } of cashOuts) void follow(id);
}

/** Other tabs write the same journal. */
export function followOtherTabs(): void {
  addEventListener("storage", (event) => {
    if (event.key !== key || key === "") return;
    cashOuts = kept<CashOut[]>(key) ?? [];
    tell();
  });
}

export function useCashOuts(owner: string | undefined): readonly CashOut[] {
  const all = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => cashOuts,
  );
  return all.filter((one) => one.owner === owner);
}

export function note(cashOut: CashOut): void {
  // What became of an earlier offer for this bet matters no more.
  write([cashOut, ...cashOuts.filter((one) => one.id !== cashOut.id && !(one.bet === cashOut.bet && isOver(one)))]);
}

/** Forgets one that is over. */
export function dismiss(id: string): void {
  write(cashOuts.filter((one) => one.id !== id || !isOver(one)));
}

/** Sends a signed cash-out, and asks what becomes of it until it is over. */
export async function follow(id: string): Promise<CashOut | undefined> {
  if (running.has(id)) return undefined;
  running.add(id);
  try {
    for (;;) {
      const now = find(id);
      if (now === undefined || isOver(now)) return now;
      try {
        take(id, await (now.state === "signed" ? send(now) : ask(now)));
      } catch (error) {
        if (!mayPass(error)) change(id, endOf(error));
      }
      const next = find(id);
      if (next === undefined || isOver(next)) return next;
      await new Promise((wake) => setTimeout(wake, FOLLOW_MS));
    }
  } finally {
    running.delete(id);
    for (const queryKey of [["account"], ["bets"], ["movements"]]) void queryClient.invalidateQueries({ queryKey });
  }
}

type Answer = Schemas["CashOutPublic"];

function send({ id, signature }: CashOut): Promise<Answer> {
  return answered(api.POST("/v1/cash-outs/{offer_id}", { params: { path: { offer_id: id } }, body: { signature } }));
}

function ask({ id }: CashOut): Promise<Answer> {
  return answered(api.GET("/v1/cash-outs/{offer_id}", { params: { path: { offer_id: id } } }));
}

function take(id: string, { status, tx_hash }: Answer): void {
  // An offer whose signature the house does not have yet is sent again.
  const state = status === "offered" ? "signed" : status;
  change(id, { state, ...(tx_hash === null ? {} : { txHash: tx_hash }) });
}

function endOf(error: unknown): Partial<CashOut> {
  if (error instanceof Refusal && error.code === "cash-out-expired") return { state: "expired" };
  return { state: "failed", why: error instanceof Error ? error.message : String(error) };
}

const tell = () => {
  for (const listener of listeners) listener();
};

const find = (id: string) => cashOuts.find((one) => one.id === id);

function change(id: string, made: Partial<CashOut>): void {
  write(cashOuts.map((one) => (one.id === id ? { ...one, ...made } : one)));
}

function write(next: readonly CashOut[]): void {
  cashOuts = next;
  keep(key, cashOuts);
  tell();
}
