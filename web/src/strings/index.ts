/** The words of the app, in the language that the visitor chose or that the browser prefers. Another
 * language is another file of the same shape; it is loaded when it is used. */

import { keep, kept } from "../app/storage.ts";
import { en } from "./en.ts";

type Words<T> = T extends (...given: infer Given) => string
  ? (...given: Given) => string
  : T extends string
    ? string
    : { readonly [Name in keyof T]: Words<T[Name]> };

export type Strings = Omit<Words<typeof en>, "locale"> & {
  /** Of dates and numbers; undefined is the browser's own. */
  readonly locale: string | undefined;
};

/** In their own words. */
export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;

const KEY = "fairline:language";

export const isLanguage = (given: unknown): given is Language => typeof given === "string" && given in LANGUAGES;

function chosen(): Language {
  const own = kept<unknown>(KEY);
  if (isLanguage(own)) return own;
  const preferred = globalThis.navigator?.languages?.map((tag) => tag.slice(0, 2)).find(isLanguage);
  return preferred ?? "en";
}

/** Chooses a language for this browser; the page begins again in it. */
export function speak(wanted: Language): void {
  keep(KEY, wanted);
  location.reload();
}

export const language = chosen();

export const t: Strings = language === "de" ? (await import("./de.ts")).de : en;
