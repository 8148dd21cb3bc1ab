/** The app in German: words, numbers and what a visitor may type. */

import assert from "node:assert/strict";
import { test } from "node:test";

Object.defineProperty(globalThis, "navigator", { value: { languages: ["fr-FR", "de-AT"] }, configurable: true });
const { t, language } = await import("../../web/src/strings/index.ts");
const { en } = await import("../../web/src/strings/en.ts");
const { formatAge, formatMicro, formatOdds, formatMoment } = await import("../../web/src/odds/format.ts");
const { outcomeNames, marketTitle, legWords, unpackMarket } = await import("../../web/src/odds/market.ts");
const { readAmount } = await import("../../web/src/slip/amounts.ts");

const TOTAL = `0x${"ab".repeat(16)}0068333070040100090000000000000000`.slice(0, 66);

test("the first language of the browser that there is", () => {
  assert.equal(language, "de");
  assert.equal(t.site.bets, "Meine Wetten");
});

test("amounts, odds, ages and dates are written as in German", () => {
  assert.equal(formatMicro("1234567890000", 2), "1.234.567,89");
  assert.equal(formatOdds(19250), "1,925");
  assert.equal(formatAge(0), "jetzt");
  assert.match(formatMoment(1_748_185_200, undefined, "UTC"), /^25\. Mai/);
});

test("a point with three digits could separate thousands, a comma could not", () => {
  assert.deepEqual(readAmount("1.000"), { fault: "ambiguous" });
  assert.deepEqual(readAmount("1,125"), { micro: 1_125_000n });
  assert.deepEqual(readAmount("2.5"), { micro: 2_500_000n });
});

test("markets are shown in German, and signed as the contract names them", () => {
  const market = unpackMarket(TOTAL);
  assert.equal(marketTitle(market), "Tore, erste Halbzeit");
  assert.deepEqual(outcomeNames(market), ["Über 2,25", "Unter 2,25"]);
  assert.equal(legWords(market, 0).market, "Total goals");
  assert.equal(legWords(market, 0).outcome, "Over");
});

// Words that are the same in both languages.
const SAME = new Set(["Cash-out", "Cash-outs"]);

test("every word is translated", () => {
  const left = [];
  const compare = (path, english, german) => {
    if (typeof english === "object" && english !== null) {
      for (const name of Object.keys(english)) compare(`${path}.${name}`, english[name], german[name]);
    } else if (english === german && String(english).length > 4 && !SAME.has(english)) {
      left.push(`${path}: ${english}`);
    }
    assert.equal(typeof german, typeof english, path);
  };
  for (const name of Object.keys(en).filter((one) => one !== "locale")) compare(name, en[name], t[name]);
  assert.deepEqual(left, []);
});
