/** Plays a match day in the app of the address that is its first argument, as one visitor sees it while
 * another one bets; the second argument is a command that suspends and resumes markets. Prints as JSON what
 * was found. SCREENSHOTS names a folder for what it looks like. */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

import { STEP_MS, withBrowser } from "./browser.mjs";

const [base, markets] = process.argv.slice(2);
const pictures = process.env.SCREENSHOTS;
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PHONE = { viewport: { width: 360, height: 780 }, colorScheme: "dark", isMobile: true, hasTouch: true };
const DESKTOP = { viewport: { width: 1440, height: 900 }, colorScheme: "light" };
const found = { complaints: [], axe: [], overflow: [] };

async function open(browser, screen) {
  const context = await browser.newContext(screen);
  context.setDefaultTimeout(STEP_MS);
  const page = await context.newPage();
  page.on("console", (message) => {
    // The 404 of an account that is not open yet, and a refusal that is waited for, are answers.
    const isAnswer = /status of (404|409)/.test(message.text());
    if (["error", "warning"].includes(message.type()) && !isAnswer) found.complaints.push(message.text());
  });
  page.on("pageerror", (error) => found.complaints.push(error.message));
  await page.goto(base);
  await page.locator(".fixture").first().waitFor();
  return { context, page };
}

/** Rules that the page breaks in both themes, by how much it is too wide, and on request a picture. */
async function look(page, name) {
  for (const theme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme: theme });
    found.overflow.push([name, await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)]);
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
    for (const { id, nodes } of violations) found.axe.push(`${name}, ${theme}: ${id}: ${nodes[0].html.slice(0, 160)}`);
    if (pictures) await page.screenshot({ path: join(pictures, `${name}-${theme}.png`.replaceAll(/[ ,]+/g, "-")) });
  }
}

const price = (page, at) => page.locator(".fixture").nth(at).locator(".market").first().locator(".outcome").first();
const shownOdds = (outcome) => outcome.locator(".price").innerText();

/** Connects the demo wallet and deposits `amount`. */
async function ready(page, amount) {
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await page.getByRole("button", { name: "Use the demo wallet" }).click();
  await page.getByRole("button", { name: "Get 1,000 test tokens" }).click();
  await page.getByText("1,000 test tokens and coins for gas are in your wallet.").waitFor();
  const deposit = page.getByRole("region", { name: "Deposit" });
  await deposit.getByRole("textbox").fill(amount);
  await deposit.getByRole("button", { name: "Deposit", exact: true }).click();
  await page.getByRole("button", { name: "Sign", exact: true }).click();
  await page.getByText(/ tUSD deposited/).waitFor();
  await page.getByRole("link", { name: "Board", exact: true }).click();
}

/** Signs what the slip has, and waits until it is on the chain. */
async function bet(page, button) {
  await page.getByRole("button", { name: button }).click();
  await page.getByTestId("window-words").waitFor();
  const signed = await page.getByTestId("window-words").innerText();
  await page.getByRole("button", { name: "Sign", exact: true }).click();
  await page.locator(".steps li[data-done='true']", { hasText: "On the chain" }).first().waitFor();
  return signed;
}

/** A price that another visitor moves is offered again, and signed only once it was accepted. */
async function moves(page, browser) {
  await price(page, 0).click();
  await page.locator(".stake").getByText("From 1 to 2,000 tUSD.").waitFor();
  await page.locator(".stake").getByRole("textbox").fill("5");
  await page.getByRole("button", { name: "Sign bet of 5.00 tUSD" }).waitFor();
  const before = await shownOdds(price(page, 0));

  const other = await open(browser, PHONE);
  await ready(other.page, "1000");
  await price(other.page, 0).click();
  await other.page.getByRole("button", { name: /Slip$/ }).click();
  await other.page.getByRole("dialog").getByRole("textbox").fill("1000");
  await bet(other.page, "Sign bet of 1,000.00 tUSD");
  await other.context.close();

  const alert = page.getByText(/The odds moved from .* to/);
  await alert.waitFor();
  found.moved = { before, said: await alert.innerText(), now: await shownOdds(price(page, 0)) };
  found.moved.mayNotSign = await page.getByRole("button", { name: "Sign bet of 5.00 tUSD" }).isDisabled();
  await look(page, "moved odds, desktop");
  await page.getByRole("button", { name: "Accept the new odds" }).click();
  found.moved.signed = await bet(page, "Sign bet of 5.00 tUSD");
}

/** A market that is suspended says so at once, also on the slip, and comes back. */
async function suspends(page) {
  const first = page.locator(".fixture").nth(1);
  const id = (await first.locator(".teams").getAttribute("href")).split("/").at(-1);
  await price(page, 1).click();
  await page.locator(".stake").getByRole("textbox").fill("5");
  const [program, ...words] = JSON.parse(markets);
  execFileSync(program, [...words, "suspend", id]);
  await first.getByText("Suspended").first().waitFor();
  found.suspended = {
    slip: await page.locator(".leg-odds").innerText(),
    mayNotSign: await page.getByRole("button", { name: "Sign bet of 5.00 tUSD" }).isDisabled(),
    outcomes: await first.locator(".outcome:not([disabled])").count(),
  };
  await first.locator(".teams").click();
  await page.locator(".ladder .tag").first().waitFor();
  found.suspended.ladders = [await page.locator(".ladder").count(), await page.locator(".ladder .tag").count()];
  await look(page, "suspended fixture, desktop");
  execFileSync(program, [...words, "resume", id]);
  await page.locator(".ladder .tag").first().waitFor({ state: "detached" });
  await page.locator(".ladder .outcome:not([disabled])").first().waitFor();
  await page.getByRole("button", { name: /^Remove / }).click();
}

