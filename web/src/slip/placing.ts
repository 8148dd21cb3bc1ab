/** Signs slips and submits them, one at a time. */

import { answered, api, type TypedData } from "../api/client.ts";
import { queryClient, typedDataQuery } from "../api/queries.ts";
import { accountOf } from "../session/account.ts";
import { stopped } from "../app/waiting.ts";
import { engine } from "../wallet/state.ts";
import { change, freeNonce, note, submit, type Kept } from "./journal.ts";
import { slipBody, slipMessage, wordsOf, type SlipLeg, type Word } from "./message.ts";

// Long enough for a wallet's window to be read.
const DEADLINE_S = 110;

/** The codes of refusals that are about one slip alone, and not about the account or the house. */
export const OWN_REFUSALS = [
  "odds-moved",
  "market-closed",
  "market-started",
  "market-unknown",
  "payout-too-large",
  "stake-too-small",
  "stake-too-large",
  "exposure-exceeded",
];

export interface Wanted {
  stakeMicro: bigint;
  minOddsE4: bigint;
  legs: readonly SlipLeg[];
  titles: readonly string[];
}

/** The owner of the wallet has no account, since nothing was deposited. */
export class NoAccount extends Error {
  override name = "NoAccount";
}

/**
 * Has the wallet sign a slip, keeps it, and submits it. `asking` is told what the wallet shows.
 * Resolves with the slip once its answer is known.
 */
export async function placeSlip(
  wanted: Wanted,
  asking: (words: Word[]) => void,
  signal: AbortSignal,
): Promise<Kept | undefined> {
  const wallet = await engine();
  const owner = wallet.address.toLowerCase();
  // Two tabs must not take the same nonce for two slips.
  const signed = await navigator.locks.request(`fairline:sign:${owner}`, async () => {
    const askedMs = Date.now();
    const [account, typed] = await Promise.all([accountOf(owner), currentTypedData()]);
    if (account === null) throw new NoAccount();
    const set = typed.messages["Slip"];
    if (set === undefined || typed.now_s === null) throw new NoAccount();
    const terms = {
      account: account.account,
      stakeMicro: wanted.stakeMicro,
      minOddsE4: wanted.minOddsE4,
      nonce: freeNonce(account.account, owner, account.next_nonce),
      deadlineS: typed.now_s + Math.min(DEADLINE_S, typed.limits.max_deadline_s),
      legs: wanted.legs,
    };
    const message = slipMessage(terms);
    asking(wordsOf(set.types, set.primaryType, message));
    // What a wallet signs after the visitor stopped waiting is not sent.
    const signature = await Promise.race([wallet.sign(set, message), stopped(signal)]);
    const { hashSlip } = await import("./receipts.ts");
    const slip: Kept = {
      hash: hashSlip(set, message),
      owner,
      body: slipBody(terms, signature),
      message,
      titles: wanted.titles,
      signedAtS: typed.now_s + Math.round((Date.now() - askedMs) / 1000),
      state: "signed",
    };
    note(slip);
    return slip;
  });
  const answer = await submit(signed.hash);
  if (answer?.answer) void verify(answer);
  return answer;
}

/** Checks a kept receipt against the house's key, in the browser. */
export async function verify(slip: Kept): Promise<boolean> {
  if (slip.answer === undefined) return false;
  const typed = await queryClient.ensureQueryData(typedDataQuery);
  const { isReceiptOf } = await import("./receipts.ts");
  const verified = await isReceiptOf(typed, slip.hash, slip.answer.receipt);
  change(slip.hash, { verified });
  return verified;
}

function currentTypedData(): Promise<TypedData> {
  return answered(api.GET("/v1/typed-data"));
}
