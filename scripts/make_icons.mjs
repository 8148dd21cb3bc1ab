/** Draws the app's icons from web/public/icon.svg: `node scripts/make_icons.mjs`. With `--check` it writes
 * nothing and prints, for each, how much it differs from the file (0 to 255, mean of all channels). */

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { withBrowser } from "../tests/web/browser.mjs";

const FOLDER = new URL("../web/public/", import.meta.url);
// Those that a system cuts to a shape of its own have no corners of their own. The drawing keeps to the
// middle four fifths, which no shape cuts.
const ICONS = [
  { name: "icon-192.png", size: 192, isFull: false },
  { name: "icon-512.png", size: 512, isFull: false },
  { name: "icon-maskable-512.png", size: 512, isFull: true },
  { name: "apple-touch-icon.png", size: 180, isFull: true },
];

const svg = readFileSync(new URL("icon.svg", FOLDER), "utf8");

/** The picture of an icon, as bytes of a PNG. */
async function draw(page, { size, isFull }) {
  const shown = isFull ? svg.replace(/ rx="\d+"/, "") : svg;
  await page.setViewportSize({ width: size, height: size });
  await page.setContent(`<style>* { margin: 0; display: block; }</style>${shown.replace("<svg", `<svg width="${size}"`)}`);
  return page.screenshot({ omitBackground: true });
}

/** The mean difference of two pictures of one size; 255 for others. */
const difference = (page, one, other) =>
  page.evaluate(
    async (sources) => {
      const pixels = [];
      for (const source of sources) {
        const image = new Image();
        image.src = `data:image/png;base64,${source}`;
        await image.decode();
        const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
        canvas.drawImage(image, 0, 0);
        pixels.push(canvas.getImageData(0, 0, image.width, image.height).data);
      }
      const [a, b] = pixels;
      if (a.length !== b.length) return 255;
      return a.reduce((sum, value, at) => sum + Math.abs(value - b[at]), 0) / a.length;
    },
    [one, other].map((bytes) => bytes.toString("base64")),
  );

const found = await withBrowser(async (browser) => {
  const page = await browser.newPage();
  const differences = {};
  for (const icon of ICONS) {
    const path = fileURLToPath(new URL(icon.name, FOLDER));
    const drawn = await draw(page, icon);
    if (process.argv.includes("--check")) differences[icon.name] = await difference(page, drawn, readFileSync(path));
    else writeFileSync(path, drawn);
  }
  return differences;
});
if (process.argv.includes("--check")) console.log(JSON.stringify(found));
