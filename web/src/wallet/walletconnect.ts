/** Wallets on other devices, by the relay of WalletConnect. Loaded when the API names a project there; the library
 * itself, when somebody chooses it. */

import type UniversalProvider from "@walletconnect/universal-provider";
import { getAddress, numberToHex, UserRejectedRequestError, type Address, type Chain } from "viem";
import { createConnector } from "wagmi";

import { showPairing, WALLET_CONNECT } from "./pairing.ts";

/** What the app asks of a wallet, besides reading. */
const METHODS = [
  "eth_sendTransaction",
  "personal_sign",
  "eth_signTypedData_v4",
  "wallet_switchEthereumChain",
  "wallet_addEthereumChain",
  "wallet_getCapabilities",
  "wallet_sendCalls",
  "wallet_getCallsStatus",
];

type Provider = Awaited<ReturnType<typeof UniversalProvider.init>>;

export function walletConnectConnector(projectId: string, chain: Chain) {
  const home = `eip155:${chain.id}`;
  const rpcUrl = chain.rpcUrls.default.http[0];
  let loading: Promise<Provider> | undefined;

  const load = () =>
    (loading ??= (async () => {
      const { default: Universal } = await import("@walletconnect/universal-provider");
      return Universal.init({
        projectId,
        telemetryEnabled: false,
        logger: "silent",
        metadata: {
          name: "Fairline",
          description: document.title,
          url: location.origin,
          icons: [`${location.origin}/icon-192.png`],
        },
      });
    })().catch((error: unknown) => {
      loading = undefined;
      throw error;
    }));

  const accountsOf = ({ session }: Provider): Address[] =>
    (session?.namespaces["eip155"]?.accounts ?? [])
      .filter((one) => one.startsWith(`${home}:`))
      .map((one) => getAddress(one.slice(home.length + 1)));

  /** Waits for a wallet to join by the address that is shown. */
  const pair = async (provider: Provider) => {
    const givenUp = new Promise<never>((_, reject) => {
      provider.once("display_uri", (uri: string) =>
        showPairing(uri, () => {
          provider.abortPairingAttempt();
          reject(new UserRejectedRequestError(new Error("the visitor stopped waiting")));
        }),
      );
    });
    const asked = {
      chains: [home],
      methods: METHODS,
      events: ["accountsChanged", "chainChanged"],
      ...(rpcUrl ? { rpcMap: { [chain.id]: rpcUrl } } : {}),
    };
    try {
      await Promise.race([provider.connect({ optionalNamespaces: { eip155: asked } }), givenUp]);
    } finally {
      showPairing(null);
    }
  };

  return createConnector((config) => ({
    id: WALLET_CONNECT,
    name: "WalletConnect",
    type: WALLET_CONNECT,
    async connect() {
      const provider = await load();
      if (accountsOf(provider).length === 0) await pair(provider);
      provider.setDefaultChain(home, rpcUrl);
      provider.on("session_delete", () => this.onDisconnect());
      provider.on("accountsChanged", (accounts: string[]) => this.onAccountsChanged(accounts));
      return { accounts: accountsOf(provider) as never, chainId: chain.id };
    },
    async disconnect() {
      const provider = await load();
      if (provider.session) await provider.disconnect();
    },
    async getAccounts() {
      return accountsOf(await load());
    },
    /** A session is for the contracts' chain alone. */
    async getChainId() {
      return chain.id;
    },
    async getProvider() {
      const provider = await load();
      return { request: (asked: { method: string }) => answer(provider, asked, home, chain.id) };
    },
    async isAuthorized() {
      return accountsOf(await load()).length > 0;
    },
    onAccountsChanged(accounts) {
      const own = accounts.map((one) => getAddress(one.split(":").at(-1) ?? one));
      if (own.length === 0) this.onDisconnect();
      else config.emitter.emit("change", { accounts: own });
    },
    onChainChanged() {},
    onDisconnect() {
      config.emitter.emit("disconnect");
    },
  }));
}

async function answer(provider: Provider, asked: { method: string }, home: string, chainId: number): Promise<unknown> {
  if (asked.method === "eth_chainId") return numberToHex(chainId);
  return provider.request(asked, home);
}
