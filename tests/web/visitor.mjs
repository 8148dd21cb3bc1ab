/** Opens the app as a visitor, and looks at it: what all scripts of this folder that bet have in common. */

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { STEP_MS, withBrowser } from "./browser.mjs";

const pages = [];
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
export const PHONE = { viewport: { width: 360, height: 780 }, colorScheme: "dark", isMobile: true, hasTouch: true };
export const DESKTOP = { viewport: { width: 1440, height: 900 }, colorScheme: "light" };

/** What every visit finds; each script adds its own. */
export const found = { complaints: [], axe: [], overflow: [], hosts: [] };

export async function open(browser, screen, wallet) {
  const context = await browser.newContext(screen);
  context.setDefaultTimeout(STEP_MS);
  if (wallet) await wallet.enter(context);
  const page = await context.newPage();
  pages.push(page);
  page.on("console", (message) => {
    // Refusals are no faults, nor are the requests that a script cuts off. That the house does not have a
    // slip or relay of this hash is what an app wants to know after an answer that was lost.
    const { url } = message.location();
    const isAnswer =
      /status of (401|409|403)|ERR_FAILED|ERR_INTERNET_DISCONNECTED/.test(message.text()) ||
      (/status of 404/.test(message.text()) && /\/by-hash\//.test(url));
    if (["error", "warning"].includes(message.type()) && !isAnswer) found.complaints.push(`${message.text()} ${url}`);
  });
  page.on("pageerror", (error) => found.complaints.push(error.message));
  page.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol.startsWith("http") && !found.hosts.includes(origin)) found.hosts.push(origin);
  });
  return { context, page };
}

/** Rules that a page breaks in both themes, and by how much it is too wide. SCREENSHOTS names a folder for what it
 * looks like. It ends in the theme with which it began. */
export async function look(page, name) {
  const began = await page.evaluate(() => (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
  for (const theme of began === "dark" ? ["light", "dark"] : ["dark", "light"]) {
    await page.emulateMedia({ colorScheme: theme });
    await lookOnce(page, `${name}, ${theme}`);
  }
}

async function lookOnce(page, name) {
  // Not innerWidth: a phone zooms out of what is too wide.
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  found.overflow.push([name, wide - page.viewportSize().width]);
  await page.evaluate(AXE);
  // While a window is open, all behind it is hidden from those who cannot see it.
  const broken = await page.evaluate(() =>
    globalThis.axe.run([...document.querySelectorAll("[role=dialog]")].at(-1) ?? document, { resultTypes: ["violations"] }),
  );
  for (const { id, nodes } of broken.violations) found.axe.push(`${name}: ${id}: ${nodes[0].html.slice(0, 160)}`);
  const folder = process.env.SCREENSHOTS;
  const isWindow = (await page.locator("[role=dialog]").count()) > 0;
  if (folder) await page.screenshot({ path: join(folder, `${name.replaceAll(/\W+/g, "-")}.png`), fullPage: !isWindow });
}

/** The fields of a message that is signed, as the app or the demo wallet's window shows them. */
export const words = async (page, place) => {
  const shown = page.getByTestId(place);
  const [names, values] = await Promise.all([
    shown.locator("dt").allInnerTexts(),
    shown.locator("dd:not(.reading)").allInnerTexts(),
  ]);
  return names.map((one, at) => [one, values[at]]);
};

/** What the app says beside the raw values of what is signed. */
export const readings = (page, place) => page.getByTestId(place).locator("dd.reading").allInnerTexts();

export const price = (page, at = 0, market = 0) =>
  page.locator(".fixture").nth(at).locator(".market").nth(market).locator(".outcome").first();
export const reached = (page, step) =>
  page.locator(".steps li[data-done='true']", { hasText: step }).first().waitFor();
/** Connects the test wallet and deposits `amount`, which ends on the board. */
export async function begin(page, base, amount) {
  await page.goto(base);
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await page.getByRole("button", { name: "Test wallet" }).click();
  await page.getByRole("button", { name: "Get 1,000 test tokens" }).click();
  await page.getByText("1,000 test tokens and coins for gas are in your wallet.").waitFor();
  const deposit = page.getByRole("region", { name: "Deposit", exact: true });
  await deposit.getByRole("textbox").fill(amount);
  await deposit.getByRole("button", { name: "Deposit", exact: true }).click();
  await page.getByText(`${amount}.00 tUSD deposited.`).waitFor();
  await page.getByRole("link", { name: "Board", exact: true }).click();
}

export const available = async (page) => (await page.getByTestId("available").innerText()).trim();
export const until = (page, text) => page.waitForFunction(
  (wanted) => document.querySelector("[data-testid=available]")?.textContent?.trim() === wanted,
  text,
);

/** Runs a visit and prints what it found, also when it fails: then with what its pages showed. */
export async function visit(run) {
  try {
    await withBrowser(async (browser) => {
      try {
        await run(browser);
      } catch (error) {
        const shown = pages.filter((page) => !page.isClosed()).map((page) => page.locator("body").innerText());
        console.error(JSON.stringify(found, null, 1), ...(await Promise.all(shown)));
        throw error;
      }
    });
  } finally {
    pages.length = 0;
  }
  console.log(JSON.stringify(found));
}
