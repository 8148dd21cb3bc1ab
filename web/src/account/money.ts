/** Moves money in and out, through the wallet. Loaded with it. */

import { parseSignature, type Address, type Hex } from "viem";

import { answered, api, type Account, type Schemas } from "../api/client.ts";
import { sportsbookAbi, testTokenAbi } from "../generated/abi.ts";
import { accountOf } from "../session/account.ts";
import { tokenMessage } from "../relays/choice.ts";
import { tokenTransfer } from "../relays/token_transfer.ts";
import { microOf, tokenUnits } from "../slip/amounts.ts";
import { t } from "../strings/index.ts";
import type { WalletEngine } from "../wallet/engine.ts";

const SIGNED_S = 1_200n;
const WITHDRAWAL_S = 300;
const FAUCET_TOKENS = 1_000n;

export type Step = "checking" | "signing" | "relaying" | "sending" | "mining" | "counting";
type Tell = (step: Step) => void;

/** The wallet has fewer tokens than the amount; `missingMicro` of them. */
export class TokensMissing extends Error {
  override name = "TokensMissing";
  constructor(readonly missingMicro: bigint) {
    super();
  }
}

/** The wallet has no coins, which the transaction's gas costs. */
export class CoinsMissing extends Error {
  override name = "CoinsMissing";
}

export interface Holdings {
  tokensMicro: bigint;
  coinsWei: bigint;
}

function tokenOf({ contracts }: WalletEngine): Address {
  if (!contracts.token.address) throw new Error(t.errors.noToken);
  return contracts.token.address as Address;
}

export async function holdings(wallet: WalletEngine, owner: Address): Promise<Holdings> {
  const reader = await wallet.reader();
  const [units, coinsWei] = await Promise.all([
    wallet.read(tokenOf(wallet), testTokenAbi, "balanceOf", [owner]),
    reader.getBalance({ address: owner }),
  ]);
  return { tokensMicro: microOf(units, wallet.contracts.token.decimals), coinsWei };
}

/** Throws CoinsMissing for a wallet that cannot pay for gas. That of a contract is paid by whoever sends for it. */
export async function checkCoins(wallet: WalletEngine): Promise<void> {
  const { coinsWei } = await holdings(wallet, wallet.address);
  if (coinsWei === 0n && !(await wallet.isContract(wallet.address))) throw new CoinsMissing();
}

/** Test tokens and coins from the local chain. */
export async function takeTestTokens(wallet: WalletEngine): Promise<void> {
  const url = wallet.contracts.rpc_url;
  if (!url) throw new Error(t.errors.noFaucet);
  const { faucet } = await import("../wallet/demo.ts");
  const units = FAUCET_TOKENS * 10n ** BigInt(wallet.contracts.token.decimals);
  await wallet.mined(await faucet(url, wallet.chain, tokenOf(wallet), wallet.address, units));
}

/**
 * Deposits with one signature and one transaction; with an approval first where the token takes neither
 * permits nor authorizations, or the wallet cannot sign them. Resolves once the API counts the deposit.
 */
export async function deposit(wallet: WalletEngine, amountMicro: bigint, tell: Tell): Promise<void> {
  tell("checking");
  const owner = wallet.address;
  const { contracts } = wallet;
  const units = tokenUnits(amountMicro, contracts.token.decimals);
  const held = await holdings(wallet, owner);
  if (held.tokensMicro < amountMicro) throw new TokensMissing(amountMicro - held.tokensMicro);
  await checkCoins(wallet);
  const before = await balanceOf(wallet, owner);
  const token = tokenOf(wallet);
  const typed = await answered(api.GET("/v1/typed-data"));
  const name = tokenMessage(typed);
  const set = name === null ? undefined : typed.messages[name];
  const mining = () => tell("mining");
  // A contract cannot sign for its tokens. A wallet that sends calls as one asks once, and not twice.
  if (set === undefined || (await wallet.isContract(owner)) || (await wallet.offersBatches())) {
    const spender = contracts.sportsbook as Address;
    const allowed = await wallet.read(token, testTokenAbi, "allowance", [owner, spender]);
    const approve = { address: token, abi: testTokenAbi, functionName: "approve", args: [spender, units] };
    const pay = { address: spender, abi: sportsbookAbi, functionName: "deposit", args: [amountMicro] };
    tell("sending");
    await wallet.writeAll(allowed < units ? [approve, pay] : [pay], mining);
  } else {
    const reader = await wallet.reader();
    const deadline = (await reader.getBlock()).timestamp + SIGNED_S;
    const { message, salt } = await tokenTransfer(wallet, set, units, Number(deadline));
    tell("signing");
    const { r, s, v, yParity } = parseSignature(await wallet.sign(set, message));
    const signature = [Number(v ?? BigInt(yParity + 27)), r, s] as const;
    tell("sending");
    if (salt === undefined) {
      const args = [owner, amountMicro, deadline, ...signature] as const;
      await wallet.write(contracts.sportsbook, sportsbookAbi, "depositWithPermit", args, mining);
    } else {
      const args = [owner, amountMicro, 0n, 0n, deadline, salt, ...signature] as const;
      await wallet.write(contracts.sportsbook, sportsbookAbi, "depositWithAuthorization", args, mining);
    }
  }
  tell("counting");
  const after = before + amountMicro;
  await until(async () => (await balanceOf(wallet, owner)) >= after);
  await until(async () => (await accountOf(owner)) !== null);
}

