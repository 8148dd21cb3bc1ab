/** The limits of whoever is signed in: asked for, and set. */

import { useQuery } from "@tanstack/react-query";

import { api, type Schemas } from "../api/client.ts";
import { queryClient } from "../api/queries.ts";
import { privately, useSession } from "../session/state.ts";

export type OwnLimits = Schemas["OwnLimitsPublic"];

const keyOf = (account: number | undefined) => ["private", "limits", account];

/** Nothing for whoever is not signed in. What is used of limits changes with bets and deposits, which are pushed. */
export function useOwnLimits(account: number | undefined) {
  const session = useSession();
  return useQuery({
    queryKey: keyOf(account),
    queryFn: () => privately(api.GET("/v1/accounts/{account}/limits", { params: { path: { account: account ?? 0 } } })),
    enabled: account !== undefined && session === "in",
  });
}

export async function setOwnLimits(account: number, body: Schemas["OwnLimitsSet"]): Promise<void> {
  const limits = await privately(
    api.PUT("/v1/accounts/{account}/limits", { params: { path: { account } }, body }),
  );
  queryClient.setQueryData<OwnLimits>(keyOf(account), limits);
}
