/** Speaks to wallets and to the chain, through wagmi and viem. The board does not load it. */

import {
  BaseError,
  createPublicClient,
  custom,
  defineChain,
  http,
  type Abi,
  type Address,
  type Chain,
  type ContractFunctionArgs,
  type ContractFunctionName,
  type Hex,
  type PublicClient,
} from "viem";
import { getCode, readContract, sendTransaction, signMessage, signTypedData, waitForTransactionReceipt, writeContract } from "viem/actions";
import { createConfig, createStorage, type Connector } from "wagmi";
import {
  connect,
  disconnect,
  getConnection,
  getConnectorClient,
  reconnect,
  switchChain,
  watchConnection,
  watchConnectors,
} from "wagmi/actions";

import type { Contracts, Schemas } from "../api/client.ts";
import { t } from "../strings/index.ts";
import { offersBatches, sendBatch, type Call } from "./batch.ts";
import { LOCAL_CHAINS } from "./chains.ts";
import { DEMO } from "./connecting.ts";
import { rememberWallet, setWallet } from "./state.ts";

export interface Choice {
  id: string;
  name: string;
  icon: string | undefined;
  isDemo: boolean;
}

export type TypedDataSet = Schemas["TypedDataSet"];

const RECEIPT_MS = 120_000;
/** What the code of an address begins with that has delegated to a contract. */
const DELEGATED = "0xef0100";

/** No wallet is connected, or it is on another chain than the contracts. */
export class NoWallet extends Error {
  override name = "NoWallet";
}
export class WrongChain extends Error {
  override name = "WrongChain";
}
/** The transaction was mined and changed nothing. */
export class Reverted extends Error {
  override name = "Reverted";
  constructor() {
    super(t.errors.reverted);
  }
}

function configOf(contracts: Contracts, chain: Chain, own: NonNullable<Parameters<typeof createConfig>[0]["connectors"]>) {
  return createConfig({
    chains: [chain],
    connectors: own,
    multiInjectedProviderDiscovery: true,
    // Which wallet it was is remembered by the app itself.
    storage: createStorage({ storage: { getItem: () => null, setItem: () => {}, removeItem: () => {} } }),
    transports: { [chain.id]: http(contracts.rpc_url ?? undefined) },
  });
}

export class WalletEngine {
  private constructor(
    readonly contracts: Contracts,
    readonly chain: Chain,
    private readonly config: ReturnType<typeof configOf>,
  ) {}

  static async start(contracts: Contracts): Promise<WalletEngine> {
    const url = contracts.rpc_url;
    const chain = defineChain({
      id: contracts.chain_id,
      name: LOCAL_CHAINS.includes(contracts.chain_id) ? t.wallet.localChain : t.wallet.chain(contracts.chain_id),
      nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
      rpcUrls: { default: { http: url ? [url] : [] } },
    });
    const isLocal = url !== null && LOCAL_CHAINS.includes(contracts.chain_id);
    const demo = isLocal ? [(await import("./demo.ts")).demoConnector(url, chain, contracts)] : [];
    const project = contracts.walletconnect_project_id;
    const remote = project ? [(await import("./walletconnect.ts")).walletConnectConnector(project, chain)] : [];
    const made = new WalletEngine(contracts, chain, configOf(contracts, chain, [...demo, ...remote]));
    watchConnection(made.config, { onChange: () => made.publish() });
    return made;
  }

  choices(): Choice[] {
    return this.config.connectors.map(({ id, name, icon }) => ({ id, name, icon, isDemo: id === DEMO }));
  }

  watchChoices(listener: () => void): () => void {
    return watchConnectors(this.config, { onChange: listener });
  }

  async connect(id: string): Promise<void> {
    const connector = this.connector(id);
    if (connector === undefined) throw new NoWallet();
    if (getConnection(this.config).status === "connected") await disconnect(this.config);
    await connect(this.config, { connector });
    rememberWallet(id);
    this.publish();
  }

  /** Connects to a wallet that was connected before; one that no longer agrees is left alone. */
  async reconnect(id: string): Promise<void> {
    // Wallets announce themselves at some moment after the page has loaded.
    for (let wait = 0; wait < 10 && this.connector(id) === undefined; wait += 1) {
      await new Promise((wake) => setTimeout(wake, 100));
    }
    const connector = this.connector(id);
    if (connector === undefined) throw new NoWallet();
    await reconnect(this.config, { connectors: [connector] });
    this.publish();
  }

  async disconnect(): Promise<void> {
    rememberWallet(null);
    await disconnect(this.config);
    this.publish();
  }

  /** Switches the wallet to the contracts' chain, or adds it. */
  async switchChain(): Promise<void> {
    await switchChain(this.config, { chainId: this.chain.id });
  }

