/** What an owner signs so that the sportsbook may take a deposit: a permit (EIP-2612), or an authorization of this
 * one transfer (EIP-3009). */

import { encodeAbiParameters, keccak256, toHex, type Address, type Hex } from "viem";

import { testTokenAbi } from "../generated/abi.ts";
import type { TypedDataSet, WalletEngine } from "../wallet/engine.ts";

export interface TokenTransfer {
  message: Record<string, string>;
  /** Of a permit: the token counts them. */
  nonce: string;
  /** Of an authorization: its nonce names no fee and this. */
  salt?: Hex;
}

/** The message of the set `Permit` or `ReceiveWithAuthorization` for a deposit of the wallet's. */
export async function tokenTransfer(
  wallet: WalletEngine,
  set: TypedDataSet,
  units: bigint,
  deadlineS: number,
): Promise<TokenTransfer> {
  const owner = wallet.address;
  const { sportsbook } = wallet.contracts;
  const value = String(units);
  const deadline = String(deadlineS);
  if (set.primaryType === "Permit") {
    const token = set.domain.verifyingContract as Address;
    const nonce = String(await wallet.read(token, testTokenAbi, "nonces", [owner]));
    return { message: { owner, spender: sportsbook, value, nonce, deadline }, nonce };
  }
  const salt = toHex(crypto.getRandomValues(new Uint8Array(32)));
  const nonce = freeNonce(salt);
  return { message: { from: owner, to: sportsbook, value, validAfter: "0", validBefore: deadline, nonce }, nonce, salt };
}

/** The nonce of an authorization for which nobody is paid a fee. */
export function freeNonce(salt: Hex): Hex {
  return keccak256(encodeAbiParameters([{ type: "uint64" }, { type: "bytes32" }], [0n, salt]));
}
