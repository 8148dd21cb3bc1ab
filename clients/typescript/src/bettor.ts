/** Signs slips with a key, submits each until there is an answer, and follows it. */

import { createWalletClient, hashStruct, http, toFunctionSelector, type Hex, type LocalAccount } from "viem";

import type { components } from "./generated/api.ts";
import { legOf, SLIP_TYPES, slipBody, type Pick, type SignedSlip } from "./messages.ts";
import { checkReceipt, type Receipt } from "./receipts.ts";
import { HouseDiffers, NoAnswer, Refused, type Sportsbook } from "./sportsbook.ts";

type Schemas = components["schemas"];

/** How long a slip may be signed ahead of the chain's time, at most what the house accepts. */
const DEADLINE_S = 60;
const RETRY_MS = 500;
/** A refusal that says nothing about the slip: it may be accepted at the next try. */
const AGAIN = ["rate-limited"];

/** What a receipt lets its holder send, and nothing else: the API chooses the call data. */
const ENFORCING = [
  "function enforce(bytes batch, (bytes32 r, bytes32 vs) receipt)",
  "function enforceInstead((uint256 batch, uint256 first, bytes markets, bytes records, bytes32[] proof) run, bytes batch, (bytes32 r, bytes32 vs) receipt)",
].map((signature) => toFunctionSelector(signature));

/** There was no answer before the deadline of the slip. `Bettor.find(signed.hash)` says later whether
 * it was accepted. */
export class Unanswered extends Error {
  override name = "Unanswered";

  constructor(
    readonly signed: SignedSlip,
    last: Error,
  ) {
    super(`no answer before the deadline of the slip; last: ${last.message}`, { cause: last });
  }
}

/** The bet is not on the chain in time. */
export class NotPlaced extends Error {
  override name = "NotPlaced";
}

/** A slip that the house has accepted, and its receipt. Keep both. */
export interface AcceptedBet extends SignedSlip {
  id: string;
  receipt: Receipt;
  payoutMaxMicro: bigint;
}

export interface BetTerms {
  picks: readonly Pick[];
  stakeMicro: bigint;
  /** Least odds of all picks together, decimal odds x 10^4. */
  minOddsE4: number;
  /** Unix time in seconds; a minute from now if left out. */
  deadlineS?: number;
}

/** The owner of an account. */
export class Bettor {
  private nextNonce = 0;

  private constructor(
    readonly sportsbook: Sportsbook,
    readonly owner: LocalAccount,
    readonly account: number,
  ) {}

  /** Throws HouseDiffers when the owner has no account in the contract. */
  static async of(sportsbook: Sportsbook, owner: LocalAccount): Promise<Bettor> {
    const account = await sportsbook.accountOf(owner.address);
    if (account === 0) throw new HouseDiffers(`${owner.address} has no account yet: deposit first`);
    return new Bettor(sportsbook, owner, account);
  }

  /**
   * Signs a slip, submits it, and checks its receipt. Throws Refused when the house refuses it,
   * ReceiptInvalid when the receipt does not commit the house, and Unanswered.
   */
  async bet(terms: BetTerms): Promise<AcceptedBet> {
    const nowS = await this.sportsbook.nowS();
    const signed = await this.sign(terms, terms.deadlineS ?? nowS + DEADLINE_S);
    const answer = await this.submit(signed, terms.picks, signed.slip.deadline - nowS);
    await checkReceipt(this.sportsbook, answer.receipt, signed, nowS);
    return { ...signed, id: answer.id, receipt: answer.receipt, payoutMaxMicro: BigInt(answer.payout_max_micro) };
  }

  /** The accepted slip with this hash; undefined when the house has accepted none. */
  async find(hash: Hex): Promise<Schemas["SlipPublic"] | undefined> {
    try {
      return await this.sportsbook.get(`/v1/slips/by-hash/${hash}`);
    } catch (error) {
      if (error instanceof Refused && error.status === 404) return undefined;
      throw error;
    }
  }

