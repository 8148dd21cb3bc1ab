/** Sends bets to the chain from the wallet, in the app of the address that is its first argument. The second argument
 * is the chain's node, the third the visitor's key. Prints as JSON what it found. */

import { decodeFunctionData, parseAbi } from "viem";

import { InjectedWallet } from "./injected_wallet.mjs";
import { begin, DESKTOP, found, look, open, PHONE, price, visit } from "./visitor.mjs";

const [base, rpcUrl, key] = process.argv.slice(2);
const PLACE = parseAbi([
  "function placeQuoted(bytes batch, (uint32 account, uint24 nonce, uint64 maxStake, uint40 deadline) quote, (bytes32 r, bytes32 vs) house)",
]);
const done = (page, step) =>
  page.locator(".steps li[data-done='true']", { hasText: new RegExp(`^${step}`) }).first().waitFor();

await visit(async (browser) => {
  const wallet = new InjectedWallet({ keys: [key], rpcUrl, chainId: 1337 });
  const sent = () => wallet.asked.filter(({ method }) => method === "eth_sendTransaction").length;
  const { context, page } = await open(browser, DESKTOP, wallet);
  const asked = [];
  page.on("response", async (response) => {
    if (response.url().endsWith("/v1/quotes")) asked.push(await response.json());
  });
  await begin(page, base, "50");
  // Whatever draws the slip again leaves choice and quote as they are.
  const quoteStays = async () => {
    await slip.getByTestId("direct-terms").waitFor();
    await slip.getByRole("button", { name: "Bet 40.00 tUSD from my wallet" }).waitFor();
    found.kept.push(await slip.getByRole("radio", { name: "By my wallet" }).isChecked());
  };
  found.kept = [];
  const before = sent();
  await price(page, 3).click();
  const slip = page.locator(".slip-side");
  await slip.locator(".stake").getByRole("textbox").fill("40");
  await slip.getByText("By my wallet").click();
  await slip.getByText(/It costs gas/).waitFor();
  await look(page, "direct choice, desktop");
  // It needs a session: nobody else may hold odds for the account.
  await slip.getByRole("button", { name: "Sign in", exact: true }).click();
  await slip.getByRole("button", { name: "Hold the odds for me" }).click();
  const terms = slip.getByTestId("direct-terms");
  await terms.waitFor();
  found.terms = await terms.locator("dd").allInnerTexts();
  await slip.getByText(/The odds are held for \d+ s more/).waitFor();
  await look(page, "direct quote, desktop");
  await quoteStays();
  await page.setViewportSize(PHONE.viewport);
  await page.getByRole("button", { name: /Slip$/ }).click();
  await page.getByRole("dialog").getByTestId("direct-terms").waitFor();
  await look(page, "direct quote, phone");
  await page.getByRole("button", { name: "Close" }).click();
  await page.setViewportSize(DESKTOP.viewport);
  await quoteStays();
  await context.setOffline(true);
  await page.locator(".live[data-state='reconnecting'], .live[data-state='stale']").waitFor();
  await context.setOffline(false);
  await page.locator(".live[data-state='live']").waitFor();
  await quoteStays();
  await page.reload();
  await quoteStays();

  // Refused in the wallet, nothing is sent and the quote is still there.
  wallet.refuse = true;
  const send = slip.getByRole("button", { name: "Bet 40.00 tUSD from my wallet" });
  await send.click();
  await slip.getByText("You rejected the request in the wallet. Nothing was signed or sent.").waitFor();
  wallet.refuse = false;
  found.afterRefusal = sent() - before;

  // A double click sends one transaction.
  await send.dblclick();
  await done(page, "Sent");
  await done(page, "On the chain");
  found.sent = sent() - before;
  found.legs = await page.locator(".leg").count();
  const [transaction] = wallet.asked.filter(({ method }) => method === "eth_sendTransaction").at(-1).params;
  const { args } = decodeFunctionData({ abi: PLACE, data: transaction.data });
  found.call = [transaction.to, transaction.data, String(args[1].maxStake)];
  found.quotes = asked.map(({ data, to, nonce }) => [to, data, nonce]);
  await done(page, "Final");
  await look(page, "direct bet, desktop");
  // It is still there after a reload, and in My bets.
  await page.reload();
  await done(page, "Final");
  await page.getByRole("link", { name: "My bets", exact: true }).click();
  await page.getByText("40.00 tUSD").first().waitFor();

  found.owner = wallet.address;
});
