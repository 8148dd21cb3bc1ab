/** Submits what the wallet signed to the house, which sends it, and follows it to the chain. Loaded with the wallet. */

import type { Step } from "../account/money.ts";
import { holdings, TokensMissing } from "../account/money.ts";
import { answered, api, mayPass, Refusal, type Account, type Schemas } from "../api/client.ts";
import { queryClient } from "../api/queries.ts";
import { own } from "../session/own.ts";
import { tokenUnits } from "../slip/amounts.ts";
import { t } from "../strings/index.ts";
import type { WalletEngine } from "../wallet/engine.ts";
import { tokenMessage } from "./choice.ts";
import { tokenTransfer } from "./token_transfer.ts";

export type Relay = Schemas["RelayPublic"];
type Action = Schemas["RequestCreate"]["action"];
type Tell = (step: Step) => void;

/** How long what is signed counts: time to be mined, and not for later. */
const LIFE_S = 1_200;
const ASK_MS = 500;
/** A stream that says nothing for so long is not waited for. */
const SILENT_MS = 10_000;
const MOST_ASKS = 240;
const MOST_TRIES = 10;
const AGAIN_MS = 1_000;

/** The words of the actions, as they are signed. */
const WORDS: Record<Action, string> = {
  "request-exit": "Request an exit of micro",
  exit: "Exit",
  exclude: "Exclude the account until",
  "cancel-nonces": "Cancel slips with nonces up to",
};

/** The house accepted it and could not get it onto the chain. */
export class NotSent extends Error {
  override name = "NotSent";
  constructor(readonly reason: string) {
    super(t.relays.notSent(reason));
  }
}

/** Deposits by one signature, without any coin. Resolves once the account shows it. */
export async function depositByHouse(wallet: WalletEngine, amountMicro: bigint, tell: Tell): Promise<void> {
  tell("checking");
  const owner = wallet.address;
  const { tokensMicro } = await holdings(wallet, owner);
  if (tokensMicro < amountMicro) throw new TokensMissing(amountMicro - tokensMicro);
  const typed = await answered(api.GET("/v1/typed-data"));
  const name = tokenMessage(typed);
  const set = name === null ? undefined : typed.messages[name];
  if (set === undefined || typed.now_s === null) throw new Error(t.errors.notReady);
  const units = tokenUnits(amountMicro, wallet.contracts.token.decimals);
  const deadlineS = typed.now_s + LIFE_S;
  const { message, nonce, salt } = await tokenTransfer(wallet, set, units, deadlineS);
  tell("signing");
  const signature = await wallet.sign(set, message);
  const common = { owner, amount_micro: String(amountMicro), signature };
  if (salt === undefined) {
    const body = { ...common, nonce, deadline_s: deadlineS };
    await followed(tell, () => answered(api.POST("/v1/relays/permits", { body })));
  } else {
    const body = { ...common, valid_after_s: 0, valid_before_s: deadlineS, salt };
    await followed(tell, () => answered(api.POST("/v1/relays/authorizations", { body })));
  }
}

/** Has the house send a request of an account's owner. Resolves once the mirror shows it. */
export async function requestByHouse(
  wallet: WalletEngine,
  { account }: Pick<Account, "account">,
  action: Action,
  value: bigint,
  tell: Tell,
): Promise<void> {
  tell("checking");
  // What was sent from elsewhere has used its number.
  const path = { account };
  const [typed, now] = await Promise.all([
    answered(api.GET("/v1/typed-data")),
    answered(api.GET("/v1/accounts/{account}", { params: { path } })),
  ]);
  const set = typed.messages["Request"];
  if (set === undefined || typed.now_s === null) throw new Error(t.errors.notReady);
  const deadlineS = typed.now_s + LIFE_S;
  const number = now.request_number;
  tell("signing");
  const message = { account, action: WORDS[action], value: String(value), feeMicro: "0", number, deadline: deadlineS };
  const signature = await wallet.sign(set, message);
  const body = { account, action, value: String(value), number, deadline_s: deadlineS, signature };
  await followed(tell, () => answered(api.POST("/v1/relays/requests", { body })));
}

/** The same is sent again while no answer comes: the house accepts it once. Throws Refusal, Unreachable or NotSent. */
async function followed(tell: Tell, send: () => Promise<Relay>): Promise<void> {
  tell("relaying");
  let relay = await submitted(send);
  for (let asks = 0; asks < MOST_ASKS; asks += 1) {
    if (relay.status === "refused") throw new NotSent(relay.reason ?? "");
    if (isOnChain(relay)) return;
    tell(relay.status === "sent" ? "mining" : "relaying");
    relay = await next(relay).catch((error: unknown) => {
      if (mayPass(error)) return relay;
      throw error;
    });
  }
  throw new Error(t.errors.slow);
}

export const isOnChain = ({ status }: Pick<Relay, "status">) => ["tentative", "confirmed", "final"].includes(status);

/** What became of it since: pushed to whoever is signed in, asked for by others. */
async function next(relay: Relay): Promise<Relay> {
  if (own.pushes(relay.owner.toLowerCase()) || own.pushes(relay.owner)) {
    const pushed = await pushedAfter(relay);
    if (pushed !== undefined) return pushed;
  } else {
    await new Promise((wake) => setTimeout(wake, ASK_MS));
  }
  return ask(relay);
}

/** The next state that the stream puts among the answers; undefined when none comes for a while. */
function pushedAfter({ relay_hash, owner, status }: Relay): Promise<Relay | undefined> {
  const cache = queryClient.getQueryCache();
  const found = () =>
    cache
      .findAll({ queryKey: ["relays"] })
      .flatMap((query) => (query.state.data as { relays: Relay[] } | undefined)?.relays ?? [])
      .find((one) => one.relay_hash === relay_hash && one.owner === owner && one.status !== status);
  return new Promise((resolve) => {
    const end = (relay: Relay | undefined) => {
      stop();
      clearTimeout(timer);
      resolve(relay);
    };
    const stop = cache.subscribe(() => {
      const relay = found();
      if (relay) end(relay);
    });
    const timer = setTimeout(() => end(undefined), SILENT_MS);
    const relay = found();
    if (relay) end(relay);
  });
}

function ask({ relay_hash }: Relay): Promise<Relay> {
  return answered(api.GET("/v1/relays/by-hash/{relay_hash}", { params: { path: { relay_hash } } }));
}

export async function submitted(send: () => Promise<Relay>, againMs = AGAIN_MS): Promise<Relay> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await send();
    } catch (error) {
      // What the house has given for now does not come back in seconds.
      const isSpent = error instanceof Refusal && error.code.startsWith("relay-");
      if (isSpent || !mayPass(error) || tries >= MOST_TRIES) throw error;
      await new Promise((wake) => setTimeout(wake, againMs));
    }
  }
}
