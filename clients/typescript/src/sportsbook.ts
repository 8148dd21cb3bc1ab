/** Speaks to a house: to its API, and to the contract by a node of your own. */

import { createPublicClient, getAddress, http, parseAbi, type Address, type PublicClient, type TypedDataDomain } from "viem";

import type { paths } from "./generated/api.ts";
import { domainOf, type Fixture } from "./messages.ts";

const VIEWS = parseAbi([
  "function accountOf(address) view returns (uint32)",
  "function isUsable(uint32, uint24) view returns (bool)",
  "function keyOf(address) view returns (uint8, uint40, uint40, uint64, uint64)",
  "function RECEIPT_WINDOW() view returns (uint40)",
]);
const ANSWER_MS = 10_000;

/** The API refused a request. `code` is that of its problem, and `retryAfterS` when to try again, if
 * it says so. */
export class Refused extends Error {
  override name = "Refused";
  readonly code: string;

  constructor(
    readonly status: number,
    readonly problem: Readonly<Record<string, unknown>>,
    readonly retryAfterS: number | undefined,
  ) {
    const code = typeof problem["code"] === "string" ? problem["code"] : String(status);
    super(`${code}: ${String(problem["detail"] ?? problem["title"] ?? "no reason was given")}`);
    this.code = code;
  }
}

/** The API did not answer. The request may have arrived all the same. */
export class NoAnswer extends Error {
  override name = "NoAnswer";
}

/** The API is not that of the contract, or says something else than the contract does. */
export class HouseDiffers extends Error {
  override name = "HouseDiffers";
}

export interface Key {
  role: number;
  fromS: number;
  untilS: number;
}

export interface SportsbookOptions {
  apiUrl: string;
  rpcUrl: string;
  /** Of the contract, from a source that you trust. */
  address: string;
  fetch?: typeof globalThis.fetch;
}

type AnswerOf<Path extends keyof paths> = paths[Path] extends {
  get: { responses: { 200: { content: { "application/json": infer Answer } } } };
}
  ? Answer
  : never;

/** The house of one contract. */
export class Sportsbook {
  readonly apiUrl: string;
  readonly address: Address;
  readonly domain: TypedDataDomain;
  private readonly fetch: typeof globalThis.fetch;

  private constructor(
    options: SportsbookOptions,
    readonly node: PublicClient,
    readonly chainId: number,
  ) {
    this.apiUrl = options.apiUrl.replace(/\/+$/, "");
    this.address = getAddress(options.address);
    this.domain = domainOf(chainId, this.address);
    this.fetch = options.fetch ?? globalThis.fetch;
  }

  /** Throws HouseDiffers when API and node are not of the contract, and NoAnswer. */
  static async connect(options: SportsbookOptions): Promise<Sportsbook> {
    const node = createPublicClient({ transport: http(options.rpcUrl, { timeout: ANSWER_MS }) });
    const house = new Sportsbook(options, node, await node.getChainId());
    const named = await house.get<AnswerOf<"/v1/contracts">>("/v1/contracts");
    if (named.chain_id !== house.chainId) {
      throw new HouseDiffers(`the API is of chain ${named.chain_id}, the node of ${house.chainId}`);
    }
    if (named.sportsbook.toLowerCase() !== house.address.toLowerCase()) {
      throw new HouseDiffers(`the API is of ${named.sportsbook}, not of ${house.address}`);
    }
    return house;
  }

  /** The answer to a GET. Throws Refused and NoAnswer. */
  async get<Answer>(path: string): Promise<Answer> {
    return this.asked<Answer>(path, {});
  }

  /** The answer to a POST. Throws Refused and NoAnswer. */
  async post<Answer>(path: string, body: unknown): Promise<Answer> {
    const headers = { "Content-Type": "application/json" };
    return this.asked<Answer>(path, { method: "POST", headers, body: JSON.stringify(body) });
  }

  /** The open fixtures with their markets and odds. */
  async fixtures(): Promise<Fixture[]> {
    return this.get("/v1/fixtures");
  }

  /** The number of an owner's account; 0 before the first deposit. */
  async accountOf(owner: Address): Promise<number> {
    return this.node.readContract({ ...this.contract, functionName: "accountOf", args: [owner] });
  }

  async isUsable(account: number, nonce: number): Promise<boolean> {
    return this.node.readContract({ ...this.contract, functionName: "isUsable", args: [account, nonce] });
  }

  async keyOf(signer: Address): Promise<Key> {
    const [role, fromS, untilS] = await this.node.readContract({ ...this.contract, functionName: "keyOf", args: [signer] });
    return { role, fromS, untilS };
  }

  /** How long a receipt is good after its time, in seconds. */
  async receiptWindowS(): Promise<number> {
    return this.node.readContract({ ...this.contract, functionName: "RECEIPT_WINDOW" });
  }

  /** The time of the newest block. */
  async nowS(): Promise<number> {
    return Number((await this.node.getBlock()).timestamp);
  }

  private get contract() {
    return { address: this.address, abi: VIEWS };
  }

  private async asked<Answer>(path: string, init: RequestInit): Promise<Answer> {
    let answer: Response;
    let text: string;
    try {
      answer = await this.fetch(this.apiUrl + path, { ...init, signal: AbortSignal.timeout(ANSWER_MS) });
      text = await answer.text();
    } catch (error) {
      throw new NoAnswer(`${this.apiUrl}${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
    if (answer.ok) return JSON.parse(text) as Answer;
    const after = answer.headers.get("Retry-After") ?? "";
    throw new Refused(answer.status, problemOf(text), /^\d+$/.test(after) ? Number(after) : undefined);
  }
}

function problemOf(text: string): Record<string, unknown> {
  try {
    const problem: unknown = JSON.parse(text);
    if (typeof problem === "object" && problem !== null) return problem as Record<string, unknown>;
  } catch {
    // A proxy answered, in words of its own.
  }
  return { detail: text.slice(0, 200) };
}
