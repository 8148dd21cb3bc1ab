/** Provides liquidity in the app of the address that is its first argument, and takes a part of it
 * back, with a wallet of the node and the keys that follow. Prints as JSON what it found. */

import { InjectedWallet } from "./injected_wallet.mjs";
import { found, look, open, PHONE, visit } from "./visitor.mjs";

const [base, rpcUrl, keyList] = process.argv.slice(2);

await visit(async (browser) => {
  const wallet = new InjectedWallet({ keys: keyList.split(","), rpcUrl, chainId: 1337 });
  const { page } = await open(browser, PHONE, wallet);
  await page.goto(`${base}/liquidity`);
  await page.getByTestId("leave-price").filter({ hasText: /\d/ }).waitFor();
  await look(page, "liquidity, nobody connected");
  await page.getByRole("button", { name: "Connect", exact: true }).last().click();
  await page.getByRole("button", { name: "Test wallet" }).click();
  await page.getByRole("link", { name: "Account", exact: true }).click();
  await page.getByRole("button", { name: "Get 1,000 test tokens" }).click();
  await page.getByText("1,000 test tokens and coins for gas are in your wallet.").waitFor();
  await page.getByRole("link", { name: "Provide liquidity." }).click();
  await page.getByText("You have no shares of the bankroll.").waitFor();
  const provide = page.getByRole("region", { name: "Provide liquidity" });
  await provide.getByRole("textbox").fill("99999999");
  found.tooMuch = await provide.locator(".fault").innerText();
  await provide.getByRole("textbox").fill("40");
  await provide.getByRole("button", { name: "Provide liquidity" }).click();
  await page.getByText("40.00 tUSD provided.").waitFor();
  const prices = page.getByRole("region", { name: "Share price" });
  await prices.locator(".chart path").waitFor({ state: "attached" });
  found.chart = [await prices.getByRole("img").getAttribute("aria-label"), await prices.locator(".chart path").getAttribute("d")];
  await prices.getByLabel("Time").selectOption("24 hours");
  await prices.locator(".chart path").waitFor({ state: "attached" });
  await page.getByRole("region", { name: "Withdraw liquidity" }).waitFor();
  found.position = await page.getByTestId("position").innerText();
  await look(page, "liquidity, with shares");
  const redeem = page.getByRole("region", { name: "Withdraw liquidity" });
  await redeem.getByRole("textbox").fill("15");
  await redeem.getByRole("button", { name: "Withdraw liquidity" }).click();
  await page.getByText("15.00 tUSD withdrawn.").waitFor();
  await page.locator("[data-testid=position]", { hasText: /worth 2[45]\.\d\d tUSD/ }).waitFor();
  found.left = await page.getByTestId("position").innerText();
  // The mirror follows the chain a moment later.
  const movements = page.getByRole("region", { name: "Deposits and withdrawals of providers" }).locator("li");
  await movements.filter({ hasText: /^Withdrawal/ }).waitFor();
  found.movements = await movements.allInnerTexts();
});
