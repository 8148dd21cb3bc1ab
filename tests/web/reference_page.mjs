/** Opens the API reference of the address that is its argument, on a desktop and on a phone, and
 * uses it as a reader does. Prints as JSON what it found on each; with the argument `without`, what
 * the page says. */

import { STEP_MS, withBrowser } from "./browser.mjs";

const [base, without] = process.argv.slice(2);
const SCREENS = {
  desktop: { viewport: { width: 1280, height: 900 }, colorScheme: "light" },
  phone: { viewport: { width: 390, height: 844 }, colorScheme: "dark", isMobile: true, hasTouch: true },
};

async function read(browser, screen) {
  const complaints = [];
  const context = await browser.newContext(screen);
  context.setDefaultTimeout(STEP_MS);
  const page = await context.newPage();
  page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("requestfailed", (request) => complaints.push(`${request.url()} failed`));
  page.on("response", (answer) => answer.ok() || complaints.push(`${answer.url()}: ${answer.status()}`));
  const hosts = new Set();
  page.on("request", (request) => hosts.add(new URL(request.url()).origin));

  await page.goto(`${base}/docs`);
  await page.waitForSelector(".opblock");
  const paths = await page.locator(".opblock-summary-path").allInnerTexts();

  const slip = page.locator("#operations-slips-post_slip");
  await slip.locator(".opblock-summary-control").click();
  await slip.locator("text=stake_micro").first().waitFor();
  const refusals = await slip.locator("option").allInnerTexts();
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

  const health = page.locator("#operations-operations-healthz");
  await health.locator(".opblock-summary-control").click();
  await health.locator(".try-out__btn").click();
  await health.locator(".execute").click();
  const answer = await health.locator(".live-responses-table .response .microlight").first().innerText();
  await context.close();
  return { paths, refusals, wide, answer, complaints, hosts: [...hosts] };
}

async function text(browser) {
  const page = await browser.newPage();
  page.setDefaultTimeout(STEP_MS);
  await page.goto(`${base}/docs`);
  return { text: await page.locator("main").innerText() };
}

const found = await withBrowser(async (browser) => {
  if (without) return text(browser);
  const pages = {};
  for (const [name, screen] of Object.entries(SCREENS)) pages[name] = await read(browser, screen);
  return pages;
});
console.log(JSON.stringify(found));