/** The chart of a market whose odds have moved, by keyboard. */
async function history(page) {
  await page.getByRole("link", { name: "Board", exact: true }).click();
  await page.locator(".teams").first().click();
  const summary = page.locator(".ladder").first().locator("summary");
  await summary.focus();
  await page.keyboard.press("Enter");
  const figures = page.locator(".chart-figures").first();
  await figures.waitFor();
  found.history = {
    rows: await figures.locator("tr").allInnerTexts(),
    steps: await page.locator(".chart-box path").first().getAttribute("d"),
    lines: await page.locator(".chart-box path").count(),
  };
  await look(page, "fixture with history, desktop");
  await page.setViewportSize(PHONE.viewport);
  await look(page, "fixture with history, phone");
  await page.setViewportSize(DESKTOP.viewport);
}

/** The clock goes to the end of the matches: odds close, results come in, bets settle, money moves. */
async function matchDay(page) {
  await page.getByRole("link", { name: "Board", exact: true }).click();
  const panel = page.getByRole("region", { name: "Match day" });
  const button = page.getByRole("button", { name: "Match day" });
  await button.focus();
  await page.keyboard.press("Enter");
  await panel.getByRole("button", { name: "Play the next matches to the end" }).waitFor();
  await look(page, "match day, desktop");
  await page.setViewportSize(PHONE.viewport);
  await look(page, "match day, phone");
  await page.setViewportSize(DESKTOP.viewport);
  await page.keyboard.press("Escape");
  await panel.waitFor({ state: "hidden" });
  found.focusIsBack = await button.evaluate((one) => one === document.activeElement);
  await button.click();

  const clock = () => panel.getByTestId("chain-clock").innerText();
  const funds = () => page.locator(".funds").innerText();
  found.before = { clock: await clock(), funds: await funds(), fixtures: await page.locator(".fixture").count() };
  await panel.getByRole("button", { name: "Only the next step: kick-off" }).click();
  await panel.getByRole("button", { name: "Only the next step: full time" }).waitFor();
  await page.getByText("No fixture is open for bets right now.").waitFor();
  found.kickedOff = { clock: await clock(), own: await panel.getByTestId("own-bets").innerText() };
  const since = Date.now();
  await panel.getByRole("button", { name: "Play the next matches to the end" }).click();
  await panel.getByText(/Your bets: 0 open, 1 closed/).waitFor();
  found.playedMs = Date.now() - since;
  await panel.getByText(/All matches have been played/).waitFor();
  // The balance is asked for by itself, and may come a moment later than the bet.
  const paid = Number(/ ([\d.]+) tUSD paid/.exec(await panel.getByTestId("own-bets").innerText())?.[1]);
  if (paid > 0) await page.waitForFunction((was) => document.querySelector(".funds")?.textContent !== was, found.before.funds);
  found.after = {
    clock: await clock(),
    own: await panel.getByTestId("own-bets").innerText(),
    funds: await funds(),
    scores: await panel.getByTestId("scores").locator("li").allInnerTexts(),
  };
  await look(page, "match day over, desktop");
  await button.click();
  await page.getByRole("link", { name: "My bets" }).click();
  await page.getByRole("tab", { name: /Settled/ }).click();
  await page.locator("[role=tabpanel] .bet").waitFor();
  found.settled = await page.locator("[role=tabpanel] .bet").innerText();
  found.links = await page.locator(".hash a").count();
  // A chain with an explorer.
  await page.context().route("**/v1/contracts", async (route) => {
    const answer = await (await route.fetch()).json();
    await route.fulfill({ json: { ...answer, explorer_url: "https://explorer.example" } });
  });
  await page.reload();
  await page.getByRole("tab", { name: /Settled/ }).click();
  found.link = await page.locator(".hash a").first().getAttribute("href");
}

/** Whether the browser would install the app, and with which icons. */
async function install(page) {
  const session = await page.context().newCDPSession(page);
  const { installabilityErrors } = await session.send("Page.getInstallabilityErrors");
  const { errors } = await session.send("Page.getAppManifest");
  found.install = { installabilityErrors, errors };
}

/** A server without the control: what the API says is changed on its way. */
async function elsewhere(browser) {
  const context = await browser.newContext(DESKTOP);
  context.setDefaultTimeout(STEP_MS);
  const page = await context.newPage();
  const asked = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await context.route("**/v1/contracts", async (route) => {
    const answer = await (await route.fetch()).json();
    await route.fulfill({ json: { ...answer, local_control: false } });
  });
  await page.goto(base);
  await page.locator(".fixture, .placeholder").first().waitFor();
  await page.waitForLoadState("networkidle");
  found.elsewhere = {
    buttons: await page.getByRole("button", { name: "Match day" }).count(),
    asked: asked.filter((path) => path.startsWith("/v1/local")),
  };
  await context.close();
}

try {
  await withBrowser(async (browser) => {
    await elsewhere(browser);
    const { page } = await open(browser, DESKTOP);
    await install(page);
    await ready(page, "100");
    await moves(page, browser);
    await suspends(page);
    await history(page);
    await matchDay(page);
  });
} catch (error) {
  console.error(JSON.stringify(found, null, 1));
  throw error;
}
console.log(JSON.stringify(found));
