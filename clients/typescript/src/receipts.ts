/** Checks a receipt with the contract: whether it commits the house to the slip that was signed. */

import { recoverTypedDataAddress, type Address, type Hex } from "viem";

import type { components } from "./generated/api.ts";
import { RECEIPT_TYPES, type SignedSlip } from "./messages.ts";
import type { Sportsbook } from "./sportsbook.ts";

export type Receipt = components["schemas"]["ReceiptPublic"];

const RECEIPT_ROLE = 2;

/** The receipt does not commit the house to the slip. */
export class ReceiptInvalid extends Error {
  override name = "ReceiptInvalid";
}

/** Throws ReceiptInvalid. `sentAtS` is the time of the newest block when the slip was sent. */
export async function checkReceipt(
  sportsbook: Sportsbook,
  receipt: Receipt,
  { slip, hash }: SignedSlip,
  sentAtS: number,
): Promise<void> {
  if (receipt.slip.toLowerCase() !== hash.toLowerCase()) throw new ReceiptInvalid("it is of another slip");
  const { odds_e4: oddsE4, accepted_at_s: acceptedAtS } = receipt;
  if (oddsE4.length !== slip.legs.length) {
    throw new ReceiptInvalid(`it has odds for ${oddsE4.length} legs, not ${slip.legs.length}`);
  }
  const product = oddsE4.reduce((all, one) => all * BigInt(one), 1n);
  if (product < BigInt(slip.minOddsE4) * 10_000n ** BigInt(oddsE4.length - 1)) {
    throw new ReceiptInvalid("its odds are below those that were signed");
  }
  const windowS = await sportsbook.receiptWindowS();
  if (acceptedAtS <= sentAtS - windowS || acceptedAtS > slip.deadline) {
    throw new ReceiptInvalid(`it was accepted at ${acceptedAtS}, not between now and the deadline`);
  }
  const signer = await signerOf(sportsbook, receipt);
  const key = await sportsbook.keyOf(signer);
  if (key.role !== RECEIPT_ROLE || acceptedAtS < key.fromS || acceptedAtS > key.untilS) {
    throw new ReceiptInvalid(`${signer} is no key that the contract accepts for receipts`);
  }
}

/** The address that signed a receipt. Throws ReceiptInvalid when nobody can have. */
export async function signerOf(sportsbook: Sportsbook, receipt: Receipt): Promise<Address> {
  try {
    return await recoverTypedDataAddress({
      domain: sportsbook.domain,
      types: RECEIPT_TYPES,
      primaryType: "Receipt",
      message: { slip: receipt.slip as Hex, acceptedAt: receipt.accepted_at_s, oddsE4: receipt.odds_e4 },
      signature: receipt.signature as Hex,
    });
  } catch {
    throw new ReceiptInvalid("it carries no signature");
  }
}
