/** Applies the messages of one stream of odds, and knows where it resumes. */

import { applyDelta, applySnapshot, emptyOdds, type Change, type OddsState, type StreamMessage } from "./odds.ts";

export class OddsFeed {
  private current: OddsState = emptyOdds();
  /** Whether the last message was applied: otherwise everything is read anew. */
  private inStep = false;

  get state(): OddsState {
    return this.current;
  }

  /** What changed; null when messages are missing, so that the stream must start over. */
  take(message: StreamMessage): Change | null {
    const change = this.applied(message);
    this.inStep = change !== null;
    if (change !== null) this.current = change.state;
    return change;
  }

  /** The address from which the messages come that are missing here. */
  resuming(address: string): string {
    const { epoch, seq } = this.current;
    if (!this.inStep || epoch === null) return address;
    const url = new URL(address);
    url.searchParams.set("resume", `${epoch}.${seq}`);
    return url.href;
  }

  private applied(message: StreamMessage): Change | null {
    const { current: state } = this;
    if (message.type === "snapshot") return applySnapshot(state, message);
    if (message.type === "delta") return applyDelta(state, message);
    const follows = message.seq === state.seq && message.epoch === state.epoch;
    return follows ? { state, moves: [], changed: [] } : null;
  }
}
