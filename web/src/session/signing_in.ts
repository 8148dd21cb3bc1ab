/** Signs in with the wallet (EIP-4361). Loaded with the wallet. */

import type { Address } from "viem";
import { createSiweMessage } from "viem/siwe";

import { answered, api, type Schemas } from "../api/client.ts";
import { stopped } from "../app/waiting.ts";
import { engine } from "../wallet/state.ts";

/** A new session of the wallet's address, whose token is in a cookie. */
export async function openedSession(signal: AbortSignal): Promise<Schemas["SessionOpened"]> {
  const wallet = await engine();
  const given = await answered(api.POST("/v1/sessions/nonce"));
  const message = signInText(given, wallet.address);
  const signature = await Promise.race([wallet.signText(message), stopped(signal)]);
  return answered(api.POST("/v1/sessions", { body: { message, signature, transport: "cookie" } }));
}

/** The text that is signed. Its times are the server's: this device's clock may be wrong. */
export function signInText({ nonce, message }: Schemas["NoncePublic"], address: Address): string {
  return createSiweMessage({
    address,
    nonce,
    domain: message.domain,
    uri: message.uri,
    version: message.version,
    chainId: message.chain_id,
    statement: message.statement,
    issuedAt: new Date(message.issued_at),
    expirationTime: new Date(message.expiration_time),
  });
}