  /** Where a bet is now. */
  async status({ id }: Readonly<{ id: string }>): Promise<Schemas["SlipPublic"]> {
    return this.sportsbook.get(`/v1/slips/${id}`);
  }

  /** Waits until the bet is on the chain. Throws NotPlaced after so long, or when the contract has
   * left it out: `enforce` may then place it. */
  async waitPlaced(bet: AcceptedBet, timeoutMs: number): Promise<Schemas["SlipPublic"]> {
    const until = performance.now() + timeoutMs;
    for (;;) {
      const found = await this.status(bet);
      if (found.status === "placed") return found;
      if (found.status === "refused" || found.status === "expired" || performance.now() > until) {
        throw new NotPlaced(`the bet is ${found.status}: ${found.reason ?? "waiting"}`);
      }
      await passed(RETRY_MS);
    }
  }

  /** Places the bet by its receipt, with a transaction of this key. Resolves with its hash. Throws
   * NotPlaced when it reverts, as when the operator was faster. */
  async enforce(bet: AcceptedBet): Promise<Hex> {
    const { node, address } = this.sportsbook;
    const call = await this.sportsbook.get<Schemas["EnforcementPublic"]>(`/v1/slips/${bet.id}/enforcement`);
    if (call.to.toLowerCase() !== address.toLowerCase()) {
      throw new HouseDiffers(`the API names ${call.to} to send the transaction to`);
    }
    if (!ENFORCING.includes(call.data.slice(0, 10) as Hex)) {
      throw new HouseDiffers(`the API wants ${call.data.slice(0, 10)} to be called, which does not enforce`);
    }
    const wallet = createWalletClient({ account: this.owner, transport: http(node.transport["url"]) });
    const sent = await wallet.sendTransaction({ chain: null, to: address, data: call.data as Hex });
    const { status } = await node.waitForTransactionReceipt({ hash: sent, pollingInterval: RETRY_MS });
    if (status !== "success") throw new NotPlaced(`transaction ${sent} reverted`);
    return sent;
  }

  private async sign({ picks, stakeMicro, minOddsE4 }: BetTerms, deadline: number): Promise<SignedSlip> {
    const legs = picks.map(legOf);
    const slip = { account: this.account, stakeMicro, minOddsE4, nonce: await this.takeNonce(), deadline, legs };
    const typed = { types: SLIP_TYPES, primaryType: "Slip" as const };
    const signature = await this.owner.signTypedData({ ...typed, domain: this.sportsbook.domain, message: slip });
    return { slip, signature, hash: hashStruct({ ...typed, data: slip }) };
  }

  /** The lowest nonce above all that were used, also by other programs of this account. Throws
   * HouseDiffers when the API names one that the contract does not accept. */
  private async takeNonce(): Promise<number> {
    const named = await this.sportsbook.get<Schemas["AccountPublic"]>(`/v1/accounts/${this.account}`);
    const nonce = Math.max(named.next_nonce, this.nextNonce);
    this.nextNonce = nonce + 1;
    if (await this.sportsbook.isUsable(this.account, nonce)) return nonce;
    throw new HouseDiffers(`nonce ${nonce} of account ${this.account} is used, by the contract`);
  }

  /** The same slip, however often, bets once. */
  private async submit(signed: SignedSlip, picks: readonly Pick[], forS: number): Promise<Schemas["SlipAccepted"]> {
    const until = performance.now() + forS * 1000;
    for (;;) {
      let wait = RETRY_MS;
      let last: Error;
      try {
        return await this.sportsbook.post("/v1/slips", slipBody(signed, picks));
      } catch (error) {
        if (!(error instanceof NoAnswer || error instanceof Refused)) throw error;
        // A server that failed may have accepted it.
        if (error instanceof Refused && error.status < 500 && !AGAIN.includes(error.code)) throw error;
        if (error instanceof Refused && error.retryAfterS !== undefined) wait = error.retryAfterS * 1000;
        last = error;
      }
      if (performance.now() + wait > until) throw new Unanswered(signed, last);
      await passed(wait);
    }
  }
}

function passed(ms: number): Promise<void> {
  return new Promise((wake) => setTimeout(wake, ms));
}
