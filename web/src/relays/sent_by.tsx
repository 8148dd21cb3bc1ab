/** The choice of who sends what the visitor signs. */

import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";

import { typedDataQuery } from "../api/queries.ts";
import { useUnit } from "../app/hooks.ts";
import { keep, kept } from "../app/storage.ts";
import { formatMicro } from "../odds/format.ts";
import { t } from "../strings/index.ts";
import { useIsContract } from "../wallet/contract_wallet.ts";
import { isOffered, leastMicro, senderOf, type Sender, type Sent } from "./choice.ts";

const KEY = "fairline:sent-by";
const SENDERS: readonly Sender[] = ["house", "wallet"];

/** Who sends it, and the choice where there is one. */
export function useSentBy(what: Sent, amountMicro?: bigint) {
  const { data: typed } = useQuery(typedDataQuery);
  const [wanted, setWanted] = useState<Sender>(() => (kept<Sender>(KEY) === "wallet" ? "wallet" : "house"));
  // It has no signature of a key, and the house would have to believe what the contract says.
  const isContract = useIsContract();
  const choose = (sender: Sender) => {
    setWanted(sender);
    keep(KEY, sender);
  };
  return {
    sender: isContract ? ("wallet" as const) : senderOf(typed, what, amountMicro, wanted),
    isOffered: !isContract && isOffered(typed, what),
    leastMicro: leastMicro(typed, what, amountMicro),
    choose,
  };
}

export function SentBy({ choice, isLocked }: { choice: ReturnType<typeof useSentBy>; isLocked: boolean }) {
  const name = useId();
  const unit = useUnit();
  if (!choice.isOffered) return null;
  const { sender } = choice;
  return (
    <fieldset className="mode sent-by" disabled={isLocked}>
      <legend className="hidden">{t.relays.who}</legend>
      {SENDERS.map((one) => (
        <label key={one} data-on={sender === one}>
          <input
            type="radio"
            name={name}
            checked={sender === one}
            disabled={one === "house" && choice.leastMicro !== null}
            onChange={() => choice.choose(one)}
          />
          {t.relays.by[one]}
        </label>
      ))}
      <p className="muted small">
        {choice.leastMicro !== null ? t.relays.least(`${formatMicro(choice.leastMicro, 2)} ${unit}`) : t.relays.notes[sender]}
      </p>
    </fieldset>
  );
}
