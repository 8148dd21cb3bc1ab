/** Offers to switch, or to add, the network of the contracts. */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { contractsQuery } from "../api/queries.ts";
import { explain } from "../app/explain.ts";
import { t } from "../strings/index.ts";
import { LOCAL_CHAINS } from "./chains.ts";
import { engine, useWallet } from "./state.ts";

export function WrongNetwork() {
  const { status, chainId } = useWallet();
  const { data: contracts } = useQuery(contractsQuery);
  const [error, setError] = useState<unknown>(null);
  if (status !== "connected" || !contracts || chainId === contracts.chain_id) return null;
  const id = contracts.chain_id;
  const name = LOCAL_CHAINS.includes(id) ? t.wallet.localChain : t.wallet.chain(id);
  const change = () => {
    setError(null);
    void engine().then((wallet) => wallet.switchChain()).catch(setError);
  };
  return (
    <div className="strip" role="alert">
      <span>{error ? explain(error, "").text : t.wallet.wrong(name)}</span>
      <button type="button" className="button" onClick={change}>
        {t.wallet.switch}
      </button>
    </div>
  );
}
