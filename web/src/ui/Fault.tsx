/** What went wrong, and the button that mends it. */

import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { explain } from "../app/explain.ts";
import { useIsLocal, useUnit } from "../app/hooks.ts";
import { signIn } from "../session/state.ts";
import { setSlip } from "../slip/state.ts";
import { t } from "../strings/index.ts";
import { engine, openWalletDialog } from "../wallet/state.ts";

export function Fault({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const unit = useUnit();
  const isLocal = useIsLocal();
  const navigate = useNavigate();
  const [again, setAgain] = useState<unknown>(null);
  const { text, mend, isChoice } = explain(again ?? error, unit);
  const mends: Record<NonNullable<typeof mend>, (() => void) | undefined> = {
    connect: () => openWalletDialog(true),
    switch: () => void engine().then((wallet) => wallet.switchChain()).catch(setAgain),
    deposit: () => {
      setSlip({ open: false });
      void navigate({ to: "/account" });
    },
    faucet: isLocal
      ? () =>
          void Promise.all([engine(), import("../account/money.ts")])
            .then(([wallet, { takeTestTokens }]) => takeTestTokens(wallet))
            .then(onRetry, setAgain)
      : undefined,
    signIn: () => void signIn(new AbortController().signal).then(onRetry, setAgain),
    retry: onRetry,
  };
  const act = mend && mends[mend];
  return (
    <div className={isChoice ? "notice calm" : "notice"} role="alert">
      <p>{text}</p>
      {act && (
        <button type="button" className="button" onClick={act}>
          {t.errors.mends[mend]}
        </button>
      )}
    </div>
  );
}
