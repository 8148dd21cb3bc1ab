/** Saves all bets of an account as a file. */

import { useState } from "react";

import type { Bet } from "../api/client.ts";
import { t } from "../strings/index.ts";
import { Fault } from "../ui/Fault.tsx";
import { download, json } from "./download.ts";
import { allBets, csvOf } from "./export.ts";

export function Exports({ account }: { account: number }) {
  const [error, setError] = useState<unknown>(null);
  const save = (name: string, write: (bets: Bet[]) => string) => {
    setError(null);
    void allBets(account).then((bets) => download(name, write(bets)), setError);
  };
  return (
    <p className="actions">
      <button type="button" className="button" onClick={() => save("fairline-bets.csv", csvOf)}>
        {t.bets.exportBets("CSV")}
      </button>
      <button type="button" className="button" onClick={() => save("fairline-bets.json", json)}>
        {t.bets.exportBets("JSON")}
      </button>
      {error !== null && <Fault error={error} />}
    </p>
  );
}
