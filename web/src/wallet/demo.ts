/**
 * A wallet for local chains: an account of the mnemonic that everybody knows, and a faucet. It signs
 * only after its window was confirmed, like any wallet.
 */

import { createPublicClient, createWalletClient, hexToNumber, hexToString, http, numberToHex, type Address, type Chain, type Hex } from "viem";
import { mnemonicToAccount } from "viem/accounts";
import { createConnector } from "wagmi";

import type { Contracts } from "../api/client.ts";
import { keep, kept } from "../app/storage.ts";
import { testTokenAbi } from "../generated/abi.ts";
import { t } from "../strings/index.ts";
import { callText } from "./call_text.ts";
import { ask } from "./demo_window.ts";
import { LOCAL_CHAINS } from "./chains.ts";
import { DEMO } from "./connecting.ts";

const MNEMONIC = "test test test test test test test test test test test junk";
const KEY = "fairline:demo-account";
// Ganache and Anvil derive the house's keys and their rich accounts below these.
const FIRST_INDEX = 1_000;
const INDICES = 1_000_000;
const COINS = 10n ** 20n;

class Rejected extends Error {
  readonly code = 4001;
}

/** This browser's account. */
function account() {
  let index = kept<number>(KEY);
  if (index === undefined) {
    index = FIRST_INDEX + Math.floor(Math.random() * INDICES);
    keep(KEY, index);
  }
  return mnemonicToAccount(MNEMONIC, { addressIndex: index });
}

let made: ReturnType<typeof account> | undefined;
const demoAccount = () => (made ??= account());

interface Request {
  method: string;
  params?: readonly unknown[];
}

function providerOf(rpcUrl: string, chain: Chain, contracts: Contracts) {
  const node = createPublicClient({ chain, transport: http(rpcUrl) });
  const wallet = () => createWalletClient({ account: demoAccount(), chain, transport: http(rpcUrl) });

  const request = async ({ method, params = [] }: Request): Promise<unknown> => {
    switch (method) {
      case "eth_requestAccounts":
      case "eth_accounts":
        return [demoAccount().address];
      case "eth_chainId":
        return numberToHex(chain.id);
      case "eth_signTypedData_v4": {
        const typed = JSON.parse(String(params[1]));
        if (!(await ask({ kind: "sign", typed }))) throw new Rejected(t.errors.rejected);
        return demoAccount().signTypedData(typed);
      }
      case "personal_sign": {
        const raw = params[0] as Hex;
        if (!(await ask({ kind: "text", text: hexToString(raw) }))) throw new Rejected(t.errors.rejected);
        return demoAccount().signMessage({ message: { raw } });
      }
      case "eth_sendTransaction": {
        const [{ to, data, value, gas }] = params as [{ to: Address; data?: Hex; value?: Hex; gas?: Hex }];
        if (!(await ask({ kind: "send", to, says: callText(contracts, to, data) }))) throw new Rejected(t.errors.rejected);
        return wallet().sendTransaction({
          to,
          ...(data ? { data } : {}),
          ...(value ? { value: BigInt(value) } : {}),
          ...(gas ? { gas: BigInt(gas) } : {}),
        });
      }
      default:
        return node.request({ method, params } as never);
    }
  };
  return { request };
}

export function demoConnector(rpcUrl: string, chain: Chain, contracts: Contracts) {
  const provider = providerOf(rpcUrl, chain, contracts);
  return createConnector(() => ({
    id: DEMO,
    name: t.wallet.demo,
    type: DEMO,
    async connect() {
      const chainId = await this.getChainId();
      return { accounts: [demoAccount().address] as never, chainId };
    },
    async disconnect() {},
    async getAccounts() {
      return [demoAccount().address];
    },
    /** The node's own word, so that the wallet is on no other chain than a local one. */
    async getChainId() {
      const node = createPublicClient({ chain, transport: http(rpcUrl) });
      const chainId = hexToNumber(await node.request({ method: "eth_chainId" }));
      if (!LOCAL_CHAINS.includes(chainId)) throw new Error(t.errors.notLocal);
      return chainId;
    },
    async getProvider() {
      return provider;
    },
    async isAuthorized() {
      return true;
    },
    onAccountsChanged() {},
    onChainChanged() {},
    onDisconnect() {},
  }));
}

/** Coins for gas, by the methods of Anvil and of Ganache. */
async function giveCoins(rpcUrl: string, address: Address): Promise<void> {
  const node = createPublicClient({ transport: http(rpcUrl) });
  if ((await node.getBalance({ address })) >= COINS / 10n) return;
  const params = [address, numberToHex(COINS)];
  for (const method of ["anvil_setBalance", "evm_setAccountBalance"]) {
    try {
      await node.request({ method, params } as never);
      return;
    } catch {
      // The other client has the other method.
    }
  }
  throw new Error(t.errors.noFaucet);
}

/** Test tokens and coins for an address, paid for by the demo account. */
export async function faucet(rpcUrl: string, chain: Chain, token: Address, to: Address, units: bigint): Promise<Hex> {
  const payer = demoAccount();
  await giveCoins(rpcUrl, payer.address);
  if (to !== payer.address) await giveCoins(rpcUrl, to);
  const wallet = createWalletClient({ account: payer, chain, transport: http(rpcUrl) });
  return wallet.writeContract({ address: token, abi: testTokenAbi, functionName: "mint", args: [to, units] });
}
