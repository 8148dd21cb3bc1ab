/** What a wallet on another device scans to join, and the same as a link for one on this device. */

import { useState } from "react";
import { encode } from "uqr";

import { t } from "../strings/index.ts";

export function PairingCode({ uri }: { uri: string }) {
  const [copied, setCopied] = useState(false);
  const { data, size } = encode(uri, { ecc: "L", border: 2 });
  const squares = data.flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : [])));
  return (
    <div className="pairing">
      <p>{t.wallet.scan}</p>
      <svg viewBox={`0 0 ${size} ${size}`} role="img" aria-label={t.wallet.code} shapeRendering="crispEdges">
        <path d={squares.join("")} />
      </svg>
      <p className="actions">
        <a className="button" href={uri}>
          {t.wallet.openApp}
        </a>
        <button type="button" className="button" onClick={() => void navigator.clipboard.writeText(uri).then(() => setCopied(true))}>
          {copied ? t.slip.copied : t.wallet.copyCode}
        </button>
      </p>
    </div>
  );
}
