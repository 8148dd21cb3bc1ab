/** Reads the house's solvency from the chain itself, at one block. */

import type { Address } from "viem";

import { sportsbookAbi, testTokenAbi } from "../generated/abi.ts";
import { microOf } from "../slip/amounts.ts";
import type { WalletEngine } from "../wallet/engine.ts";

export interface Solvency {
  block: bigint;
  atS: number;
  heldMicro: bigint;
  poolMicro: bigint;
  balancesMicro: bigint;
  owedMicro: bigint;
  lockedMicro: bigint;
  freeMicro: bigint;
  accounts: number;
}

const AT_ONCE = 100;

export async function readSolvency(wallet: WalletEngine): Promise<Solvency> {
  const reader = await wallet.reader();
  const { number: blockNumber, timestamp } = await reader.getBlock();
  const sportsbook = { address: wallet.contracts.sportsbook as Address, abi: sportsbookAbi, blockNumber } as const;
  const token = { address: wallet.contracts.token.address as Address, abi: testTokenAbi, blockNumber } as const;
  const [units, book, free, accounts] = await Promise.all([
    reader.readContract({ ...token, functionName: "balanceOf", args: [sportsbook.address] }),
    reader.readContract({ ...sportsbook, functionName: "book" }),
    reader.readContract({ ...sportsbook, functionName: "houseFree" }),
    reader.readContract({ ...sportsbook, functionName: "accountCount" }),
  ]);
  let balancesMicro = 0n;
  for (let first = 1; first <= accounts; first += AT_ONCE) {
    const numbers = Array.from({ length: Math.min(AT_ONCE, accounts - first + 1) }, (_, at) => first + at);
    const read = await Promise.all(
      numbers.map((number) => reader.readContract({ ...sportsbook, functionName: "accountAt", args: [number] })),
    );
    for (const [, balance] of read) balancesMicro += balance;
  }
  const [poolMicro, owedMicro, lockedMicro] = book;
  return {
    block: blockNumber,
    atS: Number(timestamp),
    heldMicro: microOf(units, wallet.contracts.token.decimals),
    poolMicro,
    balancesMicro,
    owedMicro,
    lockedMicro,
    freeMicro: free,
    accounts,
  };
}
