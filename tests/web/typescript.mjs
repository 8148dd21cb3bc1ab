/** Lets Node import the app's TypeScript: `node --import ./tests/web/typescript.mjs`. Types are
 * stripped, not checked. */

import { readFileSync } from "node:fs";
import { register } from "node:module";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";

import typescript from "typescript";

const SOURCE = /\.tsx?(\?|$)/;

// Node runs the hooks of `register` in a thread of their own.
if (isMainThread) register(import.meta.url);

export async function load(url, context, next) {
  if (!SOURCE.test(url)) return next(url, context);
  const { outputText } = typescript.transpileModule(readFileSync(fileURLToPath(url), "utf8"), {
    compilerOptions: { module: "ESNext", target: "ES2022", jsx: "react-jsx", verbatimModuleSyntax: true },
    fileName: fileURLToPath(url),
  });
  return { format: "module", source: outputText, shortCircuit: true };
}
