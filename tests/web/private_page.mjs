/** What the app has for owners, as two visitors use it: one with the demo wallet on a phone, one with a wallet of
 * their own on a desktop. They sign in, follow their account, cash out, set limits and exclude themselves.
 * The first argument is the address of the app, the second the chain's node, the third the keys of the second
 * visitor's accounts. Prints as JSON what they found. */

import { InjectedWallet } from "./injected_wallet.mjs";
import { available, DESKTOP, found, look, open, PHONE, price, reached, until, visit, words } from "./visitor.mjs";

const [base, rpcUrl, keyList] = process.argv.slice(2);
// With what a bet has to be on top of to be final on a local chain.
const FINAL_BLOCKS = 66;
const QUIET_MS = 5_000;

async function node(method, ...params) {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const answer = await fetch(rpcUrl, { method: "POST", headers: { "content-type": "application/json" }, body });
  const { result, error } = await answer.json();
  if (error) throw new Error(`${method}: ${error.message}`);
  return result;
}

async function travel(seconds, blocks = 1) {
  await node("evm_increaseTime", seconds);
  for (let block = 0; block < blocks; block += 1) await node("evm_mine");
}

const link = (page, name) => page.getByRole("link", { name, exact: true }).click();
const button = (page, name) => page.getByRole("button", { name, exact: true });
const region = (page, name) => page.getByRole("region", { name, exact: true });
const dialog = (page) => page.getByRole("dialog");

/** Counts what a page asks the API for about its account. */
function counted(page) {
  const asked = [];
  page.on("request", (request) => {
    if (/\/v1\/(accounts|slips\/|bets)/.test(request.url()) && request.method() === "GET") asked.push(request.url());
  });
  return asked;
}

/** How often a page asks while nothing happens. */
async function asksIn(page, asked, ms) {
  const before = asked.length;
  await page.waitForTimeout(ms);
  return asked.length - before;
}

async function deposited(page, amount, confirm = async () => {}) {
  await button(page, "Get 1,000 test tokens").click();
  await page.getByText("1,000 test tokens and coins for gas are in your wallet.").waitFor();
  const deposit = region(page, "Deposit");
  await deposit.getByRole("textbox").fill(amount);
  await deposit.getByRole("radio", { name: "My wallet sends it" }).check({ force: true });
  await deposit.getByRole("button", { name: "Deposit", exact: true }).click();
  await confirm();
  await page.getByText(`${amount}.00 tUSD deposited.`).waitFor();
}

/** A phone with the demo wallet: signs in and bets. */
async function demoBegins(browser) {
  const { context, page } = await open(browser, PHONE);
  const confirm = (name) => button(page, name).click();
  await page.goto(base);
  await button(page, "Try it with a demo wallet").click();
  await deposited(page, "50", async () => {
    await confirm("Sign");
    await confirm("Send");
  });
  await button(page, "Sign in").click();
  await page.getByTestId("window-words").waitFor();
  await look(page, "sign-in window, phone");
  found.demoText = await page.getByTestId("window-words").innerText();
  await button(page, "Reject").click();
  await page.getByText("You rejected the request in the wallet. Nothing was signed or sent.").waitFor();
  await button(page, "Sign in").click();
  await confirm("Sign");
  await region(page, "Where you are signed in").getByText("this browser").waitFor();
  await page.getByText("Deposits No limit").click();
  await page.getByLabel("In 24 hours").first().waitFor();
  await look(page, "account signed in, phone");
  await link(page, "Board");
  await price(page, 2).click();
  await page.getByRole("button", { name: /Slip$/ }).click();
  await dialog(page).getByRole("textbox").fill("4");
  await button(page, "Sign bet of 4.00 tUSD").click();
  await confirm("Sign");
  await reached(page, "On the chain");
  await button(page, "Close").click();
  return { context, page };
}

