/** Says in a sentence what a call of our contracts does. Loaded with the demo wallet. Pure. */

import { decodeFunctionData, type Abi, type Hex } from "viem";

import type { Contracts } from "../api/client.ts";
import { bankrollAbi, sportsbookAbi, testTokenAbi } from "../generated/abi.ts";
import { formatEnd, formatMicro } from "../odds/format.ts";
import { microOf } from "../slip/amounts.ts";
import { t } from "../strings/index.ts";

export function callText({ sportsbook, bankroll, token }: Contracts, to: string, data: Hex | undefined): string {
  const isSame = (one: string | null) => one?.toLowerCase() === to.toLowerCase();
  const amount = (micro: unknown) => `${formatMicro(BigInt(String(micro)), 2)} ${token.symbol ?? ""}`;
  const units = (given: unknown) => amount(microOf(BigInt(String(given)), token.decimals));
  const says = t.wallet.calls;
  if (isSame(sportsbook)) {
    const { name, args } = decoded(sportsbookAbi, data);
    if (name === "deposit") return says.deposit(amount(args[0]));
    if (name === "depositWithPermit" || name === "depositWithAuthorization") return says.deposit(amount(args[1]));
    if (name === "placeQuoted") return says.bet(amount((args[1] as { maxStake: bigint }).maxStake));
    if (name === "withdrawGranted") return says.withdraw;
    if (name === "requestExit") return args[0] === 0n ? says.cancelExit : says.requestExit(amount(args[0]));
    if (name === "exit") return says.exit;
    if (name === "excludeSelf") return says.exclude(formatEnd(Number(args[0])));
  } else if (isSame(bankroll)) {
    const { name, args } = decoded(bankrollAbi, data);
    if (name === "deposit") return says.provide(units(args[0]));
    if (name === "redeem") return says.redeem;
  } else if (isSame(token.address)) {
    const { name, args } = decoded(testTokenAbi, data);
    const spender = String(args[0]).toLowerCase();
    const known = { [sportsbook.toLowerCase()]: t.words.sportsbook, [bankroll?.toLowerCase() ?? ""]: t.words.bankroll };
    if (name === "approve") return says.approve(known[spender] ?? String(args[0]), units(args[1]));
  }
  return says.other(data?.slice(0, 10) ?? "");
}

function decoded(abi: Abi, data: Hex | undefined): { name: string; args: readonly unknown[] } {
  try {
    const { functionName, args } = decodeFunctionData({ abi, data: data ?? "0x" });
    return { name: functionName, args: args ?? [] };
  } catch {
    return { name: "", args: [] };
  }
}
