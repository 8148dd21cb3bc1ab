/** Bets in the app of the address that is its first argument, as two visitors do: one with the demo
 * wallet on a phone, one with a wallet of their own on a desktop. The second argument is the chain's
 * node, the third the keys of the second visitor's accounts. Prints as JSON what they found. */

import { InjectedWallet } from "./injected_wallet.mjs";
import { available, DESKTOP, found, look, open, PHONE, price, reached, readings, until, visit, words } from "./visitor.mjs";

const [base, rpcUrl, keyList] = process.argv.slice(2);

/** The scripts that were loaded, and their sizes as they were sent. */
const scripts = (page) =>
  page.evaluate(() =>
    performance
      .getEntriesByType("resource")
      .filter(({ name }) => /assets\/.*\.js$/.test(name))
      .map(({ name, encodedBodySize }) => [name.split("/").at(-1), encodedBodySize]),
  );

/** With nothing installed: connect, faucet, deposit by permit, a single, reload, withdraw. */
async function demo(browser) {
  const { context, page } = await open(browser, PHONE);
  const began = Date.now();
  await page.goto(base);
  await page.locator(".fixture").first().waitFor();
  await page.waitForLoadState("networkidle");
  found.scripts = { phone: await scripts(page) };
  await look(page, "board, phone");
  await page.getByRole("button", { name: "Use your own wallet" }).click();
  await page.getByRole("button", { name: "Use the demo wallet" }).waitFor();
  await look(page, "wallets, phone");
  await page.getByRole("button", { name: "Close" }).click();
  await page.getByRole("button", { name: "Try it with a demo wallet" }).click();
  await page.getByRole("button", { name: "Get 1,000 test tokens" }).click();
  await page.getByText("1,000 test tokens and coins for gas are in your wallet.").waitFor();
  await page.getByRole("region", { name: "Deposit" }).getByRole("button", { name: "Deposit" }).click();
  await page.getByTestId("window-words").waitFor();
  await look(page, "window, phone");
  found.permit = await words(page, "window-words");
  found.permitReadings = await readings(page, "window-words");
  await page.getByRole("button", { name: "Sign", exact: true }).click();
  await page.getByText("100.00 tUSD deposited.").waitFor();
  await until(page, "100.00 tUSD");
  await look(page, "account, phone");

  await page.getByRole("link", { name: "Board", exact: true }).click();
  await price(page).click();
  await page.getByRole("button", { name: /Slip$/ }).click();
  await page.getByRole("dialog").getByRole("textbox").fill("1,000");
  found.ambiguous = await page.locator(".stake .fault").innerText();
  await page.getByRole("dialog").getByRole("textbox").fill("2.50");
  await look(page, "slip, phone");
  await page.getByRole("button", { name: "Sign bet of 2.50 tUSD" }).click();
  await page.getByTestId("window-words").waitFor();
  found.demoWindow = await words(page, "window-words");
  found.slipReadings = await readings(page, "window-words");
  found.demoSlip = await page.evaluate(() =>
    [...document.querySelectorAll("[data-testid=slip-words] dl > div")].map((row) => [
      row.querySelector("dt").textContent,
      row.querySelector("dd").textContent,
    ]),
  );
  await page.getByRole("button", { name: "Sign", exact: true }).click();
  await reached(page, "Accepted, with receipt");
  found.firstBetMs = Date.now() - began;
  await page.getByText("Receipt checked: the house's key signed it.").waitFor();
  await reached(page, "On the chain");
  await page.getByRole("button", { name: "Close" }).click();

  await page.getByRole("link", { name: "Account", exact: true }).click();
  await until(page, "97.50 tUSD");
  const withdraw = page.getByRole("region", { name: "Withdraw" });
  await withdraw.getByRole("textbox").fill("40");
  await withdraw.getByRole("button", { name: "Withdraw" }).click();
  await page.getByRole("button", { name: "Sign", exact: true }).click();
  found.call = await page.getByTestId("window-call").innerText();
  await look(page, "window of a transaction, phone");
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await page.getByText("40.00 tUSD paid out to your wallet.").waitFor();
  await until(page, "57.50 tUSD");
  found.demoLeft = await available(page);

  await page.getByRole("link", { name: "My bets" }).click();
  await page.locator(".bet").first().waitFor();
  await look(page, "bets, phone");
  found.demoBets = await page.locator(".bet").count();
  await page.getByRole("link", { name: "Proof" }).click();
  await page.locator(".verdict").waitFor();
  found.proof = [await page.locator(".verdict").innerText(), await page.locator(".proof").innerText()];
  await look(page, "proof, phone");
  await context.close();
}

