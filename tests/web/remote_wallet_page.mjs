/** Connects a wallet on another device in the app of a server that has a project of WalletConnect. The first argument
 * is the address of a server without one, the second the chain's node, the third the wallet's key, the fourth the
 * address of the server. Prints as JSON what it found. */

import { InjectedWallet } from "./injected_wallet.mjs";
import { Relay, remoteWallet } from "./remote_wallet.mjs";
import { DESKTOP, found, look, open, PHONE, visit } from "./visitor.mjs";

const [plain, rpcUrl, key, base] = process.argv.slice(2);
const LIBRARY = "irn_subscription";

/** Which of the scripts that were loaded have the library. */
const libraries = (page) =>
  page.evaluate(async (word) => {
    const names = performance.getEntriesByType("resource").map(({ name }) => name);
    const scripts = [...new Set(names.filter((name) => /assets\/.*\.js$/.test(name)))];
    const texts = await Promise.all(scripts.map(async (name) => (await fetch(name)).text()));
    return texts.filter((text) => text.includes(word)).length;
  }, LIBRARY);

/** A server without a project offers none. */
async function without(browser) {
  const { context, page } = await open(browser, DESKTOP);
  await page.goto(plain);
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await page.getByRole("button", { name: "Use the demo wallet" }).waitFor();
  await page.getByText("No other wallet was found in this browser.").waitFor();
  found.without = [await page.getByRole("button", { name: "WalletConnect" }).count(), await libraries(page)];
  await context.close();
}

await visit(async (browser) => {
  await without(browser);
  const relay = new Relay();
  const wallet = new InjectedWallet({ keys: [key], rpcUrl, chainId: 1337 });
  const client = await remoteWallet(relay, wallet, "eip155:1337");
  const { context, page } = await open(browser, PHONE);
  await context.routeWebSocket(/^wss:\/\/relay\.walletconnect\.org/, (socket) => {
    const take = relay.join((text) => socket.send(text));
    socket.onMessage((text) => take(String(text)));
  });
  await context.route("https://verify.walletconnect.org/**", (route) => route.abort());
  await page.goto(base);
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  const choice = page.getByRole("button", { name: "WalletConnect" });
  await choice.waitFor();
  found.beforeChoice = await libraries(page);
  await choice.click();
  const link = page.getByRole("link", { name: "Open a wallet on this device" });
  await link.waitFor();
  await look(page, "code of WalletConnect, phone");
  // Closed, it waits no more; the next address is another one.
  const first = await link.getAttribute("href");
  await page.getByRole("button", { name: "Close" }).click();
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await choice.click();
  await link.waitFor();
  const uri = await link.getAttribute("href");
  found.uris = [first.split("@")[0] === uri.split("@")[0], uri.slice(0, 3)];
  await client.pair({ uri });
  await page.getByRole("button", { name: "Get 1,000 test tokens" }).click();
  await page.getByText("1,000 test tokens and coins for gas are in your wallet.").waitFor();
  wallet.refuse = true;
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByText("You rejected the request in the wallet. Nothing was signed or sent.").waitFor();
  wallet.refuse = false;
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("region", { name: "Where you are signed in" }).getByText("this browser").waitFor();
  const deposit = page.getByRole("region", { name: "Deposit", exact: true });
  await deposit.getByRole("textbox").fill("12");
  await deposit.getByRole("button", { name: "Deposit", exact: true }).click();
  await page.getByText("12.00 tUSD deposited.").waitFor();
  await page.reload();
  await page.getByText(wallet.address).waitFor();
  found.asked = [...new Set(wallet.asked.map(({ method }) => method))].sort();
  found.owner = wallet.address;
  // The wallet leaves.
  const [session] = client.session.getAll();
  await client.disconnect({ topic: session.topic, reason: { code: 6000, message: "left" } });
  await page.getByText("Connect a wallet to see your account").waitFor();
  await context.close();
});
// The wallet's client would keep this process.
process.stdout.write("", () => process.exit());
