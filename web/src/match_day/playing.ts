/** Moves the clock of a local chain, step by step, and says what is waited for. */

import { answered, api, mayPass, Refusal } from "../api/client.ts";
import { queryClient } from "../api/queries.ts";
import { nextStep, type MatchDay, type Moment, type Step } from "./steps.ts";

const LOOK_MS = 700;
/** How long what a step has changed is shown before the next one. */
const SHOWN_MS = 3000;
const BEHIND_MS = 60_000;

export type Doing = Step | "slips" | "mirror" | "results";

export const matchDay = (): Promise<MatchDay> => answered(api.GET("/v1/local/match-day"));

const pause = (ms: number) => new Promise((wake) => setTimeout(wake, ms));

/** Moves the clock, after slips that are about to be placed, and waits until the mirror shows it. */
export async function travel(to: Moment, say: (doing: Doing) => void): Promise<void> {
  let reachedS: number | undefined;
  while (reachedS === undefined) {
    try {
      reachedS = (await answered(api.POST("/v1/local/travel", { body: { to } }))).now_s;
    } catch (error) {
      if (!(error instanceof Refusal && error.code === "slips-waiting")) throw error;
      say("slips");
      await pause(LOOK_MS);
    }
  }
  say("mirror");
  const until = Date.now() + BEHIND_MS;
  while ((await looked()).now_s < reachedS && Date.now() < until) await pause(LOOK_MS);
  void queryClient.invalidateQueries();
}

/** Plays one step, or all of them until the results of a match are final. */
export async function play(all: boolean, say: (doing: Doing) => void): Promise<void> {
  for (;;) {
    const step = nextStep(await looked());
    if (step === null) return;
    if (step === "wait") {
      say("results");
      await pause(LOOK_MS);
      continue;
    }
    say(step);
    await travel(step, say);
    if (!all || step === "results-final") return;
    say(step);
    await pause(SHOWN_MS);
  }
}

/** The match day, asked for again while the server or its mirror is away. */
async function looked(): Promise<MatchDay> {
  for (const until = Date.now() + BEHIND_MS; ; ) {
    try {
      return await matchDay();
    } catch (error) {
      if (!mayPass(error) || Date.now() > until) throw error;
      await pause(LOOK_MS);
    }
  }
}
