/** Reads the raw values of what is signed as words: amounts, odds, times, lines, addresses. Pure. */

import { formatEnd, formatMicro, formatOdds, type OddsFormat } from "../odds/format.ts";
import { goals } from "../odds/market.ts";
import { microOf } from "../slip/amounts.ts";
import type { Word } from "../slip/message.ts";
import { t } from "../strings/index.ts";

export interface Known {
  unit: string;
  decimals: number;
  odds: OddsFormat;
  /** What known addresses are, by themselves in lower case. */
  addresses: Readonly<Record<string, string>>;
}

const TIMES = ["deadline", "startsAt", "acceptedAt", "offeredAt", "validBefore"];

/** What a value says beside itself; undefined for one that needs no words. `type` is the primary type, whose
 * fields alone say what `value` counts. */
export function readingOf({ name, value }: Word, type: string, known: Known): string | undefined {
  // "legs 1 · oddsE4 2" is a field oddsE4.
  const field = name.split(" · ").at(-1)?.split(" ")[0] ?? "";
  if (field.endsWith("Micro")) return `${formatMicro(value, 2)} ${known.unit}`;
  if (/oddsE4$/i.test(field)) return formatOdds(Number(value), known.odds);
  if (TIMES.includes(field)) return formatEnd(Number(value));
  if (field === "lineQuarters") return value === "0" ? t.words.noLine : t.words.line(goals(Number(value)));
  if (field === "inPlay") return value === "true" ? t.words.inPlay : t.words.beforeStart;
  if (field === "value" && ["Permit", "ReceiveWithAuthorization"].includes(type)) {
    return `${formatMicro(microOf(BigInt(value), known.decimals), 2)} ${known.unit}`;
  }
  return known.addresses[value.toLowerCase()];
}
