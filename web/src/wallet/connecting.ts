/** Connects a wallet, and says where its owner goes next. */

import { queryClient } from "../api/queries.ts";
import { accountOf } from "../session/account.ts";
import { engine } from "./state.ts";

/** The id of the demo wallet among the choices. */
export const DEMO = "demo";

/** Connects; resolves with whether the owner has an account already. */
export async function connectWith(id: string): Promise<boolean> {
  const wallet = await engine();
  await wallet.connect(id);
  const owner = wallet.address;
  return (await queryClient.fetchQuery({ queryKey: ["account", owner], queryFn: () => accountOf(owner) })) !== null;
}
