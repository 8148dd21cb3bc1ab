/** Starts a real browser for tests: the Chromium on PATH, or the one that npm installs. */

import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

import { chromium as playwright } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
const OPTIONS = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** How long a step may take on a busy machine. */
export const STEP_MS = Number(process.env.STEP_MS ?? 120_000);

/** Runs `use` with a browser of its own, and returns its answer. */
export async function withBrowser(use, options = []) {
  const folder = mkdtempSync(join(tmpdir(), "fairline-browser-"));
  try {
    const executablePath = onPath() ?? (await ofPackage(folder));
    const browser = await playwright.launch({ executablePath, args: [...OPTIONS, ...options], timeout: STEP_MS });
    try {
      return await use(browser);
    } finally {
      await browser.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function onPath() {
  const folders = process.env.PATH.split(delimiter);
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(existsSync);
}

/** The package unpacks browser, fonts and libraries into TMPDIR, and the latter only where it
 * believes to be in the container that it is made for. */
async function ofPackage(folder) {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error("No Chromium was found on PATH: install one, the package has none for this machine.");
  }
  mkdirSync(join(folder, "fonts"));
  process.env.TMPDIR = folder;
  process.env.AWS_LAMBDA_JS_RUNTIME = "nodejs20.x";
  const { default: chromium } = await import("@sparticuz/chromium");
  return chromium.executablePath();
}
