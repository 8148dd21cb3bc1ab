/**
 * The odds of this page: one stream, and a subscription for each market, so that a change repaints
 * the cells of that market alone.
 */

import { useSyncExternalStore } from "react";

import { openStream, type Stream, type StreamState } from "../../../clients/typescript/src/connection.ts";
import { OddsFeed } from "../../../clients/typescript/src/feed.ts";
import type { Odds, OddsState, StreamMessage } from "../../../clients/typescript/src/odds.ts";

/** Whoever has an account and is signed in: the same stream then carries what happens to it. */
export interface OwnPart {
  /** Where to connect: with a ticket, or to the odds alone. Never rejects. */
  url: () => string | Promise<string>;
  /** Whether the message is of this part. */
  take: (message: { type: string }) => boolean;
  stateIs: (state: StreamState) => void;
  closed: (code: number | undefined) => void;
}

const STALE_MS = 5000;
const TREND_MS = 2600;
/** How often movements that were shown long enough are taken back, all together. */
const SWEEP_MS = 200;
/** How many markets are repainted in one task: all at once would hold up the page. */
const AT_ONCE = 150;

export type Freshness = "connecting" | "live" | "reconnecting" | "stale";
export type Trend = "up" | "down";

type Listener = () => void;

export class LiveOdds {
  private readonly feed = new OddsFeed();
  private readonly ofMarket = new Map<string, Set<Listener>>();
  private readonly ofStatus = new Set<Listener>();
  private readonly ofMarkets = new Set<Listener>();
  /** In the order in which they end. */
  private readonly trends = new Map<string, { direction: Trend; market: string; endsAt: number }>();
  private readonly toTell = new Set<string>();
  private telling = false;
  private sweeping: ReturnType<typeof setTimeout> | null = null;
  private stream: Stream | null = null;
  private aged = false;
  private heard: number | null = null;
  freshness: Freshness = "connecting";

  /** When the odds were last known to be current, by performance.now(). */
  get heardAt(): number | null {
    return this.heard;
  }

  start(own: OwnPart): void {
    this.stream = openStream({
      url: () => {
        const address = own.url();
        return typeof address === "string" ? this.feed.resuming(address) : address.then((it) => this.feed.resuming(it));
      },
      onMessage: (message) => (own.take(message as { type: string }) ? null : this.take(message as StreamMessage)),
      onState: (state) => {
        this.show(state);
        own.stateIs(state);
      },
      onClose: own.closed,
    });
    addEventListener("online", () => this.stream?.reconnect());
    addEventListener("offline", () => this.stream?.lose());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.stream?.reconnect();
    });
  }

  /** Connects anew, since somebody has signed in or out; the odds go on meanwhile. */
  restart(): void {
    this.stream?.restart();
  }

  odds(market: string): Odds | undefined {
    return this.feed.state.byMarket.get(market);
  }

  markets(): OddsState["byMarket"] {
    return this.feed.state.byMarket;
  }

  trend(market: string, outcome: number): Trend | undefined {
    return this.trends.get(`${market}:${outcome}`)?.direction;
  }

  readonly watch = (market: string, listener: Listener): (() => void) => {
    const listeners = this.ofMarket.get(market) ?? new Set();
    this.ofMarket.set(market, listeners.add(listener));
    return () => {
      listeners.delete(listener);
    };
  };

  readonly watchStatus = (listener: Listener): (() => void) => {
    this.ofStatus.add(listener);
    return () => this.ofStatus.delete(listener);
  };

  readonly watchMarkets = (listener: Listener): (() => void) => {
    this.ofMarkets.add(listener);
    return () => this.ofMarkets.delete(listener);
  };

  private take(message: StreamMessage): boolean {
    this.aged = message.odds_age_ms > STALE_MS;
    this.heard = performance.now() - message.odds_age_ms;
    const before = this.markets();
    const taken = this.feed.take(message);
    if (taken === null) return false;
    for (const { market, outcome, direction } of taken.moves) this.flash(market, outcome, direction);
    this.tell(taken.changed);
    if (taken.changed.some((market) => before.has(market) !== this.markets().has(market))) {
      for (const listener of this.ofMarkets) listener();
    }
    return true;
  }

  private show(state: StreamState): void {
    const next = state === "quiet" || (state === "live" && this.aged) ? "stale" : state;
    if (next === this.freshness) return;
    this.freshness = next;
    for (const listener of this.ofStatus) listener();
  }

  private flash(market: string, outcome: number, direction: Trend): void {
    const key = `${market}:${outcome}`;
    this.trends.delete(key);
    this.trends.set(key, { direction, market, endsAt: performance.now() + TREND_MS });
    this.sweeping ??= setTimeout(() => this.sweep(), SWEEP_MS);
  }

  /** One timer for all of them: each on its own would repaint the page for every cell. */
  private sweep(): void {
    const ended = new Set<string>();
    for (const [key, { market, endsAt }] of this.trends) {
      if (endsAt > performance.now()) break;
      this.trends.delete(key);
      ended.add(market);
    }
    this.sweeping = this.trends.size > 0 ? setTimeout(() => this.sweep(), SWEEP_MS) : null;
    this.tell(ended);
  }

  /** Has markets repainted: a few at once, of many the first ones, and the others in the tasks that
   * follow. */
  private tell(markets: Iterable<string>): void {
    for (const market of markets) this.toTell.add(market);
    if (!this.telling) this.tellSome();
  }

  private tellSome(): void {
    let left = AT_ONCE;
    for (const market of this.toTell) {
      if (left-- === 0) break;
      this.toTell.delete(market);
      for (const listener of this.ofMarket.get(market) ?? []) listener();
    }
    this.telling = this.toTell.size > 0;
    if (this.telling) setTimeout(() => this.tellSome(), 0);
  }
}

export const live = new LiveOdds();

export function useFreshness(): Freshness {
  return useSyncExternalStore(live.watchStatus, () => live.freshness);
}

/** The odds of one outcome and how they moved; undefined while none are offered. */
export function usePrice(market: string, outcome: number): { oddsE4: number | undefined; trend: Trend | undefined } {
  const shown = useSyncExternalStore(
    (listener) => live.watch(market, listener),
    () => `${live.odds(market)?.oddsE4[outcome] ?? ""}:${live.trend(market, outcome) ?? ""}`,
  );
  const [oddsE4, trend] = shown.split(":");
  return {
    oddsE4: oddsE4 ? Number(oddsE4) : undefined,
    trend: trend ? (trend as Trend) : undefined,
  };
}

/** The current odds of several outcomes, "market:outcome" each. */
export function usePrices(keys: readonly string[]): (number | undefined)[] {
  const markets = keys.map((key) => key.slice(0, key.indexOf(":")));
  const shown = useSyncExternalStore(
    (listener) => {
      const stops = markets.map((market) => live.watch(market, listener));
      return () => stops.forEach((stop) => stop());
    },
    () =>
      keys
        .map((key, at) => live.odds(markets[at] ?? "")?.oddsE4[Number(key.slice(key.indexOf(":") + 1))] ?? "")
        .join(),
  );
  const parts = shown.split(",");
  return keys.map((_, at) => (parts[at] ? Number(parts[at]) : undefined));
}
