/** A transaction's hash, short, with a button that copies all of it. */

import { useState } from "react";

import { t } from "../strings/index.ts";

export function Hash({ hash }: { hash: string }) {
  const [copied, setCopied] = useState(false);
  const copy = () => {
    void navigator.clipboard.writeText(hash).then(() => setCopied(true));
  };
  return (
    <span className="hash">
      <code title={hash}>{`${hash.slice(0, 8)}…${hash.slice(-4)}`}</code>{" "}
      <button type="button" className="plain" onClick={copy} aria-label={`${t.slip.copy} ${t.slip.tx} ${hash}`}>
        {copied ? t.slip.copied : t.slip.copy}
      </button>
    </span>
  );
}
