/** The words of the app. A second language is another file of the same type. */

import { en } from "./en.ts";

export type Strings = typeof en;

export const t: Strings = en;
