/** Waiting for a wallet, which may never answer. */

import { useEffect, useState } from "react";

const HANGS_MS = 20_000;

/** Whether the wallet has been asked for this long without an answer. `asked` is null while it is not,
 * and another value for each question. */
export function useHangs(asked: unknown): boolean {
  const [late, setLate] = useState<unknown>(null);
  useEffect(() => {
    if (asked === null) return;
    const timer = setTimeout(() => setLate(asked), HANGS_MS);
    return () => clearTimeout(timer);
  }, [asked]);
  return asked !== null && late === asked;
}

/** Rejects when the visitor stops waiting. */
export function stopped(signal: AbortSignal): Promise<never> {
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
}
