/** Formats the facts about this deployment for the page footer. Pure. */

import { formatMicro } from "./format.js";

const CHAINS = new Map([
  [1, "Ethereum"],
  [10, "OP Mainnet"],
  [137, "Polygon"],
  [1337, "local test chain"],
  [8453, "Base"],
  [31337, "local test chain"],
  [42161, "Arbitrum One"],
]);

/**
 * Rows of name and value from the API's typed data: chain, contract, signing domain, limits.
 *
 * @param {{domain?: object, limits?: object}} body
 * @returns {{name: string, value: string, code?: boolean}[]}
 */
export function chainFacts(body) {
  const domain = body.domain ?? {};
  const rows = [];
  const add = (name, value, code = false) => {
    if (value !== undefined && value !== null) rows.push({ name, value: String(value), code });
  };
  add("Sportsbook contract", domain.verifyingContract, true);
  if (domain.chainId !== undefined) {
    const name = CHAINS.get(Number(domain.chainId));
    add("Chain", name ? `${domain.chainId}, ${name}` : domain.chainId);
  }
  if (domain.name !== undefined) add("Bets are signed for", `${domain.name} ${domain.version ?? ""}`.trim());
  for (const [key, value] of Object.entries(body.limits ?? {})) {
    if (typeof value !== "object") add(...limit(key, value));
  }
  return rows;
}

/** A limit's key, whose unit stands last, as words: stake_max_micro is "Stake max". */
function limit(key, value) {
  const words = (text) => {
    const spaced = text.replaceAll("_", " ");
    return spaced[0].toUpperCase() + spaced.slice(1);
  };
  if (key.endsWith("_micro")) return [words(key.slice(0, -6)), `${formatMicro(String(value))} tokens`];
  if (key.endsWith("_s")) return [words(key.slice(0, -2)), seconds(Number(value))];
  if (key.endsWith("_e4")) return [words(key.slice(0, -3)), String(Number(value) / 10000)];
  return [words(key), String(value)];
}

function seconds(value) {
  if (value % 86400 === 0 && value > 0) return `${value / 86400} days`;
  if (value % 3600 === 0 && value > 0) return `${value / 3600} h`;
  if (value % 60 === 0 && value > 0) return `${value / 60} min`;
  return `${value} s`;
}
