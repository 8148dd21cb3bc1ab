/** Small hooks that several views use. */

import { useQuery } from "@tanstack/react-query";
import { useEffect, useState, useSyncExternalStore } from "react";

import { contractsQuery } from "../api/queries.ts";

export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (listener) => {
      const media = matchMedia(query);
      media.addEventListener("change", listener);
      return () => media.removeEventListener("change", listener);
    },
    () => matchMedia(query).matches,
  );
}

/** Whether the slip stands beside the page; below that it is a sheet. */
export const useWide = () => useMedia("(min-width: 62rem)");

/** Whether there is room for more than the fixtures. */
export const useRoomy = () => useMedia("(min-width: 44rem)");

export function useOnline(): boolean {
  return useSyncExternalStore(
    (listener) => {
      addEventListener("online", listener);
      addEventListener("offline", listener);
      return () => {
        removeEventListener("online", listener);
        removeEventListener("offline", listener);
      };
    },
    () => navigator.onLine,
  );
}

/** A number that changes every `ms`. */
export function useTick(ms: number): number {
  const [tick, setTick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setTick((now) => now + 1), ms);
    return () => clearInterval(timer);
  }, [ms]);
  return tick;
}

/** The symbol of the token in which bets are paid. */
export function useUnit(): string {
  return useQuery(contractsQuery).data?.token.symbol ?? "";
}

/** Whether the deployment is on a local chain whose node the browser may ask. */
export function useIsLocal(): boolean {
  return Boolean(useQuery(contractsQuery).data?.rpc_url);
}
