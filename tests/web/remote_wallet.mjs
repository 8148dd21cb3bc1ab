/** A wallet on another device, by the protocol of WalletConnect: the library's own client answers for it, and a relay
 * of this process carries what both sides encrypt, since that of WalletConnect is not for tests. */

import { once } from "node:events";

import { SignClient } from "@walletconnect/sign-client";
import { WebSocketServer } from "ws";

/** The protocol's tag of a proposal; those of its answer and of what follows come after it. */
const PROPOSAL = 1100;

/** Carries messages by topic, and keeps those that nobody has taken yet. */
export class Relay {
  #subscribers = new Map();
  #kept = new Map();
  #next = 1;

  /** One side, which `send` reaches; returns what takes its messages. */
  join(send) {
    const side = { send };
    return (text) => {
      const { id, method, params } = JSON.parse(text);
      // An acknowledgement.
      if (method === undefined) return;
      send(JSON.stringify({ id, jsonrpc: "2.0", result: this.#answer(side, method, params) }));
    };
  }

  #answer(side, method, params) {
    if (method === "irn_subscribe") return this.#subscribe(side, params.topic);
    if (method === "irn_batchSubscribe") return params.topics.map((topic) => this.#subscribe(side, topic));
    if (method.endsWith("etchMessages")) return { messages: [], hasMore: false };
    if (method === "irn_publish") this.#publish(side, params);
    if (method === "wc_proposeSession") {
      this.#subscribe(side, params.pairingTopic);
      this.#publish(side, { topic: params.pairingTopic, message: params.sessionProposal, tag: PROPOSAL });
    }
    if (method === "wc_approveSession") {
      const { pairingTopic, sessionTopic: topic } = params;
      this.#subscribe(side, topic);
      this.#publish(side, { topic: pairingTopic, message: params.sessionProposalResponse, tag: PROPOSAL + 1 });
      this.#publish(side, { topic, message: params.sessionSettlementRequest, tag: PROPOSAL + 2 });
    }
    return true;
  }

  #subscribe(side, topic) {
    const id = `${topic}:${this.#next++}`;
    this.#subscribers.set(topic, [...(this.#subscribers.get(topic) ?? []), { side, id }]);
    const waiting = this.#kept.get(topic) ?? [];
    this.#kept.delete(topic);
    // After the answer that names the subscription.
    setImmediate(() => waiting.forEach((one) => this.#push({ side, id }, one)));
    return id;
  }

  #publish(from, { topic, message, tag }) {
    const sent = { topic, message, tag, publishedAt: Date.now() };
    const others = (this.#subscribers.get(topic) ?? []).filter(({ side }) => side !== from);
    if (others.length === 0) this.#kept.set(topic, [...(this.#kept.get(topic) ?? []), sent]);
    for (const one of others) this.#push(one, sent);
  }

  #push({ side, id }, { topic, message, tag, publishedAt }) {
    const params = { id, data: { topic, message, tag, publishedAt } };
    side.send(JSON.stringify({ id: Date.now() * 1000 + (this.#next++ % 1000), jsonrpc: "2.0", method: "irn_subscription", params }));
  }
}

/** Has `wallet`, an InjectedWallet, answer as one on another device. Returns its client. */
export async function remoteWallet(relay, wallet, chain) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  server.on("connection", (socket) => {
    const take = relay.join((text) => socket.send(text));
    socket.on("message", (data) => take(String(data)));
  });
  const client = await SignClient.init({
    projectId: "0".repeat(32),
    relayUrl: `ws://127.0.0.1:${server.address().port}`,
    telemetryEnabled: false,
    metadata: { name: "Remote wallet", description: "", url: "https://wallet.example", icons: [] },
    storageOptions: { database: ":memory:" },
    logger: "silent",
  });
  client.on("session_proposal", async ({ id, params }) => {
    const { methods, events } = params.optionalNamespaces.eip155;
    const accounts = [`${chain}:${wallet.address}`];
    await client.approve({ id, namespaces: { eip155: { chains: [chain], accounts, methods, events } } });
  });
  client.on("session_request", async ({ topic, id, params }) => {
    const response = { id, jsonrpc: "2.0" };
    try {
      response.result = await wallet.request(params.request);
    } catch (error) {
      response.error = { code: error.code ?? -32603, message: error.message };
    }
    await client.respond({ topic, response });
  });
  return client;
}
