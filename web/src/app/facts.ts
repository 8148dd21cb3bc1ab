/** Says what this deployment is: contract, chain, signing domain, limits. Pure. */

import type { TypedData } from "../api/client.ts";
import { formatMicro } from "../odds/format.ts";
import { t } from "../strings/index.ts";
import { LOCAL_CHAINS } from "../wallet/chains.ts";

interface Row {
  name: string;
  value: string;
  isCode?: boolean;
}

/** Rows of name and value: contract, chain, signing domain, limits. */
export function rowsOf({ domain, limits }: Pick<TypedData, "domain" | "limits">, unit: string): Row[] {
  const chain = LOCAL_CHAINS.includes(domain.chainId) ? `${domain.chainId}, ${t.facts.local}` : String(domain.chainId);
  return [
    { name: t.facts.contract, value: domain.verifyingContract, isCode: true },
    { name: t.facts.chain, value: chain },
    { name: t.facts.signedFor, value: `${domain.name} ${domain.version}` },
    ...Object.entries(limits).map(([key, value]) => ({
      name: t.facts.limits[key] ?? key,
      value: limit(key, value, unit),
    })),
  ];
}

/** A limit by its unit, which stands last in its key. */
function limit(key: string, value: string | number, unit: string): string {
  if (key.endsWith("_micro")) return `${formatMicro(String(value))} ${unit}`.trim();
  if (key.endsWith("_s")) return lasting(Number(value));
  return String(value);
}

export function lasting(seconds: number): string {
  if (seconds % 86400 === 0 && seconds > 0) return `${seconds / 86400} ${t.units.days}`;
  if (seconds % 3600 === 0 && seconds > 0) return `${seconds / 3600} ${t.units.hours}`;
  if (seconds % 60 === 0 && seconds > 0) return `${seconds / 60} ${t.units.minutes}`;
  return `${seconds} ${t.units.seconds}`;
}
