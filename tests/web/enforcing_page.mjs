/** Has a bet placed by its receipt in the app of the address that is its first argument, whose house accepts slips
 * and places none. The second argument is the chain's node, the third the visitor's key. Prints as JSON what it
 * found. */

import { InjectedWallet } from "./injected_wallet.mjs";
import { begin, DESKTOP, found, look, open, price, reached, visit } from "./visitor.mjs";

const [base, rpcUrl, key] = process.argv.slice(2);

await visit(async (browser) => {
  const wallet = new InjectedWallet({ keys: [key], rpcUrl, chainId: 1337 });
  const { page } = await open(browser, DESKTOP, wallet);
  await begin(page, base, "20");
  await price(page, 2).click();
  await page.locator(".stake").getByRole("textbox").fill("5");
  await page.getByRole("button", { name: "Sign bet of 5.00 tUSD" }).click();
  await reached(page, "Accepted, with receipt");
  await page.getByText("Receipt checked: the house's key signed it.").waitFor();
  await page.getByRole("link", { name: "My bets" }).click();
  await page.getByText("Waiting for a batch").waitFor();
  await page.getByRole("tab", { name: /Receipts/ }).click();
  const enforce = page.getByRole("button", { name: "Place it without the operator" });
  await enforce.waitFor();
  await look(page, "receipt to enforce, desktop");
  const sent = () => wallet.asked.filter(({ method }) => method === "eth_sendTransaction");
  const before = sent().length;
  wallet.refuse = true;
  await enforce.click();
  await page.getByText("You rejected the request in the wallet. Nothing was signed or sent.").waitFor();
  wallet.refuse = false;
  found.waits = await page.locator(".steps li[data-done='true']", { hasText: "On the chain" }).count();
  await enforce.click();
  await page.getByText("Placed by its receipt.").waitFor();
  await enforce.waitFor({ state: "detached" });
  await reached(page, "On the chain");
  found.sent = sent().slice(before).map(({ params }) => params[0].to);
  await page.getByRole("tab", { name: /Open/ }).click();
  await page.locator(".bet").getByText("Open until every match has a final result.").waitFor();
  found.bets = await page.locator("[role=tabpanel] .bet").count();
  await look(page, "enforced bet, desktop");
  found.owner = wallet.address;
});
