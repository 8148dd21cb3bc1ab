/** Excludes an account from bets and deposits, on the contract itself. Loaded with the wallet. */

import { sportsbookAbi } from "../generated/abi.ts";
import type { WalletEngine } from "../wallet/engine.ts";

/** Resolves once it is mined: from then on nobody can shorten it. */
export async function excludeSelf(wallet: WalletEngine, untilS: number): Promise<void> {
  await wallet.write(wallet.contracts.sportsbook, sportsbookAbi, "excludeSelf", [untilS]);
}
