/** Computes shares of the bankroll in whole units. Pure. */

/** What an address has: its shares, those that can be redeemed now, and what they would bring. */
export interface Position {
  shares: bigint;
  worthMicro: bigint;
  redeemable: bigint;
  redeemableMicro: bigint;
}

/** By how much a price may get worse between the look and the block, x 10^4. */
export const SLIPPAGE_BPS = 50n;

export function atLeast(amount: bigint): bigint {
  return (amount * (10_000n - SLIPPAGE_BPS)) / 10_000n;
}

/** The shares that bring this amount, rounded up, and at most all that can be redeemed. */
export function sharesFor(amountMicro: bigint, { redeemable, redeemableMicro }: Position): bigint {
  if (amountMicro >= redeemableMicro || redeemableMicro === 0n) return redeemable;
  return (amountMicro * redeemable + redeemableMicro - 1n) / redeemableMicro;
}
