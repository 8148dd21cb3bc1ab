/** Builds the app into web/dist: names with a hash of their content, and beside each text file its
 * compressed forms, which backend/ops/pages.py serves. */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const DIST = join(import.meta.dirname, "dist");
const TEXT = /\.(js|css|html|svg|webmanifest)$/;

function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    closeBundle() {
      for (const file of readdirSync(DIST, { recursive: true, encoding: "utf8" })) {
        if (!TEXT.test(file)) continue;
        const path = join(DIST, file);
        const plain = readFileSync(path);
        for (const [suffix, pack] of [[".br", brotliCompressSync], [".gz", gzipSync]] as const) {
          const packed = pack(plain);
          if (packed.length < plain.length) writeFileSync(path + suffix, packed);
        }
      }
    },
  };
}

export default defineConfig({
  root: import.meta.dirname,
  cacheDir: join(import.meta.dirname, "..", "node_modules", ".vite"),
  plugins: [react(), compressed()],
  build: {
    outDir: DIST,
    emptyOutDir: true,
    target: "es2022",
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    // A data address in a style sheet would need a wider content policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