/** A desktop with a wallet of one's own: refuses, signs in, bets, and gets pushes instead of asking. */
async function ownBegins(browser, wallet) {
  const { context, page } = await open(browser, DESKTOP, wallet);
  const asked = counted(page);
  await page.goto(base);
  await button(page, "Connect").click();
  await button(page, "Test wallet").click();
  await deposited(page, "100");
  found.asksSignedOut = await asksIn(page, asked, QUIET_MS);
  wallet.refuse = true;
  await button(page, "Sign in").click();
  await page.getByText("You rejected the request in the wallet. Nothing was signed or sent.").waitFor();
  wallet.refuse = false;
  await look(page, "sign-in refused, desktop");
  await button(page, "Sign in").click();
  await region(page, "Where you are signed in").getByText("this browser").waitFor();
  found.text = wallet.texts().at(-1);
  await link(page, "Board");
  await price(page, 0).click();
  await page.locator(".stake").getByRole("textbox").fill("10");
  await button(page, "Sign bet of 10.00 tUSD").click();
  await reached(page, "On the chain");
  await reached(page, "Confirmed");
  // What follows is pushed: the balance in the head, too.
  await page.locator(".who", { hasText: "90.00 tUSD" }).waitFor();
  await link(page, "My bets");
  await page.locator(".bet").waitFor();
  await page.waitForLoadState("networkidle");
  found.asksSignedIn = await asksIn(page, asked, QUIET_MS);
  // Another account of the wallet is another owner: it is not signed in, and the first one still is.
  await wallet.switchAccount(page, 1);
  await link(page, "Account");
  await button(page, "Sign in").waitFor();
  await wallet.switchAccount(page, 0);
  await region(page, "Where you are signed in").getByText("this browser").waitFor();
  return { context, page, asked };
}

/** Cashes out a part: refused, moved, too late, and then twice clicked. */
async function ownCashesOut({ context, page }, wallet) {
  await link(page, "My bets");
  await button(page, "Cash out").focus();
  await page.keyboard.press("Enter");
  await page.getByTestId("offer-price").waitFor();
  await page.keyboard.press("Escape");
  await dialog(page).waitFor({ state: "detached" });
  // The keyboard is where it was.
  await page.waitForFunction(() => document.activeElement?.textContent === "Cash out");

  // The first offer looks a cent better than it is: the next one has moved.
  const better = async (route) => {
    const answer = await route.fetch();
    const offer = await answer.json();
    await route.fulfill({ response: answer, json: { ...offer, price_micro: String(BigInt(offer.price_micro) + 10_000n) } });
  };
  await context.route("**/cash-out", better, { times: 1 });
  await button(page, "Cash out").click();
  await page.getByTestId("offer-price").waitFor();
  wallet.refuse = true;
  await dialog(page).getByRole("button", { name: /^Cash out for/ }).click();
  await page.getByText("You rejected the request in the wallet. Nothing was signed or sent.").waitFor();
  wallet.refuse = false;
  await page.getByText(/^The offer moved from/).waitFor();
  found.movedMayBeSigned = await dialog(page).getByRole("button", { name: /^Cash out for/ }).isEnabled();
  await look(page, "moved offer, desktop");
  await button(page, "Take the new offer").click();
  found.signedBeforeAgreed = wallet.typed("CashOut").length;

  // The offer ends while the wallet's window is open.
  wallet.meanwhile = () => travel(45);
  await dialog(page).getByRole("button", { name: /^Cash out for/ }).click();
  await page.getByText("The offer ended before it reached the chain.").first().waitFor();
  wallet.meanwhile = async () => {};
  await look(page, "offer ended, desktop");
  await button(page, "See the current offer").click();

  // Until the price is shown, the window may still grow, and move what is clicked.
  await dialog(page).getByTestId("offer-price").waitFor();
  await page.getByRole("radio", { name: "A part" }).check({ force: true });
  const part = dialog(page).getByRole("textbox");
  await part.fill("9.50");
  await page.getByText("What stays must be at least 1.00 tUSD.").waitFor();
  await part.fill("4");
  await page.getByText("6.00 tUSD stays in the bet").waitFor();
  const before = wallet.typed("CashOut").length;
  const posted = [];
  await context.route("**/v1/cash-outs/*", async (route) => {
    if (route.request().method() !== "POST") return route.continue();
    posted.push(route.request().postData());
    if (posted.length > 1) return route.continue();
    await route.fetch();
    await route.abort();
  });
  let shown = [];
  wallet.meanwhile = async () => {
    shown = await words(page, "cash-out-words");
    await look(page, "cash-out signing, desktop");
  };
  // Both clicks come before anything is painted.
  await dialog(page).getByRole("button", { name: /^Cash out for/ }).evaluate((it) => [it.click(), it.click()]);
  await page.getByText(/is in your balance/).first().waitFor();
  wallet.meanwhile = async () => {};
  await context.unroute("**/v1/cash-outs/*");
  const signed = wallet.typed("CashOut").slice(before);
  found.cashOut = {
    signed: signed.length,
    posted: posted.length,
    same: new Set(posted).size,
    stake: signed[0].message.stakeMicro,
    shown,
    wallet: Object.entries(signed[0].message).map(([name, value]) => [name, String(value)]),
  };
  await look(page, "cashed out, desktop");
  await button(page, "Done").click();
  await page.waitForFunction(() => document.querySelectorAll(".bet").length === 1);
  await page.getByText("What remains of your bet").waitFor();
  await page.getByText("6.00 tUSD").first().waitFor();
  await page.getByRole("tab", { name: /Settled/ }).click();
  await page.getByText("Cashed out in part: 6.00 tUSD of 10.00 tUSD went on as another bet.").waitFor();
  await page.getByText("Final", { exact: true }).or(page.getByText("Confirmed", { exact: true })).first().waitFor();
  await link(page, "Account");
  const paid = 90_000_000n + BigInt(signed[0].message.priceMicro);
  found.balance = [await available(page), String(paid)];
}

