/** The fields of a message that is signed, as wallets list them, and beside a raw value what it says. */

import { useQuery } from "@tanstack/react-query";

import { contractsQuery } from "../api/queries.ts";
import { usePreferences } from "../app/preferences.ts";
import type { Word } from "../slip/message.ts";
import { t } from "../strings/index.ts";
import { useWallet } from "../wallet/state.ts";
import { readingOf, type Known } from "./readings.ts";

/** `type` is the primary type of the message. */
export function Words({ words, type }: { words: readonly Word[]; type: string }) {
  const { data: contracts } = useQuery(contractsQuery);
  const { odds } = usePreferences();
  const { address } = useWallet();
  const known: Known = {
    unit: contracts?.token.symbol ?? "",
    decimals: contracts?.token.decimals ?? 0,
    odds,
    addresses: Object.fromEntries(
      [
        [address, t.words.you],
        [contracts?.sportsbook, t.words.sportsbook],
        [contracts?.bankroll, t.words.bankroll],
      ].flatMap(([one, name]) => (one && name ? [[one.toLowerCase(), name] as const] : [])),
    ),
  };
  return (
    <dl className="words">
      {words.map((word) => {
        const reading = readingOf(word, type, known);
        return (
          <div key={word.name} data-read={reading !== undefined}>
            <dt>{word.name}</dt>
            <dd>{word.value}</dd>
            {reading !== undefined && <dd className="reading">{reading}</dd>}
          </div>
        );
      })}
    </dl>
  );
}
