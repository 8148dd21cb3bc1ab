/** What the visitor chose for this browser: theme, format of odds, favourites. */

import { useSyncExternalStore } from "react";

import type { OddsFormat } from "../odds/format.ts";
import { keep, kept } from "./storage.ts";

const KEY = "fairline:preferences";

export interface Preferences {
  theme: "system" | "light" | "dark";
  odds: OddsFormat;
  favourites: readonly string[];
}

const FIRST: Preferences = { theme: "system", odds: "decimal", favourites: [] };

let current: Preferences = { ...FIRST, ...kept<Partial<Preferences>>(KEY) };
const listeners = new Set<() => void>();

export function prefer(change: Partial<Preferences>): void {
  current = { ...current, ...change };
  keep(KEY, current);
  const { dataset } = document.documentElement;
  if (current.theme === "system") delete dataset["theme"];
  else dataset["theme"] = current.theme;
  for (const listener of listeners) listener();
}

export function usePreferences(): Preferences {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}
