/** Bets several singles at once in the app of the address that is its first argument, one of which the house
 * refuses. The second argument is the chain's node, the third the visitor's key, the fourth a command that suspends
 * and resumes markets. Prints as JSON what it found. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { InjectedWallet } from "./injected_wallet.mjs";
import { begin, DESKTOP, found, look, open, price, visit } from "./visitor.mjs";

const [base, rpcUrl, key, command] = process.argv.slice(2);
const [program, ...words] = JSON.parse(command);
const markets = (what, fixture) => promisify(execFile)(program, [...words, what, fixture]);

await visit(async (browser) => {
  const wallet = new InjectedWallet({ keys: [key], rpcUrl, chainId: 1337 });
  const { page } = await open(browser, DESKTOP, wallet);
  await begin(page, base, "50");
  const href = await page.locator(".fixture").nth(4).locator(".teams").getAttribute("href");
  const fixture = href.split("/").at(-1);
  for (const at of [3, 4, 5]) await price(page, at).click();
  const stakes = page.locator(".stake").getByRole("textbox");
  for (const [at, stake] of ["2", "3", "4"].entries()) await stakes.nth(at).fill(stake);
  await look(page, "three singles, desktop");

  // While the second one is in the wallet's window, the house closes its market.
  wallet.meanwhile = async () => {
    if (wallet.typed("Slip").length === 2) await markets("suspend", fixture);
  };
  await page.getByRole("button", { name: "Sign 3 bets, 9.00 tUSD in all" }).click();
  const slips = page.locator(".progress");
  const [accepted, refused] = ["accepted", "refused"].map((state) => page.locator(`.progress[data-state=${state}]`));
  await accepted.nth(1).waitFor();
  await refused.waitFor();
  wallet.meanwhile = async () => {};
  await page.waitForFunction(
    () => [...document.querySelectorAll(".steps li[data-done='true']")].filter((li) => /On the chain/.test(li.textContent)).length === 2,
  );
  await look(page, "one refused of three, desktop");
  found.states = await slips.evaluateAll((all) => all.map((one) => one.dataset.state));
  found.refusal = await refused.getByRole("alert").innerText();
  found.signed = wallet.typed("Slip").map(({ message }) => [message.stakeMicro, message.nonce]);
  // The one that was refused is still there, with its stake.
  found.left = [await page.locator(".leg").count(), await stakes.inputValue()];

  await markets("resume", fixture);
  await page.getByRole("button", { name: "Sign bet of 3.00 tUSD" }).click();
  await accepted.nth(2).waitFor();
  found.again = wallet.typed("Slip").at(-1).message.nonce;
  found.legsLeft = await page.locator(".leg").count();

  // One that is refused in the wallet is not bet, nor are those after it; those before it are.
  for (const at of [6, 7, 8]) await price(page, at).click();
  for (const at of [0, 1, 2]) await stakes.nth(at).fill("1");
  const before = wallet.typed("Slip").length;
  wallet.meanwhile = async () => {
    wallet.refuse = wallet.typed("Slip").length === before + 2;
  };
  await page.getByRole("button", { name: "Sign 3 bets, 3.00 tUSD in all" }).click();
  await page.getByText("You rejected the request in the wallet. Nothing was signed or sent.").waitFor();
  found.afterRefusal = [wallet.typed("Slip").length - before, await page.locator(".leg").count()];
  await accepted.nth(3).waitFor();

  // The page is closed between a signature and its answer: the bet is no longer in the slip, where it could be
  // bet twice, and its receipt is checked when it comes.
  await page.route("**/v1/slips", (route) => route.abort());
  await page.getByRole("button", { name: "Sign 2 bets, 2.00 tUSD in all" }).click();
  await page.locator(".progress[data-state=signed]").waitFor();
  await page.reload();
  await page.locator(".progress[data-state=signed]").waitFor();
  found.reloaded = [await page.locator(".leg").count(), wallet.typed("Slip").length - before];
  await page.unroute("**/v1/slips");
  await page.getByText("Receipt checked: the house's key signed it.").waitFor();
  found.reloaded.push(await page.locator(".leg").count(), await stakes.inputValue());
});
