/** Drives a browser for bench/web.py. The arguments are what to measure, the app's address, and what that
 * needs besides; prints JSON. What runs until its input ends says "ready" on a line of its own first,
 * and stops then. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { spawn } from "node:child_process";
import { join } from "node:path";

import { withBrowser } from "../tests/web/browser.mjs";
import { InjectedWallet } from "../tests/web/injected_wallet.mjs";

const [what, base, ...more] = process.argv.slice(2);
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const STEP_MS = 60_000;
const PHONE = { viewport: { width: 360, height: 780 }, isMobile: true, hasTouch: true };
const DESKTOP = { viewport: { width: 1440, height: 900 } };
const LIGHTHOUSE = "lighthouse@12.2.3";

async function open(browser, screen = DESKTOP, path = "/") {
  const context = await browser.newContext(screen);
  context.setDefaultTimeout(STEP_MS);
  const page = await context.newPage();
  await page.goto(base + path);
  return page;
}

const ended = () => new Promise((resolve) => process.stdin.on("end", resolve).resume());
const price = (page, at = 0) => page.locator(".fixture").nth(at).locator(".outcome").first();

/** The scripts of the board's first load, as they are sent, in KiB. */
async function load(browser) {
  const sizes = {};
  for (const [name, screen] of Object.entries({ phone: PHONE, desktop: DESKTOP })) {
    const page = await open(browser, screen);
    await price(page).waitFor();
    await page.waitForLoadState("networkidle");
    sizes[name] = await page.evaluate(() =>
      performance
        .getEntriesByType("resource")
        .filter((entry) => /assets\/.*\.js$/.test(entry.name))
        .reduce((sum, entry) => sum + entry.encodedBodySize / 1024, 0),
    );
    await page.context().close();
  }
  return sizes;
}

/** Rules of axe that a page breaks, in each theme and on each screen. */
async function axe(browser) {
  const broken = [];
  let pages = 0;
  for (const [screenName, screen] of Object.entries({ phone: PHONE, desktop: DESKTOP })) {
    for (const colorScheme of ["light", "dark"]) {
      const page = await open(browser, { ...screen, colorScheme });
      await price(page).waitFor();
      const fixture = await page.locator(".teams").first().getAttribute("href");
      for (const path of ["/", fixture, "/bets", "/account", "/proof", "/none"]) {
        if (path !== "/none") await page.goto(base + path);
        else await page.evaluate(() => history.pushState({}, "", "/none") ?? dispatchEvent(new PopStateEvent("popstate")));
        await page.waitForLoadState("networkidle");
        for (const details of await page.locator(".ladder summary").all()) await details.click();
        await page.evaluate(AXE);
        const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
        broken.push(...violations.map(({ id, nodes }) => `${path} ${screenName} ${colorScheme}: ${id} ${nodes[0].html.slice(0, 120)}`));
        pages += 1;
      }
      await page.context().close();
    }
  }
  return { pages, broken };
}

/** Seconds from the address to an accepted bet, with the demo wallet, on a phone. */
async function firstBet(browser) {
  const began = performance.now();
  const page = await open(browser, PHONE);
  const press = (name, exact = false) => page.getByRole("button", { name, exact }).click();
  await press("Try it with a demo wallet");
  await press("Get 1,000 test tokens");
  await page.getByText("1,000 test tokens and coins for gas are in your wallet.").waitFor();
  await page.getByRole("region", { name: "Deposit" }).getByRole("button", { name: "Deposit" }).click();
  await press("Sign", true);
  await page.getByText("100.00 tUSD deposited.").waitFor();
  await page.getByRole("link", { name: "Board", exact: true }).click();
  await price(page).click();
  await press(/Slip$/);
  await page.getByRole("dialog").getByRole("textbox").fill("2.50");
  await press("Sign bet of 2.50 tUSD");
  await press("Sign", true);
  await page.locator(".steps li[data-done='true']", { hasText: "Accepted" }).first().waitFor();
  const seconds = (performance.now() - began) / 1000;
  await page.context().close();
  return seconds;
}

/** Milliseconds from each click on "Sign bet" to the request that the wallet gets. */
async function clicks(browser) {
  const [rpcUrl, key, number] = more;
  const wallet = new InjectedWallet({ keys: [key], rpcUrl, chainId: 1337 });
  const context = await browser.newContext(DESKTOP);
  context.setDefaultTimeout(STEP_MS);
  await wallet.enter(context);
  const page = await context.newPage();
  await page.goto(base);
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await page.getByRole("button", { name: "Test wallet" }).click();
  await page.getByRole("button", { name: "Get 1,000 test tokens" }).click();
  await page.getByText("1,000 test tokens and coins for gas are in your wallet.").waitFor();
  await page.getByRole("region", { name: "Deposit" }).getByRole("button", { name: "Deposit" }).click();
  await page.getByText(/deposited/).waitFor();
  await page.getByRole("link", { name: "Board", exact: true }).click();
  await price(page).click();
  await page.locator(".stake").getByRole("textbox").fill("2");
  // Refused, so that the same slip can be signed again.
  wallet.refuse = true;
  await page.evaluate(() => {
    const ask = window.walletRequest;
    window.waits = [];
    let clickedAt = 0;
    addEventListener("click", (event) => (clickedAt = event.timeStamp), { capture: true });
    const known = {};
    window.walletRequest = async (request) => {
      // What a wallet in the browser knows by itself; only this one is outside.
      if (["eth_accounts", "eth_chainId"].includes(request.method)) return (known[request.method] ??= await ask(request));
      if (request.method === "eth_signTypedData_v4") window.waits.push(performance.now() - clickedAt);
      return ask(request);
    };
  });
  for (let at = 1; at <= Number(number); at += 1) {
    await page.getByRole("button", { name: "Sign bet of 2.00 tUSD" }).click();
    await page.waitForFunction((wanted) => window.waits.length === wanted, at);
    await page.getByText("You rejected the request in the wallet. Nothing was signed or sent.").waitFor();
    await page.waitForTimeout(150);
  }
  const waits = await page.evaluate(() => window.waits);
  await context.close();
  return waits;
}