async function demoCashesOut({ context, page }) {
  await page.getByRole("link", { name: "My bets" }).click();
  await button(page, "Cash out").click();
  await page.getByTestId("offer-price").waitFor();
  await look(page, "offer, phone");
  found.life = [await page.getByTestId("offer-life").innerText(), await page.getByTestId("offer-price").innerText()];
  await dialog(page).getByRole("button", { name: /^Cash out for/ }).click();
  await page.getByTestId("window-words").waitFor();
  found.demoWindow = await words(page, "window-words");
  found.demoShown = await page.evaluate(() =>
    [...document.querySelectorAll("[data-testid=cash-out-words] dl > div")].map((row) => [
      row.querySelector("dt").textContent,
      row.querySelector("dd").textContent,
    ]),
  );
  await button(page, "Sign").click();
  await page.getByText(/is in your balance/).first().waitFor();
  await look(page, "cashed out, phone");
  await button(page, "Done").click();
  await page.getByText("No bets here yet.").waitFor();
  await page.getByRole("link", { name: "Back to the board" }).waitFor();
  // A house that signs no offers.
  await context.route("**/v1/typed-data", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...(await answer.json()), cash_out_signer: null } });
  });
  await page.reload();
  // Of the two lists, the one that has something.
  await page.getByRole("tab", { name: /Settled/, selected: true }).waitFor();
  await page.locator(".bet").waitFor();
  found.profit = await page.getByTestId("profit").innerText();
  await look(page, "settled, phone");
  await page.getByRole("tab", { name: /Open/ }).click();
  await page.getByText("This house does not offer cash-outs").waitFor();
  await context.close();
}

