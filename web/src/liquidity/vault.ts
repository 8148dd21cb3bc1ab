/** Moves a provider's money into the bankroll and out, with a bound on the price. Loaded with the wallet. */

import type { Address } from "viem";

import { checkCoins, holdings, TokensMissing, type Step } from "../account/money.ts";
import { bankrollAbi, testTokenAbi } from "../generated/abi.ts";
import { microOf, tokenUnits } from "../slip/amounts.ts";
import { t } from "../strings/index.ts";
import type { WalletEngine } from "../wallet/engine.ts";
import { atLeast, sharesFor, type Position } from "./shares.ts";

type Tell = (step: Step) => void;

function bankrollOf({ contracts }: WalletEngine): Address {
  if (!contracts.bankroll) throw new Error(t.errors.noBankroll);
  return contracts.bankroll as Address;
}

/** What an address has in the bankroll, by the chain itself. */
export async function positionOf(wallet: WalletEngine, owner: Address): Promise<Position> {
  const bankroll = bankrollOf(wallet);
  const shares = await wallet.read(bankroll, bankrollAbi, "balanceOf", [owner]);
  const [worth, redeemable] = await Promise.all([
    wallet.read(bankroll, bankrollAbi, "previewRedeem", [shares]),
    wallet.read(bankroll, bankrollAbi, "maxRedeem", [owner]),
  ]);
  const now = await wallet.read(bankroll, bankrollAbi, "previewRedeem", [redeemable]);
  const micro = (units: bigint) => microOf(units, wallet.contracts.token.decimals);
  return { shares, redeemable, worthMicro: micro(worth), redeemableMicro: micro(now) };
}

/** Deposits after an approval of exactly this amount, for no fewer shares than now, less the slippage. */
export async function provide(wallet: WalletEngine, amountMicro: bigint, tell: Tell): Promise<void> {
  tell("checking");
  const owner = wallet.address;
  const token = wallet.contracts.token.address;
  if (!token) throw new Error(t.errors.noToken);
  const bankroll = bankrollOf(wallet);
  const units = tokenUnits(amountMicro, wallet.contracts.token.decimals);
  const held = await holdings(wallet, owner);
  if (held.tokensMicro < amountMicro) throw new TokensMissing(amountMicro - held.tokensMicro);
  await checkCoins(wallet);
  const allowed = await wallet.read(token, testTokenAbi, "allowance", [owner, bankroll]);
  const mining = () => tell("mining");
  tell("sending");
  const approve = { address: token, abi: testTokenAbi, functionName: "approve", args: [bankroll, units] };
  const shares = await wallet.read(bankroll, bankrollAbi, "previewDeposit", [units]);
  const deposit = { address: bankroll, abi: bankrollAbi, functionName: "deposit", args: [units, owner, atLeast(shares)] };
  await wallet.writeAll(allowed < units ? [approve, deposit] : [deposit], mining);
}

/** Redeems shares for this amount, and for no less than it, less the slippage: whatever has happened
 * since it was typed. */
export async function redeem(wallet: WalletEngine, amountMicro: bigint, tell: Tell): Promise<void> {
  tell("checking");
  const owner = wallet.address;
  const bankroll = bankrollOf(wallet);
  await checkCoins(wallet);
  const shares = sharesFor(amountMicro, await positionOf(wallet, owner));
  const least = atLeast(tokenUnits(amountMicro, wallet.contracts.token.decimals));
  tell("sending");
  await wallet.write(bankroll, bankrollAbi, "redeem", [shares, owner, owner, least], () => tell("mining"));
}
