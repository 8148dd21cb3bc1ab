/** Says in one sentence what went wrong, which thing is missing, and what mends it. */

import { Refusal, Unreachable } from "../api/client.ts";
import { formatEnd, formatMicro, formatMoment } from "../odds/format.ts";
import { t } from "../strings/index.ts";

export type Mend = "connect" | "switch" | "deposit" | "faucet" | "signIn" | "retry";

export interface Explained {
  text: string;
  mend?: Mend;
  /** The visitor decided so; it is no fault. */
  isChoice?: boolean;
}

const REJECTED = 4001;
const PENDING = -32002;

/** What the errors of a wallet, of viem and of the API come to. `unit` is the token's symbol. */
export function explain(error: unknown, unit: string): Explained {
  const chain = causes(error);
  const names = new Set(chain.map((one) => one.name));
  const codes = new Set(chain.map((one) => (one as { code?: unknown }).code));
  const amount = (micro: unknown) => `${formatMicro(BigInt(String(micro ?? 0)), 2)} ${unit}`;
  if (codes.has(REJECTED) || names.has("UserRejectedRequestError")) return { text: t.errors.rejected, isChoice: true };
  if (codes.has(PENDING)) return { text: t.errors.pendingWallet };
  if (names.has("NoWallet")) return { text: t.errors.noWallet, mend: "connect" };
  if (names.has("WrongChain") || names.has("ChainMismatchError")) return { text: t.errors.wrongChain, mend: "switch" };
  if (names.has("NoAccount")) return { text: t.errors.noAccount, mend: "deposit" };
  if (names.has("CoinsMissing") || names.has("InsufficientFundsError")) {
    return { text: t.errors.coinsMissing, mend: "faucet" };
  }
  const missing = chain.find((one) => one.name === "TokensMissing") as { missingMicro?: bigint } | undefined;
  if (missing) return { text: t.errors.tokensMissing(amount(missing.missingMicro)), mend: "faucet" };
  const refusal = chain.find((one) => one instanceof Refusal);
  if (refusal instanceof Refusal) return ofRefusal(refusal, amount);
  if (chain.some((one) => one instanceof Unreachable)) return { text: t.errors.unreachable, mend: "retry" };
  const reverted = chain.find((one) => one.name === "ContractFunctionRevertedError") as
    | { data?: { errorName?: string } }
    | undefined;
  const said = reverted?.data?.errorName ?? (chain[0] as { shortMessage?: string } | undefined)?.shortMessage;
  return { text: said ? t.errors.unknown(said) : chain[0]?.message || t.errors.unknown(String(error)) };
}

function ofRefusal({ code, message, members }: Refusal, amount: (micro: unknown) => string): Explained {
  if (code === "session-required") return { text: t.session.ended, mend: "signIn" };
  if (code === "sign-in-nonce-unknown" || code === "sign-in-message-refused") return { text: t.session.late, mend: "retry" };
  if (code === "sign-in-signature-invalid") return { text: t.session.otherAccount, mend: "retry" };
  if (code === "sign-in-unavailable" || code === "cross-site-request") return { text: t.session.unavailable };
  if (code === "account-unknown") return { text: t.errors.noAccount, mend: "deposit" };
  if (code === "balance-insufficient") {
    const lacking = BigInt(String(members["needed_micro"])) - BigInt(String(members["available_micro"]));
    return { text: t.errors.balanceMissing(amount(lacking), amount(members["available_micro"])), mend: "deposit" };
  }
  if (code === "stake-too-small") return { text: t.slip.least(amount(members["min_stake_micro"])) };
  if (code === "stake-too-large") return { text: t.slip.most(amount(members["max_stake_micro"])) };
  if (code === "payout-too-large") return { text: t.slip.mostPayout(amount(members["max_payout_micro"])) };
  const per = t.limits.per[members["period"] as keyof typeof t.limits.per];
  const [limit, left] = [amount(members["limit_micro"]), amount(members["left_micro"])];
  if (code === "stake-limit") return { text: t.limits.reached.stake(limit, per, left) };
  if (code === "loss-limit") return { text: t.limits.reached.loss(limit, per, left) };
  if (code === "timed-out") return { text: t.limits.timedOut(formatEnd(Number(members["time_out_until_s"]))) };
  if (code === "time-out-kept") return { text: t.limits.timeOutKept };
  if (code === "account-excluded") return { text: t.limits.excluded(formatEnd(Number(members["excluded_until_s"]))) };
  if (code === "cash-out-too-early") {
    return { text: t.cashOut.tooEarly(formatMoment(Number(members["open_from_s"]))), mend: "retry" };
  }
  if (code === "tokens-insufficient") {
    const lacking = BigInt(String(members["needed_micro"])) - BigInt(String(members["held_micro"]));
    return { text: t.errors.tokensMissing(amount(lacking)), mend: "faucet" };
  }
  if (code === "quote-too-large") return { text: t.direct.tooLarge(amount(members["max_micro"])) };
  const refused = t.relays.refused[code] ?? t.direct.refused[code];
  if (refused !== undefined) return { text: refused, mend: "retry" };
  if (code === "relay-reverts") return { text: t.relays.notSent(String(members["error"])) };
  if (code === "cash-out-budget") return { text: t.cashOut.budget };
  if (code === "cash-out-unavailable" || code === "odds-stale") return { text: message, mend: "retry" };
  return { text: message };
}

function causes(error: unknown): Error[] {
  const found: Error[] = [];
  for (let one = error; one instanceof Error && found.length < 10; one = one.cause) found.push(one);
  return found;
}