/** When prices of each fixture were painted, by the clock of the machine in milliseconds. */
async function pixels(browser) {
  const page = await open(browser);
  await price(page).waitFor();
  await page.locator(".live[data-state='live']").waitFor();
  await page.evaluate(() => {
    window.painted = [];
    const watcher = new MutationObserver((changes) => {
      const fixtures = new Set();
      for (const { target } of changes) {
        const place = target.parentElement?.closest(".price");
        const fixture = place?.closest(".fixture")?.querySelector(".teams")?.getAttribute("href");
        if (fixture) fixtures.add(fixture.split("/").at(-1));
      }
      if (fixtures.size === 0) return;
      // The frame is painted between this callback and the message that it sends.
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => fixtures.forEach((id) => window.painted.push([id, Date.now()]));
        port2.postMessage(null);
      });
    });
    watcher.observe(document.body, { subtree: true, characterData: true });
  });
  console.log("ready");
  await ended();
  const painted = await page.evaluate(() => window.painted);
  await page.context().close();
  return painted;
}

/** Frames per second and long tasks of the board while its odds move, at rest and scrolled. */
async function board(browser) {
  const [seconds] = more.map(Number);
  const page = await open(browser);
  await price(page).waitFor();
  await page.waitForFunction(() => document.querySelectorAll(".fixture").length >= 500);
  await page.locator(".live[data-state='live']").waitFor();
  console.log("ready");
  // What was loaded is laid out first.
  await page.waitForTimeout(5000);
  const found = await page.evaluate(async (seconds) => {
    const tasks = [];
    const watcher = new PerformanceObserver((list) => tasks.push(...list.getEntries().map((one) => one.duration)));
    watcher.observe({ entryTypes: ["longtask"] });
    let repainted = 0;
    const changes = new MutationObserver((all) => (repainted += all.length));
    changes.observe(document.body, { subtree: true, characterData: true });
    const began = performance.now();
    const frames = [began];
    while (performance.now() - began < seconds * 1000) {
      frames.push(await new Promise(requestAnimationFrame));
      // As a visitor who reads on: half of the time.
      if (Math.floor((performance.now() - began) / 1000) % 2 === 1) scrollBy(0, 8);
    }
    watcher.disconnect();
    const gaps = frames.slice(1).map((at, index) => at - frames[index]).sort((a, b) => a - b);
    const lasted = (performance.now() - began) / 1000;
    return {
      frames_per_s: (frames.length - 1) / lasted,
      longest_task_ms: Math.max(0, ...tasks),
      long_tasks: tasks.length,
      frame_p99_ms: gaps[Math.floor(gaps.length * 0.99)],
      prices_repainted_per_s: repainted / lasted,
      fixtures: document.querySelectorAll(".fixture").length,
    };
  }, seconds);
  await ended();
  await page.context().close();
  return found;
}

/** The scores of Lighthouse on a phone as it simulates one, of some runs. */
async function lighthouse(port) {
  const [runs, folder] = more;
  const found = [];
  for (let run = 0; run < Number(runs); run += 1) {
    const path = join(folder, `lighthouse-${run}.json`);
    const options = ["--quiet", `--port=${port}`, "--output=json", `--output-path=${path}`, "--only-categories=performance,accessibility,best-practices,seo"];
    await new Promise((resolve, reject) => {
      const child = spawn("npx", ["--yes", LIGHTHOUSE, base, ...options], { stdio: ["ignore", "ignore", "inherit"] });
      child.on("error", reject).on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`lighthouse: ${code}`))));
    });
    const { categories, audits } = JSON.parse(readFileSync(path, "utf8"));
    const failed = Object.values(categories).flatMap(({ auditRefs }) =>
      auditRefs.filter(({ id, weight }) => weight > 0 && (audits[id].score ?? 1) < 0.9).map(({ id }) => `${id}: ${audits[id].displayValue ?? audits[id].score}`),
    );
    found.push({ ...Object.fromEntries(Object.entries(categories).map(([name, { score }]) => [name, Math.round(score * 100)])), failed });
  }
  return found;
}

const MEASURES = { load, axe, first_bet: firstBet, clicks, pixels, board };
if (what === "lighthouse") {
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  console.log(JSON.stringify(await withBrowser(() => lighthouse(port), [`--remote-debugging-port=${port}`])));
} else {
  console.log(JSON.stringify(await withBrowser(MEASURES[what])));
}
