/** Has the wallet sign an offer to cash out, and sends it. */

import { queryClient, typedDataQuery } from "../api/queries.ts";
import { stopped } from "../app/waiting.ts";
import { wordsOf, type Word } from "../slip/message.ts";
import { t } from "../strings/index.ts";
import { engine } from "../wallet/state.ts";
import { follow, note } from "./journal.ts";
import { cashOutMessage, type Offer } from "./offer.ts";

/** Resolves with the id once the wallet has signed. `asking` is told what the wallet shows. */
export async function signCashOut(
  offer: Offer,
  titles: readonly string[],
  asking: (words: Word[]) => void,
  signal: AbortSignal,
): Promise<string> {
  const wallet = await engine();
  const set = (await queryClient.ensureQueryData(typedDataQuery)).messages["CashOut"];
  if (set === undefined) throw new Error(t.errors.notReady);
  const message = cashOutMessage(offer);
  asking(wordsOf(set.types, set.primaryType, message));
  // What a wallet signs after the visitor stopped waiting is not sent.
  const signature = await Promise.race([wallet.sign(set, message), stopped(signal)]);
  note({
    id: offer.id,
    owner: wallet.address,
    bet: `${offer.batch}:${offer.bet}`,
    stakeMicro: offer.stake_micro,
    priceMicro: offer.price_micro,
    restMicro: offer.rest_micro,
    titles,
    signature,
    state: "signed",
  });
  void follow(offer.id);
  return offer.id;
}
