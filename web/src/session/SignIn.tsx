/** Asks to sign in, and says what for. Shows nothing to whoever is signed in. */

import { useEffect, useRef, useState } from "react";

import { useHangs } from "../app/waiting.ts";
import { t } from "../strings/index.ts";
import { Fault } from "../ui/Fault.tsx";
import { useWallet } from "../wallet/state.ts";
import { signIn, useSession } from "./state.ts";

export function SignIn({ why }: { why: string }) {
  const session = useSession();
  const { name, chainId } = useWallet();
  const [error, setError] = useState<unknown>(null);
  const run = useRef<AbortController | null>(null);
  const isSigning = session === "signing";
  const hangs = useHangs(isSigning ? run.current : null);
  // The network may have been what was wrong.
  useEffect(() => setError(null), [chainId]);
  if (session === "in") return null;
  const go = () => {
    setError(null);
    const mine = new AbortController();
    run.current = mine;
    signIn(mine.signal).catch((failed: unknown) => {
      if (!mine.signal.aborted) setError(failed);
    });
  };
  return (
    <div className="sign-in">
      {session === "ended" && (
        <p className="notice" role="alert">
          {t.session.ended}
        </p>
      )}
      <p>{why}</p>
      <p className="muted small">{t.session.note}</p>
      <button type="button" className="button primary" disabled={isSigning} onClick={go}>
        {isSigning ? t.wallet.confirmIn(name ?? "") : t.session.signIn}
      </button>
      {hangs && (
        <div className="notice">
          <p>{t.wallet.hanging}</p>
          <button type="button" className="button" onClick={() => run.current?.abort()}>
            {t.wallet.stopWaiting}
          </button>
        </div>
      )}
      {error !== null && <Fault error={error} onRetry={go} />}
    </div>
  );
}
