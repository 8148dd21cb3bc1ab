/** Goes on with the slips that were signed before the page was opened. Each leaves the bet slip, so that it is not
 * bet a second time; what the house refuses comes back. */

import { openJournal, submit } from "./journal.ts";
import { verify } from "./placing.ts";
import { takeOut } from "./state.ts";

export async function resumeSlips(chainId: number, sportsbook: string): Promise<void> {
  await Promise.all(
    openJournal(chainId, sportsbook).map(async (slip) => {
      const putBack = takeOut(slip.body.legs);
      const answered = await submit(slip.hash);
      if (answered?.state === "refused") putBack();
      if (answered?.state === "accepted") await verify(answered);
    }),
  );
}
