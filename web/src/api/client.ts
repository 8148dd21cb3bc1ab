/** Asks the API. Every path, body and answer has the type of the OpenAPI document. */

import createClient from "openapi-fetch";

import type { components, paths } from "../../../clients/typescript/src/generated/api.ts";
import { t } from "../strings/index.ts";

export type Schemas = components["schemas"];
/** A fixture without the odds of its markets, which the stream has. */
export type Fixture = Omit<Schemas["FixturePublic"], "markets"> & {
  markets: Pick<Schemas["MarketPublic"], "id" | "status">[];
};
export type Contracts = Schemas["ContractsPublic"];
export type TypedData = Schemas["TypedDataPublic"];
export type Account = Schemas["AccountPublic"];
export type SlipCreate = Schemas["SlipCreate"];
export type SlipAccepted = Schemas["SlipAccepted"];
export type Slip = Schemas["SlipPublic"];
export type Bet = Schemas["BetPublic"];

const ANSWER_MS = 15_000;

export const api = createClient<paths>({
  baseUrl: globalThis.location?.origin ?? "",
  fetch: (request) => fetch(request, { signal: AbortSignal.timeout(ANSWER_MS) }),
});

/** The API's refusal (RFC 9457): a stable code, a sentence, and figures beside it. */
export class Refusal extends Error {
  readonly code: string;
  readonly status: number;
  readonly members: Readonly<Record<string, unknown>>;

  constructor(status: number, body: unknown) {
    const members = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
    const said = members["detail"] ?? members["title"];
    super(typeof said === "string" ? said : t.errors.status(status));
    this.name = "Refusal";
    this.status = status;
    this.code = typeof members["code"] === "string" ? members["code"] : `status-${status}`;
    this.members = members;
  }
}

/** The server did not answer; the request may have arrived all the same. */
export class Unreachable extends Error {
  constructor() {
    super(t.errors.unreachable);
    this.name = "Unreachable";
  }
}

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of an answer. Throws Refusal or Unreachable. */
export async function answered<T>(asked: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await asked;
  } catch {
    throw new Unreachable();
  }
  const { ok, status } = answer.response;
  // An answer without content has no data.
  if (ok && (answer.data !== undefined || status === 204)) return answer.data as T;
  throw new Refusal(status, answer.error);
}

/** Whether the same request can succeed later as it is. */
export function mayPass(error: unknown): boolean {
  if (error instanceof Unreachable) return true;
  return error instanceof Refusal && (error.status >= 500 || error.status === 429);
}

/** Address of the live stream on the page's own host; with a ticket it also carries an owner's account. */
export function streamUrl({ protocol, host }: { protocol: string; host: string }, ticket?: string): string {
  const url = `${protocol === "https:" ? "wss:" : "ws:"}//${host}/v1/stream`;
  return ticket === undefined ? url : `${url}?ticket=${ticket}`;
}
