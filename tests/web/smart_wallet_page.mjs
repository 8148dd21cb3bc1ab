/** Uses the app of the address that is its first argument with a contract wallet that sends calls as one. The second
 * argument is the chain's node, the third the key of the contract's owner, the fourth the contract's bytecode.
 * Prints as JSON what it found. */

import { InjectedWallet } from "./injected_wallet.mjs";
import { DESKTOP, found, look, open, price, reached, until, visit } from "./visitor.mjs";

const [base, rpcUrl, key, bytecode] = process.argv.slice(2);

/** The house accepts no signature of a contract, so the wallet sends its bet to the chain itself. */
async function betsStraight(page, wallet) {
  const slip = page.locator(".slip-side");
  const quotes = [];
  page.on("response", async (response) => {
    if (response.url().endsWith("/v1/quotes")) quotes.push(await response.json());
  });
  const sent = () => wallet.asked.filter(({ method }) => method === "eth_sendTransaction");
  const before = sent().length;
  await slip.getByRole("button", { name: "Hold the odds for me" }).click();
  await slip.getByTestId("direct-terms").waitFor();
  await slip.getByRole("button", { name: "Bet 2.00 tUSD from my wallet" }).dblclick();
  for (const step of ["Sent", "On the chain", "Confirmed"]) await reached(page, step);
  const [{ to, data }] = sent().at(-1).params;
  found.direct = { sent: sent().length - before, call: [to, data], quote: [quotes[0].to, quotes[0].data], nonce: quotes[0].nonce };
  await page.getByRole("link", { name: "My bets" }).click();
  await page.locator(".bet").waitFor();
  found.directBets = await page.locator(".bet").count();
  await look(page, "bet of a contract wallet, desktop");
}

await visit(async (browser) => {
  const wallet = new InjectedWallet({ keys: [key], rpcUrl, chainId: 1337 });
  await wallet.deploy(bytecode);
  const { page } = await open(browser, DESKTOP, wallet);
  const asked = (method) => wallet.asked.filter((one) => one.method === method);
  await page.goto(base);
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await page.getByRole("button", { name: "Test wallet" }).click();
  await page.getByRole("button", { name: "Get 1,000 test tokens" }).click();
  await page.getByText("1,000 test tokens and coins for gas are in your wallet.").waitFor();

  // It signs no permit: an approval and a deposit, which this wallet cannot send as one.
  const deposit = page.getByRole("region", { name: "Deposit", exact: true });
  await deposit.getByRole("textbox").fill("30");
  await deposit.getByRole("button", { name: "Deposit", exact: true }).click();
  await page.getByText("30.00 tUSD deposited.").waitFor();
  found.apart = [asked("eth_sendTransaction").length, asked("wallet_sendCalls").length];
  // Now it can.
  wallet.batches = true;
  await deposit.getByRole("textbox").fill("20");
  wallet.refuse = true;
  await deposit.getByRole("button", { name: "Deposit", exact: true }).click();
  await page.getByText("You rejected the request in the wallet. Nothing was signed or sent.").waitFor();
  wallet.refuse = false;
  await deposit.getByRole("button", { name: "Deposit", exact: true }).click();
  await page.getByText("20.00 tUSD deposited.").waitFor();
  await until(page, "50.00 tUSD");
  const [call] = asked("wallet_sendCalls").at(-1).params;
  found.together = [asked("eth_sendTransaction").length, call.calls.length, call.atomicRequired];
  found.permits = wallet.typed("Permit").length;

  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("region", { name: "Where you are signed in" }).getByText("this browser").waitFor();
  found.signedIn = [wallet.texts().at(-1).includes(wallet.contract), wallet.contract];

  await page.getByRole("link", { name: "Board", exact: true }).click();
  await price(page, 1).click();
  await page.locator(".stake").getByRole("textbox").fill("2");
  await page.locator(".slip-side").getByText(/^This wallet is a contract\./).waitFor();
  found.signButtons = await page.getByRole("button", { name: /^Sign bet/ }).count();
  await look(page, "contract wallet, desktop");
  await betsStraight(page, wallet);

  await page.getByRole("link", { name: "Liquidity", exact: true }).click();
  const provide = page.getByRole("region", { name: "Provide liquidity" });
  await provide.getByRole("textbox").fill("10");
  await provide.getByRole("button", { name: "Provide liquidity" }).click();
  await page.getByText("10.00 tUSD provided.").waitFor();
  found.batches = asked("wallet_sendCalls").filter(({ params }) => params[0].calls.length === 2).length;
});
