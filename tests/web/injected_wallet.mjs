/** A wallet that a page finds by EIP-6963 and that really signs: EIP-1193 in the page, viem behind it.
 * What it was asked is in `asked`; `refuse` and `meanwhile` decide what it does next. */

import { createPublicClient, createWalletClient, defineChain, encodeDeployData, encodeFunctionData, getAddress, http, numberToHex, parseAbi } from "viem";
import { privateKeyToAccount } from "viem/accounts";

const EXECUTE = parseAbi(["function execute(address target, bytes data)"]);
const OWNED = parseAbi(["constructor(address owner)"]);

export class InjectedWallet {
  asked = [];
  refuse = false;
  /** Whether it sends several calls as one (EIP-5792). */
  batches = false;
  #batches = new Map();
  /** The contract that is this wallet (contracts/mocks/MockWallet.sol); the key then is that of its owner. */
  contract = null;
  /** What happens while its window is open. */
  meanwhile = async () => {};
  chainId;

  constructor({ keys, rpcUrl, chainId }) {
    this.accounts = keys.map((key) => privateKeyToAccount(key));
    this.at = 0;
    this.homeChainId = chainId;
    this.chainId = chainId;
    this.transport = http(rpcUrl);
    this.chain = defineChain({
      id: chainId,
      name: "home",
      nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
      rpcUrls: { default: { http: [rpcUrl] } },
    });
    this.node = createPublicClient({ chain: this.chain, transport: this.transport });
  }

  get address() {
    return this.contract ?? this.account.address;
  }

  get account() {
    return this.accounts[this.at];
  }

  /** Announces the wallet in every page of a context. */
  async enter(context) {
    await context.exposeBinding("walletRequest", async (_, request) => {
      try {
        return { result: await this.request(request) };
      } catch (error) {
        return { error: { code: error.code ?? -32603, message: error.message } };
      }
    });
    await context.addInitScript(() => {
      const listeners = new Map();
      const provider = {
        async request(request) {
          const { result, error } = await window.walletRequest(JSON.parse(JSON.stringify(request)));
          if (error) throw Object.assign(new Error(error.message), { code: error.code });
          return result;
        },
        on(name, listener) {
          listeners.set(name, [...(listeners.get(name) ?? []), listener]);
        },
        removeListener(name, listener) {
          listeners.set(name, (listeners.get(name) ?? []).filter((one) => one !== listener));
        },
      };
      window.walletEmit = (name, value) => (listeners.get(name) ?? []).forEach((listener) => listener(value));
      const icon =
        "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'%3E%3Crect width='8' height='8' fill='%23666'/%3E%3C/svg%3E";
      const info = { uuid: crypto.randomUUID(), name: "Test wallet", icon, rdns: "test.wallet" };
      const announce = () =>
        window.dispatchEvent(
          new CustomEvent("eip6963:announceProvider", { detail: Object.freeze({ info, provider }) }),
        );
      window.addEventListener("eip6963:requestProvider", announce);
      announce();
    });
  }

  async request({ method, params = [] }) {
    this.asked.push({ method, params });
    switch (method) {
      case "eth_requestAccounts":
      case "eth_accounts":
        return [this.address];
      case "wallet_requestPermissions":
        return [{ parentCapability: "eth_accounts" }];
      case "eth_chainId":
        return numberToHex(this.chainId);
      case "wallet_switchEthereumChain":
        this.chainId = Number(params[0].chainId);
        return null;
      case "wallet_addEthereumChain":
        return null;
      case "eth_signTypedData_v4":
        await this.decide();
        return this.account.signTypedData(JSON.parse(params[1]));
      case "personal_sign":
        await this.decide();
        return this.account.signMessage({ message: { raw: params[0] } });
      case "eth_sendTransaction": {
        await this.decide();
        const [{ to, data }] = params;
        return this.send(to, data);
      }
      case "wallet_getCapabilities":
        if (!this.batches) break;
        return { [numberToHex(this.homeChainId)]: { atomic: { status: "supported" } } };
      case "wallet_sendCalls": {
        if (!this.batches) break;
        await this.decide();
        const [{ calls }] = params;
        const id = numberToHex(this.#batches.size + 1, { size: 32 });
        const receipts = [];
        for (const { to, data } of calls) {
          const hash = await this.send(to, data);
          receipts.push(await this.node.waitForTransactionReceipt({ hash, pollingInterval: 100 }));
        }
        this.#batches.set(id, receipts);
        return { id };
      }
      case "wallet_getCallsStatus": {
        const receipts = this.#batches.get(params[0]);
        const isDone = receipts.every(({ status }) => status === "success");
        return {
          version: "2.0.0",
          id: params[0],
          chainId: numberToHex(this.homeChainId),
          status: isDone ? 200 : 500,
          atomic: true,
          receipts: receipts.map((one) => ({
            logs: [],
            status: numberToHex(one.status === "success" ? 1 : 0),
            blockHash: one.blockHash,
            blockNumber: numberToHex(one.blockNumber),
            gasUsed: numberToHex(one.gasUsed),
            transactionHash: one.transactionHash,
          })),
        };
      }
    }
    if (method.startsWith("wallet_")) throw Object.assign(new Error("unknown method"), { code: -32601 });
    return this.node.request({ method, params });
  }

  send(to, data) {
    const call = { to, data };
    if (this.contract) {
      call.to = this.contract;
      call.data = encodeFunctionData({ abi: EXECUTE, args: [to, data] });
    }
    return this.client().sendTransaction(call);
  }

  client() {
    return createWalletClient({ account: this.account, chain: this.chain, transport: this.transport });
  }

  /** Deploys a contract of the account's own, which is this wallet from then on. */
  async deploy(bytecode) {
    const data = encodeDeployData({ abi: OWNED, bytecode, args: [this.account.address] });
    const hash = await this.client().sendTransaction({ data });
    const { contractAddress } = await this.node.waitForTransactionReceipt({ hash, pollingInterval: 100 });
    this.contract = getAddress(contractAddress);
  }

  async decide() {
    await this.meanwhile();
    if (this.refuse) throw Object.assign(new Error("User rejected the request."), { code: 4001 });
  }

  /** Does what a user does in the wallet's own menu. */
  async switchAccount(page, at) {
    this.at = at;
    await page.evaluate((address) => window.walletEmit("accountsChanged", [address]), this.address);
  }

  async switchNetwork(page, chainId) {
    this.chainId = chainId;
    await page.evaluate((id) => window.walletEmit("chainChanged", id), numberToHex(chainId));
  }

  /** The texts that were signed or refused. */
  texts() {
    return this.asked
      .filter(({ method }) => method === "personal_sign")
      .map(({ params }) => Buffer.from(params[0].slice(2), "hex").toString());
  }

  /** The messages of a primary type that were signed or refused. */
  typed(primaryType) {
    return this.asked
      .filter(({ method }) => method === "eth_signTypedData_v4")
      .map(({ params }) => JSON.parse(params[1]))
      .filter((one) => one.primaryType === primaryType);
  }
}
