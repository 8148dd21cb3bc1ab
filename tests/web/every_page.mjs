/** Looks at every page of the app as a visitor with a demo wallet and a bet, on a phone and on a desktop, in both themes
 * and both languages. The first argument is the address of the app. Prints as JSON what was found. */

import { DESKTOP, found, look, open, PHONE, price, visit } from "./visitor.mjs";

const [base] = process.argv.slice(2);
const SCREENS = { phone: PHONE, desktop: DESKTOP };
const PAGES = {
  board: ["/", ".fixture"],
  bets: ["/bets", ".page h1, main h1"],
  account: ["/account", "main h1"],
  proof: ["/proof", ".verdict"],
  liquidity: ["/liquidity", "[data-testid=leave-price]"],
};
found.cut = [];
found.looked = [];
found.pages = [...Object.keys(PAGES), "fixture"];

/** Words that do not fit where they stand. */
async function cutWords(page, name) {
  const cut = await page.evaluate(() =>
    [...document.querySelectorAll("button, a, legend, label, th, td, dt, dd, h1, h2, h3, p, span")]
      .filter((one) => one.offsetParent !== null && one.clientWidth > 1 && one.scrollWidth > one.clientWidth + 1)
      .filter((one) => getComputedStyle(one).display !== "inline" && !one.closest(".hidden"))
      .filter((one) => getComputedStyle(one).overflowX !== "auto")
      .map((one) => `${one.tagName} ${one.className}: ${one.textContent.trim().slice(0, 60)}`),
  );
  for (const one of new Set(cut)) found.cut.push(`${name}: ${one}`);
}

async function all(page, name) {
  const fixture = await page.request.get(`${base}/v1/fixtures`).then(async (answer) => (await answer.json())[0].id);
  for (const [title, [path, sign]] of Object.entries({ ...PAGES, fixture: [`/fixture/${fixture}`, ".ladder"] })) {
    await page.goto(`${base}${path}`);
    await page.locator(sign).first().waitFor();
    await page.locator(".live[data-state='live']").waitFor();
    await page.waitForLoadState("networkidle");
    await cutWords(page, `${title}, ${name}`);
    await look(page, `${title}, ${name}`);
    found.looked.push(`${title}, ${name}`);
  }
}

async function begin(page) {
  const { tokens, got, deposit, done } = {
    en: { tokens: "Get 1,000 test tokens", got: /are in your wallet/, deposit: "Deposit", done: /deposited/ },
    de: { tokens: /Test-Token|Testtoken/, got: /sind in Ihrer Wallet/, deposit: "Einzahlen", done: /eingezahlt/ },
  }[await page.evaluate(() => document.documentElement.lang)];
  await page.goto(base);
  await page.locator(".fixture").first().waitFor();
  await page.getByRole("button", { name: /demo wallet|Demo-Wallet/ }).first().click();
  await page.getByRole("button", { name: tokens }).click();
  await page.getByText(got).first().waitFor();
  const form = page.locator("section.card", { has: page.locator("#deposit-title") });
  await form.getByRole("button", { name: deposit, exact: true }).click();
  await page.locator(".dialog .button.primary").click();
  await page.getByText(done).first().waitFor();
}

await visit(async (browser) => {
  for (const [size, screen] of Object.entries(SCREENS)) {
    for (const language of ["en", "de"]) {
      const { context, page } = await open(browser, { ...screen, locale: language });
      const name = `${language}, ${size}`;
      await page.goto(base);
      await page.locator(".fixture").first().waitFor();
      await look(page, `first visit, ${name}`);
      await begin(page);
      await all(page, name);
      // The slip with one bet, and the choice of its way.
      await page.goto(base);
      await price(page, 4).click();
      if (size === "phone") await page.locator(".tab-slip").click();
      await page.locator(".stake input").fill("3");
      await page.locator(".roads label:has(input:enabled)").nth(1).click();
      await page.locator(".sign-in").waitFor();
      await cutWords(page, `slip, ${name}`);
      await look(page, `slip, ${name}`);
      await context.close();
    }
  }
});
