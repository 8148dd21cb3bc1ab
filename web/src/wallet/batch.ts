/** Sends several calls as one, all or none, with wallets that offer it (EIP-5792). Loaded with the wallet. */

import { encodeFunctionData, type Abi, type Account, type Address, type Chain, type Client, type Hex, type Transport } from "viem";
import { getCapabilities, sendCalls, waitForCallsStatus } from "viem/actions";

export interface Call {
  address: string;
  abi: Abi;
  functionName: string;
  args: readonly unknown[];
}

type Wallet = Client<Transport, Chain | undefined, Account>;

/** How long a wallet may take to say what it can. */
const ASKED_MS = 3_000;
const MINED_MS = 120_000;
const POLLING_MS = 300;
/** A wallet that cannot do after all what it said, by the codes of EIP-5792, or that does not know the method. */
const UNABLE = [5700, 5710, 5740, 5760, -32601, 4200];

/** Whether the wallet sends calls as one without being changed for it: "ready" would first turn an ordinary
 * account into a contract (EIP-7702), which is more than was asked for. */
export async function offersBatches(wallet: Wallet, chainId: number): Promise<boolean> {
  const late = new Promise<undefined>((done) => setTimeout(done, ASKED_MS));
  const said = await Promise.race([getCapabilities(wallet, { chainId }), late]).catch(() => undefined);
  return said?.atomic?.status === "supported";
}

/** Sends the calls; resolves once they are mined, with whether they have taken effect. Undefined where the wallet
 * says that it cannot. */
export async function sendBatch(wallet: Wallet, calls: readonly Call[], sent: () => void): Promise<boolean | undefined> {
  let id: string;
  try {
    const raw = calls.map(({ address, ...call }) => ({ to: address as Address, data: encodeFunctionData(call) as Hex }));
    ({ id } = await sendCalls(wallet, { calls: raw, forceAtomic: true }));
  } catch (error) {
    if (UNABLE.includes(codeOf(error))) return undefined;
    throw error;
  }
  sent();
  const { status } = await waitForCallsStatus(wallet, { id, pollingInterval: POLLING_MS, timeout: MINED_MS });
  return status === "success";
}

/** The code of the innermost error that has one. */
function codeOf(error: unknown): number {
  let code = 0;
  for (let one = error; one instanceof Error; one = one.cause) {
    if ("code" in one && typeof one.code === "number") code = one.code;
  }
  return code;
}
