/** A hash, short, with a button that copies all of it; a transaction's is a link where the chain has an
 * explorer. */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { contractsQuery } from "../api/queries.ts";
import { t } from "../strings/index.ts";

export function Hash({ hash, isTransaction = true }: { hash: string; isTransaction?: boolean }) {
  const explorer = useQuery(contractsQuery).data?.explorer_url;
  const [copied, setCopied] = useState(false);
  const copy = () => {
    void navigator.clipboard.writeText(hash).then(() => setCopied(true));
  };
  const short = <code title={hash}>{`${hash.slice(0, 8)}…${hash.slice(-4)}`}</code>;
  return (
    <span className="hash">
      {isTransaction && explorer ? (
        <a href={`${explorer}/tx/${hash}`} target="_blank" rel="noreferrer">
          {short}
        </a>
      ) : (
        short
      )}{" "}
      <button type="button" className="plain" onClick={copy} aria-label={`${t.slip.copy} ${t.slip.tx} ${hash}`}>
        {copied ? t.slip.copied : t.slip.copy}
      </button>
    </span>
  );
}
