/** Hashes slips and recovers who signed a receipt, in the browser. */

import { hashStruct, recoverTypedDataAddress, type Hex } from "viem";

import type { Schemas, TypedData } from "../api/client.ts";
import type { SlipMessage } from "./message.ts";

export function hashSlip(set: Schemas["TypedDataSet"], message: SlipMessage): Hex {
  return hashStruct({ data: message, primaryType: set.primaryType, types: set.types } as never);
}

/** Whether the house's key for receipts signed this receipt, and for this slip. */
export async function isReceiptOf(typed: TypedData, hash: string, receipt: Schemas["ReceiptPublic"]): Promise<boolean> {
  const set = typed.messages["Receipt"];
  if (set === undefined || receipt.slip.toLowerCase() !== hash.toLowerCase()) return false;
  const signer = await recoverTypedDataAddress({
    domain: set.domain,
    types: set.types,
    primaryType: set.primaryType,
    message: { slip: receipt.slip, acceptedAt: receipt.accepted_at_s, oddsE4: receipt.odds_e4 },
    signature: receipt.signature as Hex,
  } as never);
  return signer.toLowerCase() === typed.receipt_signer.toLowerCase();
}
