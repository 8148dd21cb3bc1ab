/**
 * The private part of the live stream: with a ticket of the session, the stream of odds also carries the
 * owner's account. A ticket opens one connection. Each begins with the whole account, so nothing has to
 * be resumed: what happened between two connections is in the first message of the second.
 */

import type { Schemas } from "../api/client.ts";
import type { OwnPart } from "../odds/live.ts";
import type { StreamState } from "../../../clients/typescript/src/connection.ts";

export type OwnMessage = Schemas["StreamAccount"] | Schemas["StreamAccountChange"];

/** After a ticket or its connection failed, odds come without it; it is tried again after this long. */
export const AGAIN_MS = 15_000;
const SESSION_ENDED = 4401;

interface Needs {
  /** Who is signed in and connected. */
  signedIn: () => string | undefined;
  url: (ticket?: string) => string;
  /** A new ticket; rejects when there is none. */
  ticket: () => Promise<string>;
  /** What the owner's account is now. */
  take: (owner: string, message: OwnMessage) => void;
  sessionEnded: () => void;
  restart: () => void;
  setTimeout?: (run: () => void, ms: number) => unknown;
}

export class OwnStream implements OwnPart {
  /** Whose ticket opened the connection, and whether its first message has come. */
  private owner: string | undefined;
  private hasSpoken = false;
  private state: StreamState = "connecting";
  private waits = false;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly needs: Needs) {}

  readonly url = (): string | Promise<string> => {
    const owner = this.needs.signedIn();
    // A ticket that opened nothing must not keep the odds away as well.
    const failed = this.owner !== undefined && this.owner === owner && !this.hasSpoken;
    this.begin(undefined);
    if (owner === undefined) return this.needs.url();
    if (failed) {
      this.tryLater();
      return this.needs.url();
    }
    return this.needs.ticket().then(
      (ticket) => {
        if (this.needs.signedIn() !== owner) return this.needs.url();
        this.begin(owner);
        return this.needs.url(ticket);
      },
      () => {
        this.tryLater();
        return this.needs.url();
      },
    );
  };

  readonly take = (message: { type: string }): boolean => {
    if (message.type !== "account" && message.type !== "account-change") return false;
    const { owner } = this;
    // A connection that ends because somebody else signed in may still speak.
    if (owner === undefined || owner !== this.needs.signedIn()) return true;
    const own = message as OwnMessage;
    if (own.account !== null && own.account.owner !== owner) {
      // The browser's cookie is of another account than this page believes.
      this.begin(undefined);
      this.needs.sessionEnded();
      return true;
    }
    this.needs.take(owner, own);
    if (!this.hasSpoken) {
      this.hasSpoken = true;
      this.tell();
    }
    return true;
  };

  readonly stateIs = (state: StreamState): void => {
    if (state === this.state) return;
    this.state = state;
    this.tell();
  };

  readonly closed = (code: number | undefined): void => {
    if (code !== SESSION_ENDED) return;
    this.begin(undefined);
    this.needs.sessionEnded();
  };

  /** Whether changes of this owner's account are pushed, so that nobody has to ask for them. */
  readonly pushes = (owner: string | undefined): boolean =>
    owner !== undefined && owner === this.owner && owner === this.needs.signedIn() && this.hasSpoken && this.state === "live";

  readonly watch = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  private begin(owner: string | undefined): void {
    this.owner = owner;
    this.hasSpoken = false;
    this.tell();
  }

  private tryLater(): void {
    if (this.waits) return;
    this.waits = true;
    const later = this.needs.setTimeout ?? ((run, ms) => globalThis.setTimeout(run, ms));
    later(() => {
      this.waits = false;
      if (this.needs.signedIn() !== undefined && this.owner === undefined) this.needs.restart();
    }, AGAIN_MS);
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}
