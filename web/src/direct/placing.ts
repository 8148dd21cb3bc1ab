/** Asks the house for a quote, says what it costs to use it, and has the wallet send the bet. */

import type { Hex } from "viem";

import { checkCoins } from "../account/money.ts";
import { api, type Schemas } from "../api/client.ts";
import { typedDataQuery, queryClient } from "../api/queries.ts";
import { sportsbookAbi } from "../generated/abi.ts";
import { accountOf } from "../session/account.ts";
import { privately } from "../session/state.ts";
import { payoutDown, productDown } from "../slip/amounts.ts";
import { NoAccount, type Wanted } from "../slip/placing.ts";
import { freeNonce } from "../slip/journal.ts";
import { t } from "../strings/index.ts";
import { Reverted, type WalletEngine } from "../wallet/engine.ts";
import { engine } from "../wallet/state.ts";
import { quotedBatch } from "./call.ts";
import { change, note, openDirects } from "./journal.ts";

export interface Quoted {
  quote: Schemas["QuotePublic"];
  wanted: Wanted;
  owner: string;
  oddsE4: bigint;
  payoutMicro: bigint;
  /** What the gas costs at today's fee, in wei. */
  costWei: bigint;
  /** When the quote ends, by this page's clock. */
  endsAtMs: number;
}

type Args = readonly [Hex, { account: number; nonce: number; maxStake: bigint; deadline: number }, { r: Hex; vs: Hex }];

/** A quote for a bet of the connected wallet, which signs nothing yet. */
export async function askQuote(wanted: Wanted): Promise<Quoted> {
  const askedMs = performance.now();
  const wallet = await engine();
  const owner = wallet.address.toLowerCase();
  await checkCoins(wallet);
  const [account, typed] = await Promise.all([accountOf(owner), queryClient.ensureQueryData(typedDataQuery)]);
  if (account === null) throw new NoAccount();
  const body = {
    account: account.account,
    stake_micro: String(wanted.stakeMicro),
    min_odds_e4: Number(wanted.minOddsE4),
    nonce: freeNonce(account.account, owner, account.next_nonce),
    legs: wanted.legs.map(({ market, outcome }) => ({ market, outcome })),
  };
  const quote = await privately(api.POST("/v1/quotes", { body }));
  const oddsE4 = productDown(quote.odds_e4);
  const isAsked = quote.account === body.account && quote.nonce === body.nonce && BigInt(quote.max_stake_micro) === wanted.stakeMicro;
  if (!isAsked || oddsE4 < wanted.minOddsE4) throw new Error(t.direct.otherTerms);
  const args = argsOf(quote, wanted);
  const cost = await costOf(wallet, args);
  const lastsS = quote.deadline_s - quote.quoted_at_s;
  return {
    quote,
    wanted,
    owner,
    oddsE4,
    payoutMicro: payoutDown(wanted.stakeMicro, quote.odds_e4),
    costWei: cost,
    endsAtMs: askedMs + 1_000 * Math.min(lastsS, typed.quoting?.lasts_s ?? lastsS),
  };
}

function argsOf(quote: Quoted["quote"], wanted: Wanted): Args {
  const { account, nonce, deadline_s: deadline, odds_e4: oddsE4 } = quote;
  const batch = quotedBatch({ account, nonce, stakeMicro: wanted.stakeMicro, minOddsE4: wanted.minOddsE4, legs: wanted.legs, oddsE4 });
  return [batch, { account, nonce, maxStake: wanted.stakeMicro, deadline }, { r: quote.r as Hex, vs: quote.vs as Hex }];
}

/** Reverts with the contract's own error, before the visitor is asked for anything. */
async function costOf(wallet: WalletEngine, args: Args): Promise<bigint> {
  const reader = await wallet.reader();
  const call = { address: wallet.contracts.sportsbook as Hex, abi: sportsbookAbi, functionName: "placeQuoted", args, account: wallet.address } as const;
  const { estimateContractGas } = await import("viem/actions");
  const [gas, price] = await Promise.all([estimateContractGas(reader, call), reader.getGasPrice()]);
  return gas * price;
}

/** Has the wallet send a quoted bet. Resolves with whether it took effect, once it is mined. */
export async function sendQuoted({ quote, wanted, owner, payoutMicro }: Quoted, sent: () => void): Promise<void> {
  const wallet = await engine();
  if (wallet.address.toLowerCase() !== owner) throw new Error(t.direct.otherWallet);
  openDirects(wallet.contracts.chain_id, wallet.contracts.sportsbook);
  let mine = "";
  try {
    await wallet.write(wallet.contracts.sportsbook, sportsbookAbi, "placeQuoted", argsOf(quote, wanted), (hash) => {
      mine = hash;
      note({
        ...{ hash, owner, account: quote.account, nonce: quote.nonce, state: "sent", titles: wanted.titles },
        ...{ stakeMicro: quote.max_stake_micro, payoutMicro: String(payoutMicro) },
      });
      sent();
    });
    change(mine, { state: "mined" });
  } catch (error) {
    if (error instanceof Reverted) change(mine, { state: "failed" });
    else throw error;
  } finally {
    for (const queryKey of [["account"], ["bets"], ["holdings"]]) void queryClient.invalidateQueries({ queryKey });
  }
}

/** Finds out what became of a bet that an earlier page had sent. */
export async function followDirect(hash: string): Promise<void> {
  try {
    await (await engine()).mined(hash as Hex);
    change(hash, { state: "mined" });
  } catch (error) {
    // One that is not mined yet is looked at again by the next page.
    if (error instanceof Reverted) change(hash, { state: "failed" });
  }
}
