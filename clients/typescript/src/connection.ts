/**
 * Connects to the live stream, reconnects, and reports when it is not live. It passes messages on
 * and does not read odds.
 */

import type { components } from "./generated/api.ts";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10000;
/** The server sends something every 2 s; after this long without it, odds may be old. */
export const QUIET_MS = 2800;
/** After this long without a message the connection counts as lost. */
export const SILENCE_MS = 8000;

export type StreamState = "connecting" | "live" | "quiet" | "reconnecting";

/**
 * How long to wait before attempt number `attempt` (from 0): doubling, with jitter so that pages do
 * not all reconnect at the same moment.
 */
export function retryWaitMs(attempt: number, random: () => number): number {
  const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt);
  return Math.round(longest * (0.5 + random() / 2));
}

function isClosing(message: unknown): message is components["schemas"]["StreamClosing"] {
  return (message as { type?: unknown }).type === "closing";
}

export type SocketClass = new (url: string) => Pick<WebSocket, "close" | "onmessage" | "onclose" | "onerror">;

interface Options {
  /** Where to connect, asked for each connection: a ticket opens one. */
  url: () => string | Promise<string>;
  /** Returns false when the stream must start over from a snapshot, and null for a message that says
   * nothing of the odds. */
  onMessage: (message: unknown) => boolean | null;
  onState: (state: StreamState) => void;
  /** The server closed the connection, for this reason. */
  onClose?: (code: number | undefined) => void;
  WebSocket?: SocketClass;
  setTimeout?: (run: () => void, ms: number) => number;
  clearTimeout?: (id: number) => void;
  random?: () => number;
}

export interface Stream {
  close: () => void;
  reconnect: () => void;
  restart: () => void;
  lose: () => void;
}

export function openStream(options: Options): Stream {
  const { url, onMessage, onState } = options;
  type Socket = InstanceType<SocketClass>;
  const Socket = options.WebSocket ?? globalThis.WebSocket;
  const later = options.setTimeout ?? ((run, ms) => Number(globalThis.setTimeout(run, ms)));
  const cancel = options.clearTimeout ?? ((id) => globalThis.clearTimeout(id));
  const random = options.random ?? Math.random;
  let socket: Socket | null = null;
  let attempt = 0;
  /** How long the server that ends asks to stay away. */
  let advisedMs: number | null = null;
  let timer: number | null = null;
  let closed = false;
  /** Of the newest attempt; an address that comes for an older one is not used. */
  let turn = 0;

  const stop = () => {
    if (timer !== null) cancel(timer);
    timer = null;
  };

  const connect = () => {
    turn += 1;
    const mine = turn;
    const open = (address: string) => {
      if (!closed && mine === turn) replace(address);
    };
    const address = url();
    if (typeof address === "string") open(address);
    else void address.then(open);
  };

  /** What is connected stays so until there is an address to replace it by. */
  const replace = (address: string) => {
    const before = socket;
    const mine = new Socket(address);
    socket = mine;
    before?.close();
    watch(mine);
    mine.onmessage = (event) => {
      if (socket !== mine) return;
      watch(mine);
      if (take(event.data)) return;
      lost(mine);
    };
    mine.onclose = (event) => {
      if (socket === mine) options.onClose?.(event?.code);
      lost(mine);
    };
    mine.onerror = () => {};
  };

  const take = (data: string) => {
    try {
      const message: unknown = JSON.parse(data);
      if (isClosing(message)) {
        advisedMs = message.reconnect_after_ms;
        return true;
      }
      const ok = onMessage(message);
      if (ok) {
        attempt = 0;
        onState("live");
      }
      return ok !== false;
    } catch {
      return false;
    }
  };

  /** Restarts the timers that wait for the next message of `mine`. */
  const watch = (mine: Socket) => {
    stop();
    timer = later(() => {
      if (socket !== mine) return;
      onState("quiet");
      timer = later(() => lost(mine), SILENCE_MS - QUIET_MS);
    }, QUIET_MS);
  };

  const lost = (mine: Socket) => {
    if (closed || socket !== mine) return;
    socket = null;
    stop();
    mine.close();
    onState("reconnecting");
    timer = later(connect, advisedMs ?? retryWaitMs(attempt, random));
    advisedMs = null;
    attempt += 1;
  };

  onState("connecting");
  connect();
  return {
    close() {
      closed = true;
      stop();
      socket?.close();
    },
    /** Reconnects at once, e.g. when the device is online again. */
    reconnect() {
      if (closed || socket !== null) return;
      stop();
      attempt = 0;
      connect();
    },
    /** Connects anew, and drops the old connection once the new one is opened. */
    restart() {
      if (closed) return;
      attempt = 0;
      if (socket === null) stop();
      connect();
    },
    /** Counts the connection as lost, e.g. when the device says that it is offline. */
    lose() {
      if (socket !== null) lost(socket);
    },
  };
}