/** With a wallet of one's own, which refuses, switches account and network, and loses answers. */
async function own(browser) {
  const wallet = new InjectedWallet({ keys: keyList.split(","), rpcUrl, chainId: 1337 });
  const { context, page } = await open(browser, DESKTOP, wallet);
  await page.goto(base);
  await price(page).waitFor();
  await page.waitForLoadState("networkidle");
  found.scripts.desktop = await scripts(page);
  await look(page, "board, desktop");
  wallet.chainId = 1;
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await page.getByRole("button", { name: "Test wallet" }).click();
  await page.getByText("Your wallet is on another network.").waitFor();
  await page.getByRole("button", { name: "Switch network" }).click();
  await page.getByText("Your wallet is on another network.").waitFor({ state: "detached" });
  found.switchedTo = wallet.chainId;

  await page.getByRole("button", { name: "Get 1,000 test tokens" }).click();
  await page.getByText("1,000 test tokens and coins for gas are in your wallet.").waitFor();
  const deposit = page.getByRole("region", { name: "Deposit" });
  wallet.refuse = true;
  await deposit.getByRole("button", { name: "Deposit" }).click();
  await page.getByText("You rejected the request in the wallet. Nothing was signed or sent.").waitFor();
  wallet.refuse = false;
  await deposit.getByRole("textbox").fill("99999999");
  await deposit.getByRole("button", { name: "Deposit" }).click();
  await page.getByText(/Your wallet is .* short for this deposit/).waitFor();
  await deposit.getByRole("textbox").fill("60");
  await deposit.getByRole("button", { name: "Deposit", exact: true }).click();
  await page.getByText("60.00 tUSD deposited.").waitFor();
  await look(page, "account, desktop");

  // An accumulator. Its first answer is lost on the way, and the button was clicked twice.
  await page.getByRole("link", { name: "Board", exact: true }).click();
  await price(page, 0).click();
  await price(page, 1).click();
  await page.getByRole("radio", { name: "Accumulator" }).check({ force: true });
  await page.locator(".together").getByRole("textbox").fill("3");
  let lost = 0;
  const posted = [];
  await context.route("**/v1/slips", async (route) => {
    posted.push(route.request().postData());
    if (lost++ > 0) return route.continue();
    await route.fetch();
    await route.abort();
  });
  await page.getByRole("button", { name: "Sign bet of 3.00 tUSD" }).dblclick();
  await reached(page, "Accepted, with receipt");
  await reached(page, "On the chain");
  await context.unroute("**/v1/slips");
  found.doubleClick = {
    signed: wallet.typed("Slip").length,
    posted: posted.length,
    same: new Set(posted).size,
    legs: wallet.typed("Slip")[0].message.legs.length,
  };
  await look(page, "slip after a bet, desktop");

  // A page that is left between signature and answer sends the same slip when it is opened again.
  await price(page, 2).click();
  await page.locator(".stake").getByRole("textbox").fill("1.50");
  await context.route("**/v1/slips", (route) => route.abort());
  await page.getByRole("button", { name: "Sign bet of 1.50 tUSD" }).click();
  await page.waitForFunction(() => JSON.stringify(localStorage).includes('\\"state\\":\\"signed\\"'));
  await page.reload();
  await context.unroute("**/v1/slips");
  await reached(page, "On the chain");
  found.signedAfterReload = wallet.typed("Slip").length;
  await page.getByRole("link", { name: "My bets" }).click();
  await page.waitForFunction(() => document.querySelectorAll(".bet").length === 2);
  await page.getByRole("tab", { name: /Receipts/ }).click();
  await page.locator("[role=tabpanel] .bet").first().waitFor();
  found.receipts = await page.locator("[role=tabpanel] .bet").count();
  await look(page, "receipts, desktop");

  await page.getByRole("link", { name: "Account", exact: true }).click();
  await until(page, "55.50 tUSD");
  await page.getByRole("button", { name: "Request an exit" }).click();
  await page.getByText(/can be withdrawn from/).waitFor();
  await page.getByRole("button", { name: "Cancel the exit" }).click();
  await page.getByText(/can be withdrawn from/).waitFor({ state: "detached" });

  // The wallet's own menu: another account, another network.
  await wallet.switchAccount(page, 1);
  await page.getByText("Your first deposit opens an account.").waitFor();
  await wallet.switchNetwork(page, 1);
  await page.getByText("Your wallet is on another network.").waitFor();
  await wallet.switchNetwork(page, 1337);

  const since = Date.now();
  await context.setOffline(true);
  await page.getByText("You are offline.").waitFor();
  await page.locator(".live[data-state='reconnecting'], .live[data-state='stale']").waitFor();
  found.offlineMs = Date.now() - since;
  await page.getByRole("link", { name: "Board", exact: true }).click();
  found.markedOld = await page.locator("[data-odds='old']").count();
  await context.setOffline(false);
  await page.locator(".live[data-state='live']").waitFor();
  await page.locator(".teams").first().click();
  await page.locator(".ladder").first().waitFor();
  found.ladders = await page.locator(".ladder").count();
  await look(page, "fixture, desktop");
  await page.getByRole("link", { name: "Board", exact: true }).click();
  await page.getByLabel("Theme").selectOption("dark");
  await page.getByLabel("Odds as").selectOption("fractional");
  found.fraction = await price(page).locator(".price").innerText();
  await page.getByRole("searchbox").fill("ARSENAL");
  await page.waitForFunction(() => document.querySelectorAll(".fixture").length === 1);
  await look(page, "board with a chosen theme, desktop");
  await context.close();
}

await visit(async (browser) => {
  await demo(browser);
  await own(browser);
});
