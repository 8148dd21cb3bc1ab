/** Whether the connected wallet is a contract, which cannot bet through the house. */

import { useQuery } from "@tanstack/react-query";

import { engine, useWallet } from "./state.ts";

export function useIsContract(): boolean {
  const { status, address } = useWallet();
  const { data } = useQuery({
    queryKey: ["is contract", address],
    queryFn: async () => (await engine()).isContract(address ?? "0x"),
    enabled: status === "connected" && address !== undefined,
    staleTime: Infinity,
  });
  return data ?? false;
}