  /** Reads from the local node, or elsewhere by way of the wallet. */
  async reader(): Promise<PublicClient> {
    if (this.contracts.rpc_url) {
      return createPublicClient({ chain: this.chain, transport: http(this.contracts.rpc_url) });
    }
    const { connector } = getConnection(this.config);
    if (connector === undefined) throw new NoWallet();
    const provider = (await connector.getProvider()) as Parameters<typeof custom>[0];
    return createPublicClient({ chain: this.chain, transport: custom(provider) });
  }

  async read<const abi extends Abi, name extends ContractFunctionName<abi, "view" | "pure">>(
    address: string,
    abi: abi,
    functionName: name,
    args: ContractFunctionArgs<abi, "view" | "pure", name>,
  ) {
    return readContract(await this.reader(), { address: address as Address, abi, functionName, args } as never) as Promise<
      import("viem").ContractFunctionReturnType<abi, "view" | "pure", name>
    >;
  }

  /** Asks the wallet for a signature of a message of one of the API's sets. */
  async sign(set: TypedDataSet, message: Record<string, unknown>): Promise<Hex> {
    this.check(set);
    const client = await this.client();
    return signTypedData(client, {
      account: client.account,
      domain: set.domain as never,
      types: set.types as never,
      primaryType: set.primaryType,
      message,
    } as never);
  }

  /** Asks the wallet for a signature of a text (personal_sign). */
  async signText(text: string): Promise<Hex> {
    const client = await this.client();
    return signMessage(client, { account: client.account, message: text });
  }

  /** Sends a call of a contract from the wallet; resolves with its hash once it is mined. */
  async write<const abi extends Abi, name extends ContractFunctionName<abi, "nonpayable">>(
    address: string,
    abi: abi,
    functionName: name,
    args: ContractFunctionArgs<abi, "nonpayable", name>,
    sent: (hash: Hex) => void = () => {},
  ): Promise<Hex> {
    const client = await this.client();
    const { simulateContract } = await import("viem/actions");
    const call = { address: address as Address, abi, functionName, args, account: client.account } as never;
    // Reverts with the contract's own error before the wallet is asked.
    await simulateContract(await this.reader(), call);
    const hash = await writeContract(client, call);
    sent(hash);
    return this.mined(hash);
  }

  /** Sends call data as it is. */
  async send(to: string, data: string): Promise<Hex> {
    const client = await this.client();
    const { call } = await import("viem/actions");
    const request = { to: to as Address, data: data as Hex, account: client.account };
    await call(await this.reader(), request);
    return this.mined(await sendTransaction(client, request as never));
  }

  /** Sends calls of contracts one after the other, or as one where the wallet offers it: then all of them take
   * effect or none, and the wallet asks once. Resolves once they are mined. */
  async writeAll(calls: readonly Call[], sent: () => void = () => {}): Promise<void> {
    const client = await this.client();
    if (calls.length > 1 && (await offersBatches(client, this.chain.id))) {
      const done = await sendBatch(client, calls, sent);
      if (done === false) throw new Reverted();
      if (done) return;
    }
    for (const { address, abi, functionName, args } of calls) {
      await this.write(address, abi, functionName as never, args as never, sent);
    }
  }

  /** Whether the wallet sends several calls as one. */
  async offersBatches(): Promise<boolean> {
    return offersBatches(await this.client(), this.chain.id);
  }

  /** Whether an address is a contract: one that owns itself, and signs by its own rules (ERC-1271). A key that has
   * delegated to code (EIP-7702) still signs. */
  async isContract(address: Address): Promise<boolean> {
    const code = await getCode(await this.reader(), { address });
    return code !== undefined && !code.startsWith(DELEGATED);
  }

  async mined(hash: Hex): Promise<Hex> {
    const receipt = await waitForTransactionReceipt(await this.reader(), {
      hash,
      pollingInterval: 300,
      timeout: RECEIPT_MS,
    });
    if (receipt.status !== "success") throw new Reverted();
    return hash;
  }

  get address(): Address {
    const { address } = getConnection(this.config);
    if (address === undefined) throw new NoWallet();
    return address;
  }

  private connector(id: string): Connector | undefined {
    return this.config.connectors.find((one) => one.id === id);
  }

  private async client() {
    const { status, chainId } = getConnection(this.config);
    if (status !== "connected") throw new NoWallet();
    if (chainId !== this.chain.id) throw new WrongChain();
    return getConnectorClient(this.config);
  }

  /** A set names the contract that a signature counts for. It must be ours. */
  private check({ domain }: TypedDataSet): void {
    const ours = [this.contracts.sportsbook, this.contracts.token.address];
    const named = ours.some((address) => address?.toLowerCase() === domain.verifyingContract.toLowerCase());
    if (!named || domain.chainId !== this.chain.id) throw new BaseError(t.errors.otherContract);
  }

  private publish(): void {
    const { status, address, chainId, connector } = getConnection(this.config);
    if (status === "connected") {
      setWallet({ status, address, chainId, name: connector.name, isDemo: connector.id === DEMO });
    } else if (status === "disconnected") {
      setWallet({ status: "none" });
    }
  }
}
