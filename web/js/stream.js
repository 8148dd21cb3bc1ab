/**
 * Connects to the live stream, reconnects, and reports when it is not live. It passes messages
 * on and does not read odds.
 */

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10000;
/** After this long without a message the connection counts as lost. */
export const SILENCE_MS = 12000;

/**
 * How long to wait before attempt number `attempt` (from 0): doubling, with jitter so that pages
 * do not all reconnect at the same moment.
 *
 * @param {number} attempt
 * @param {() => number} random
 */
export function retryWaitMs(attempt, random) {
  const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt);
  return Math.round(longest * (0.5 + random() / 2));
}

/**
 * @param {{
 *   url: string,
 *   onMessage: (message: object) => boolean,
 *   onState: (state: "connecting" | "live" | "reconnecting") => void,
 *   WebSocket?: typeof WebSocket,
 *   setTimeout?: typeof setTimeout, clearTimeout?: typeof clearTimeout,
 *   random?: () => number,
 * }} options `onMessage` returns false when the stream must start over from a snapshot
 * @returns {{close: () => void, reconnect: () => void}}
 */
export function openStream(options) {
  const { url, onMessage, onState } = options;
  const Socket = options.WebSocket ?? globalThis.WebSocket;
  const later = options.setTimeout ?? globalThis.setTimeout.bind(globalThis);
  const cancel = options.clearTimeout ?? globalThis.clearTimeout.bind(globalThis);
  const random = options.random ?? Math.random;
  let socket = null;
  let attempt = 0;
  let timer = null;
  let closed = false;

  const connect = () => {
    timer = null;
    const mine = new Socket(url);
    socket = mine;
    watch(mine);
    mine.onmessage = (event) => {
      if (socket !== mine) return;
      watch(mine);
      if (take(event.data)) return;
      lost(mine);
    };
    mine.onclose = () => lost(mine);
    mine.onerror = () => {};
  };

  const take = (data) => {
    try {
      const ok = onMessage(JSON.parse(data));
      if (ok) {
        attempt = 0;
        onState("live");
      }
      return ok;
    } catch {
      return false;
    }
  };

  /** Restart the timer that waits for the next message of `mine`. */
  const watch = (mine) => {
    if (timer !== null) cancel(timer);
    timer = later(() => lost(mine), SILENCE_MS);
  };

  const lost = (mine) => {
    if (closed || socket !== mine) return;
    socket = null;
    if (timer !== null) cancel(timer);
    mine.close();
    onState("reconnecting");
    timer = later(connect, retryWaitMs(attempt, random));
    attempt += 1;
  };

  onState("connecting");
  connect();
  return {
    close() {
      closed = true;
      if (timer !== null) cancel(timer);
      socket?.close();
    },
    /** Reconnect at once, e.g. when the device is online again. */
    reconnect() {
      if (closed || socket !== null) return;
      if (timer !== null) cancel(timer);
      attempt = 0;
      connect();
    },
  };
}
