/** Lists the wallets of this browser, and on a local chain the demo wallet. */

import { useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useState } from "react";

import { useHangs } from "../app/waiting.ts";
import { t } from "../strings/index.ts";
import { Dialog } from "../ui/Dialog.tsx";
import { Fault } from "../ui/Fault.tsx";
import { connectWith } from "./connecting.ts";
import type { Choice, WalletEngine } from "./engine.ts";
import { abortPairing, usePairing, WALLET_CONNECT } from "./pairing.ts";
import { engine, openWalletDialog } from "./state.ts";

const PairingCode = lazy(() => import("./PairingCode.tsx").then((m) => ({ default: m.PairingCode })));

export function WalletDialog() {
  const [wallet, setWallet] = useState<WalletEngine | null>(null);
  const [choices, setChoices] = useState<Choice[]>([]);
  const [error, setError] = useState<unknown>(null);
  const [waiting, setWaiting] = useState<string | null>(null);
  const hangs = useHangs(waiting);
  const navigate = useNavigate();
  const pairing = usePairing();
  const close = () => {
    abortPairing();
    openWalletDialog(false);
  };

  useEffect(() => {
    let stop = () => {};
    engine().then((made) => {
      setWallet(made);
      setChoices(made.choices());
      stop = made.watchChoices(() => setChoices(made.choices()));
    }, setError);
    return () => stop();
  }, []);

  const choose = async ({ id }: Choice) => {
    setError(null);
    setWaiting(id);
    try {
      const hasAccount = await connectWith(id);
      close();
      if (!hasAccount) void navigate({ to: "/account" });
    } catch (failed) {
      setError(failed);
    } finally {
      setWaiting(null);
    }
  };

  const found = choices.filter((choice) => !choice.isDemo && choice.id !== WALLET_CONNECT);
  const remote = choices.find((choice) => choice.id === WALLET_CONNECT);
  const demo = choices.find((choice) => choice.isDemo);
  return (
    <Dialog title={t.wallet.title} onClose={close}>
      <p className="muted">{t.wallet.intro}</p>
      {error !== null && <Fault error={error} />}
      {wallet === null && error === null && <p className="muted" role="status">{t.wallet.looking}</p>}
      {hangs && pairing === null && <p className="notice">{t.wallet.hanging}</p>}
      {demo && (
        <div className="choice-demo">
          <button type="button" className="button primary" disabled={waiting !== null} onClick={() => void choose(demo)}>
            {t.wallet.useDemo}
          </button>
          <p className="muted">{t.wallet.demoNote}</p>
        </div>
      )}
      {wallet && (
        <>
          <h3>{t.wallet.found}</h3>
          {found.length === 0 && <p className="muted">{demo ? t.wallet.noneLocal : t.wallet.none}</p>}
          <ul className="choices">
            {found.map((choice) => (
              <li key={choice.id}>
                <button type="button" className="choice" disabled={waiting !== null} onClick={() => void choose(choice)}>
                  {choice.icon && <img src={choice.icon} alt="" width="28" height="28" />}
                  {waiting === choice.id ? t.wallet.confirmIn(choice.name) : choice.name}
                </button>
              </li>
            ))}
          </ul>
          {remote && (
            <>
              <h3>{t.wallet.elsewhere}</h3>
              {pairing === null ? (
                <button type="button" className="choice" disabled={waiting !== null} onClick={() => void choose(remote)}>
                  {waiting === remote.id ? t.wallet.connecting : remote.name}
                </button>
              ) : (
                <Suspense fallback={null}>
                  <PairingCode uri={pairing} />
                </Suspense>
              )}
              <p className="muted small">{t.wallet.elsewhereNote}</p>
            </>
          )}
        </>
      )}
    </Dialog>
  );
}