/** Sets limits, which hold; a time-out; and, on the chain, an exclusion. */
async function ownLimits({ page }, wallet) {
  const limits = region(page, "Limits and breaks");
  const field = (kind, period) => limits.getByRole("group", { name: kind }).getByLabel(period);
  await field("Stakes", "In 24 hours").fill("15");
  await field("Deposits", "In 7 days").fill("120");
  await button(page, "Save limits").click();
  await page.getByText("Your limits are saved.").waitFor();
  found.stakeUse = await limits.getByText("10.00 tUSD so far, 5.00 tUSD left").count();
  await field("Stakes", "In 24 hours").fill("50");
  await page.getByText("Takes effect after 24 hours.", { exact: true }).waitFor();
  await button(page, "Save limits").click();
  await page.getByText(/^From .*: 50.00 tUSD\./).waitFor();
  await look(page, "limits, desktop");
  const deposit = region(page, "Deposit");
  await deposit.getByRole("textbox").fill("30");
  await page.getByText("Your own limit on deposits leaves 20.00 tUSD.").waitFor();
  found.depositBeyond = await deposit.getByRole("button", { name: "Deposit", exact: true }).isEnabled();

  await link(page, "Board");
  await price(page, 1).click();
  await page.locator(".stake").getByRole("textbox").fill("6");
  await button(page, "Sign bet of 6.00 tUSD").click();
  await page.getByText("Your own limit on stakes is 15.00 tUSD in 24 hours; 5.00 tUSD is left.").waitFor();
  await link(page, "Account");
  await region(page, "Time-out").getByLabel("For how long").selectOption("3");
  await button(page, "Take a time-out…").click();
  found.timeOutAtOnce = await button(page, "Start the time-out").isEnabled();
  await look(page, "time-out, desktop");
  await dialog(page).getByRole("checkbox").check();
  await button(page, "Start the time-out").click();
  await region(page, "Time-out").getByText(/^Time-out until/).waitFor();
  await page.locator(".slip-side").getByText("You have taken a time-out until").waitFor();

  await button(page, "Exclude yourself…").click();
  found.consequences = await dialog(page).getByRole("listitem").count();
  await dialog(page).getByText("Your wallet sends a transaction, which costs gas.").waitFor();
  await look(page, "exclusion, desktop");
  await dialog(page).getByRole("checkbox").check();
  await button(page, "Exclude myself").click();
  await region(page, "Self-exclusion").getByText(/^Excluded until/).waitFor();
  const data = wallet.asked.filter(({ method }) => method === "eth_sendTransaction").at(-1).params[0].data;
  // The only argument of excludeSelf.
  [found.owner, found.excludedUntilS] = [wallet.account.address, Number(`0x${data.slice(10)}`)];
  await deposit.getByText("You have excluded yourself until").waitFor();
  found.depositExcluded = await deposit.getByRole("button", { name: "Deposit", exact: true }).isEnabled();
  await page.locator(".slip-side").getByText("You have excluded yourself until").waitFor();
  await look(page, "excluded, desktop");
}

/** A second browser of the same owner is listed, and ended from the first. */
async function ownSessions(browser, { page, asked }, keys) {
  const wallet = new InjectedWallet({ keys, rpcUrl, chainId: 1337 });
  const second = await open(browser, { ...PHONE, colorScheme: "light" }, wallet);
  await second.page.goto(`${base}/account`);
  await button(second.page, "Connect").first().click();
  await button(second.page, "Test wallet").click();
  await button(second.page, "Sign in").click();
  await second.page.getByText("this browser").waitFor();
  await look(second.page, "account, phone");
  await page.reload();
  const sessions = region(page, "Where you are signed in");
  await sessions.getByRole("button", { name: "Sign out everywhere" }).waitFor();
  found.sessions = await sessions.getByRole("listitem").count();
  await sessions.getByRole("button", { name: "End", exact: true }).click();
  await second.page.getByText("Your session has ended. Sign in again.").waitFor();
  found.textsAfterEnd = wallet.texts().length;
  await button(second.page, "Sign in").click();
  await second.page.getByText("this browser").waitFor();
  await second.context.close();

  await sessions.getByRole("button", { name: "Sign out", exact: true }).click();
  await button(page, "Sign in").waitFor();
  found.asksAfterSigningOut = await asksIn(page, asked, QUIET_MS);
  found.odds = await page.locator(".live").getAttribute("data-state");
}

await visit(async (browser) => {
  const keys = keyList.split(",");
  const wallet = new InjectedWallet({ keys, rpcUrl, chainId: 1337 });
  const [demo, own] = await Promise.all([demoBegins(browser), ownBegins(browser, wallet)]);
  // Old enough to be cashed out, and final.
  await travel(900, FINAL_BLOCKS);
  await demoCashesOut(demo);
  await ownCashesOut(own, wallet);
  await ownLimits(own, wallet);
  await ownSessions(browser, own, keys);
});
