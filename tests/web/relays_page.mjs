/** Deposits, asks for an exit and excludes oneself in the app with a wallet that has tokens and no coin of the chain.
 * The first argument is the address of the app, the second the chain's node, the third the keys of a funded account and
 * of the visitor. Prints as JSON what was found. */

import { createPublicClient, createWalletClient, defineChain, http, parseAbi } from "viem";
import { privateKeyToAccount } from "viem/accounts";

import { InjectedWallet } from "./injected_wallet.mjs";
import { available, DESKTOP, found, look, open, PHONE, until, visit } from "./visitor.mjs";

const [base, rpcUrl, keyList] = process.argv.slice(2);
const [rich, poor] = keyList.split(",");
const { token } = await (await fetch(`${base}/v1/contracts`)).json();
const chain = defineChain({
  id: 1337,
  name: "home",
  nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
  rpcUrls: { default: { http: [rpcUrl] } },
});
const node = createPublicClient({ chain, transport: http(rpcUrl) });

const button = (page, name) => page.getByRole("button", { name, exact: true });
const region = (page, name) => page.getByRole("region", { name, exact: true });

async function giveTokens(address) {
  const giver = createWalletClient({ account: privateKeyToAccount(rich), chain, transport: http(rpcUrl) });
  const hash = await giver.writeContract({
    address: token.address,
    abi: parseAbi(["function mint(address to, uint256 amount)"]),
    functionName: "mint",
    args: [address, 500_000_000n],
  });
  await node.waitForTransactionReceipt({ hash, pollingInterval: 200 });
}

/** By the wallet there is no way: it has no coin. By the house there is. */
async function deposits(context, page, wallet) {
  const deposit = region(page, "Deposit");
  await deposit.getByRole("textbox").fill("0.5");
  await deposit.getByText("The house sends deposits from 1.00 tUSD on.").waitFor();
  await deposit.getByRole("textbox").fill("80");
  await deposit.getByRole("radio", { name: "My wallet sends it" }).check({ force: true });
  await button(deposit, "Deposit").click();
  await deposit.getByText("Your wallet has no coins to pay for gas.").waitFor();
  await look(page, "deposit without coins, desktop");
  await deposit.getByRole("radio", { name: "The house sends it" }).check({ force: true });

  wallet.refuse = true;
  await button(deposit, "Deposit").click();
  await page.getByText("You rejected the request in the wallet. Nothing was signed or sent.").waitFor();
  wallet.refuse = false;
  const before = wallet.typed("Permit").length;
  // The first answer is lost on the way, and the button is clicked twice before anything is painted.
  const posted = [];
  await context.route("**/v1/relays/permits", async (route) => {
    posted.push(route.request().postData());
    if (posted.length > 1) return route.continue();
    await route.fetch();
    await route.abort();
  });
  await button(deposit, "Deposit").evaluate((it) => [it.click(), it.click()]);
  await page.getByText("80.00 tUSD deposited.").waitFor();
  await context.unroute("**/v1/relays/permits");
  await until(page, "80.00 tUSD");
  const signed = wallet.typed("Permit").slice(before);
  found.deposit = {
    signed: signed.length,
    value: signed[0].message.value,
    posted: posted.length,
    same: new Set(posted).size,
  };
  await region(page, "Sent by the house").getByText("Deposit").waitFor();
  await look(page, "deposit by the house, desktop");
}

async function exits(page, wallet) {
  const exit = region(page, "Exit without the house");
  await button(exit, "Request an exit").click();
  await exit.getByText(/can be withdrawn from/).waitFor();
  await button(exit, "Cancel the exit").click();
  await exit.getByText(/can be withdrawn from/).waitFor({ state: "detached" });
  found.requests = wallet.typed("Request").map(({ message }) => [message.action, message.value, String(message.number)]);
}

async function excludes(page, wallet) {
  await button(page, "Exclude yourself…").click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("You sign once. The house sends it and pays for the gas").waitFor();
  await look(page, "exclusion by the house, desktop");
  await dialog.getByRole("checkbox").check();
  await button(page, "Exclude myself").click();
  await region(page, "Self-exclusion").getByText(/^Excluded until/).waitFor();
  found.excludedUntilS = Number(wallet.typed("Request").at(-1).message.value);
  await region(page, "Sent by the house").getByText("Self-exclusion").waitFor();
}

/** A house that sends nothing for owners. */
async function without(browser, keys) {
  const wallet = new InjectedWallet({ keys, rpcUrl, chainId: 1337 });
  const { context, page } = await open(browser, PHONE, wallet);
  await context.route("**/v1/typed-data", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...(await answer.json()), relaying: null } });
  });
  await page.goto(`${base}/account`);
  await button(page, "Connect").first().click();
  await button(page, "Test wallet").click();
  await region(page, "Sent by the house").waitFor();
  await look(page, "sent by the house, phone");
  found.choicesWithout = await page.getByRole("radio", { name: "The house sends it" }).count();
  await context.close();
}

await visit(async (browser) => {
  const wallet = new InjectedWallet({ keys: [poor], rpcUrl, chainId: 1337 });
  await giveTokens(wallet.account.address);
  const { context, page } = await open(browser, DESKTOP, wallet);
  await page.goto(`${base}/account`);
  await button(page, "Connect").first().click();
  await button(page, "Test wallet").click();
  await deposits(context, page, wallet);
  await exits(page, wallet);
  await excludes(page, wallet);
  found.owner = wallet.account.address;
  found.available = await available(page);
  found.sent = wallet.asked.filter(({ method }) => method === "eth_sendTransaction").length;
  found.coins = String(await node.getBalance({ address: wallet.account.address }));
  found.transactions = await node.getTransactionCount({ address: wallet.account.address });
  await without(browser, [poor]);
});