/** The account's balance on the chain. */
async function balanceOf(wallet: WalletEngine, owner: Address): Promise<bigint> {
  const account = await wallet.read(wallet.contracts.sportsbook, sportsbookAbi, "accountOf", [owner]);
  if (account === 0) return 0n;
  const [, balance] = await wallet.read(wallet.contracts.sportsbook, sportsbookAbi, "accountAt", [account]);
  return balance;
}

export type Granted = Schemas["WithdrawalPublic"];

/** Withdraws at once: the owner signs, the house countersigns, the owner's wallet sends it. */
export async function withdraw(wallet: WalletEngine, account: Account, amountMicro: bigint, tell: Tell): Promise<void> {
  tell("checking");
  await checkCoins(wallet);
  const typed = await answered(api.GET("/v1/typed-data"));
  const set = typed.messages["Withdrawal"];
  if (set === undefined || typed.now_s === null || account.withdrawal_sequence === null) {
    throw new Error(t.errors.notReady);
  }
  const message = {
    account: account.account,
    amountMicro: String(amountMicro),
    deadline: typed.now_s + WITHDRAWAL_S,
    sequence: account.withdrawal_sequence,
  };
  tell("signing");
  const signature = await wallet.sign(set, message);
  const granted = await answered(
    api.POST("/v1/withdrawals", {
      body: {
        account: message.account,
        amount_micro: message.amountMicro,
        deadline_s: message.deadline,
        sequence: message.sequence,
        signature,
      },
    }),
  );
  await collect(wallet, granted, tell);
}

/** Sends a withdrawal that the house has countersigned. */
export async function collect(wallet: WalletEngine, granted: Granted, tell: Tell): Promise<void> {
  tell("sending");
  await wallet.write(
    wallet.contracts.sportsbook,
    sportsbookAbi,
    "withdrawGranted",
    [{ r: granted.r as Hex, vs: granted.vs as Hex }, BigInt(granted.word)],
    () => tell("mining"),
  );
  tell("counting");
  await until(async () => {
    const path = { withdrawal_hash: granted.withdrawal_hash };
    const shown = await answered(api.GET("/v1/withdrawals/{withdrawal_hash}", { params: { path } }));
    return shown.status === "paid";
  });
}

export interface Exit {
  amountMicro: bigint;
  unlocksAtS: number;
  nowS: number;
}

/** The exit that was requested, if any, and the chain's time. */
export async function exitOf(wallet: WalletEngine, account: number): Promise<Exit | null> {
  const [amountMicro, unlocksAt] = await wallet.read(wallet.contracts.sportsbook, sportsbookAbi, "exitOf", [account]);
  if (amountMicro === 0n) return null;
  const { timestamp } = await (await wallet.reader()).getBlock();
  return { amountMicro, unlocksAtS: Number(unlocksAt), nowS: Number(timestamp) };
}

/** Asks for a withdrawal that needs nobody's consent; 0 cancels it. */
export async function requestExit(wallet: WalletEngine, amountMicro: bigint): Promise<void> {
  await wallet.write(wallet.contracts.sportsbook, sportsbookAbi, "requestExit", [amountMicro]);
}

export async function finishExit(wallet: WalletEngine): Promise<void> {
  await wallet.write(wallet.contracts.sportsbook, sportsbookAbi, "exit", []);
}

async function until(check: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (await check().catch(() => false)) return;
    await new Promise((wake) => setTimeout(wake, 300));
  }
  throw new Error(t.errors.slow);
}
