/** Follows the live odds, and resumes where a lost connection stopped. */

import { openStream, type SocketClass, type Stream, type StreamState } from "./connection.ts";
import { OddsFeed } from "./feed.ts";
import type { OddsState, StreamMessage } from "./odds.ts";

export interface OddsStreamOptions {
  apiUrl: string;
  /** Ids of the fixtures to follow; all if left out. */
  fixtures?: readonly string[];
  /** The markets whose odds are others than before. */
  onChange?: (markets: readonly string[], odds: OddsState["byMarket"]) => void;
  onState?: (state: StreamState) => void;
  /** For a Node.js that has none of its own (before version 22): that of the package `ws`. */
  WebSocket?: SocketClass;
}

export class OddsStream {
  private readonly feed = new OddsFeed();
  private readonly stream: Stream;
  private heardMs = performance.now();
  private messageAgeMs = 0;

  constructor({ apiUrl, fixtures = [], onChange, onState, WebSocket }: OddsStreamOptions) {
    const url = new URL(`${apiUrl.replace(/\/+$/, "").replace(/^http/, "ws")}/v1/stream`);
    for (const fixture of fixtures) url.searchParams.append("fixture", fixture);
    this.stream = openStream({
      url: () => this.feed.resuming(url.href),
      onMessage: (read) => {
        const message = read as StreamMessage;
        const change = this.feed.take(message);
        if (change === null) return false;
        this.heardMs = performance.now();
        this.messageAgeMs = message.odds_age_ms;
        if (change.changed.length > 0) onChange?.(change.changed, this.odds);
        return true;
      },
      onState: (state) => onState?.(state),
      ...(WebSocket && { WebSocket }),
    });
  }

  /** The newest odds by market id. */
  get odds(): OddsState["byMarket"] {
    return this.feed.state.byMarket;
  }

  /** How old the odds may be, in ms. */
  get ageMs(): number {
    return this.messageAgeMs + performance.now() - this.heardMs;
  }

  close(): void {
    this.stream.close();
  }
}
