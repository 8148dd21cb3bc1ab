/** Decides what comes next on a match day. Pure. */

import type { Schemas } from "../api/client.ts";

export type MatchDay = Schemas["MatchDayPublic"];
export type Moment = Schemas["TravelCreate"]["to"];
export type Step = Exclude<Moment, "in-15-minutes">;

export const STEPS: readonly Step[] = ["kick-off", "full-time", "results-final"];

/** The step that comes next; `wait` while the house publishes the results of matches that are over;
 * null when no match is left. */
export function nextStep(day: MatchDay): Step | "wait" | null {
  if (day.full_time_s !== null) return "full-time";
  if (day.matches.some((match) => match.state === "over")) return "wait";
  if (day.results_final_s !== null) return "results-final";
  return day.kick_off_s === null ? null : "kick-off";
}

/** To when a step moves the clock. */
export function timeOf(day: MatchDay, step: Step): number | null {
  return { "kick-off": day.kick_off_s, "full-time": day.full_time_s, "results-final": day.results_final_s }[step];
}
