/** What the demo wallet asks its user, until the window is answered. */

import { useSyncExternalStore } from "react";

export interface Typed {
  domain: { name?: string; chainId?: number; verifyingContract?: string };
  types: Record<string, readonly { name: string; type: string }[]>;
  primaryType: string;
  message: Record<string, unknown>;
}

export type Question = { kind: "sign"; typed: Typed } | { kind: "text"; text: string } | { kind: "send"; to: string; says: string };

interface Open {
  question: Question;
  answer: (yes: boolean) => void;
}

let open: Open | null = null;
const listeners = new Set<() => void>();
const tell = () => {
  for (const listener of listeners) listener();
};

/** Whether the user agreed. A second question refuses the first. */
export function ask(question: Question): Promise<boolean> {
  open?.answer(false);
  return new Promise((resolve) => {
    open = {
      question,
      answer: (yes) => {
        open = null;
        resolve(yes);
        tell();
      },
    };
    tell();
  });
}

export function useQuestion(): Open | null {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => open,
  );
}
