/** Lists the wallets of this browser, and on a local chain the demo wallet. */

import { useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";

import { queryClient } from "../api/queries.ts";
import { useHangs } from "../app/waiting.ts";
import { accountOf } from "../session/account.ts";
import { t } from "../strings/index.ts";
import { Dialog } from "../ui/Dialog.tsx";
import { Fault } from "../ui/Fault.tsx";
import type { Choice, WalletEngine } from "./engine.ts";
import { engine, openWalletDialog } from "./state.ts";

export function WalletDialog() {
  const [wallet, setWallet] = useState<WalletEngine | null>(null);
  const [choices, setChoices] = useState<Choice[]>([]);
  const [error, setError] = useState<unknown>(null);
  const [waiting, setWaiting] = useState<string | null>(null);
  const hangs = useHangs(waiting);
  const navigate = useNavigate();
  const close = () => openWalletDialog(false);

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
      await wallet?.connect(id);
      close();
      const owner = wallet?.address;
      if (owner && (await queryClient.fetchQuery({ queryKey: ["account", owner], queryFn: () => accountOf(owner) })) === null) {
        void navigate({ to: "/account" });
      }
    } catch (failed) {
      setError(failed);
    } finally {
      setWaiting(null);
    }
  };

  const found = choices.filter((choice) => !choice.isDemo);
  const demo = choices.find((choice) => choice.isDemo);
  return (
    <Dialog title={t.wallet.title} onClose={close}>
      <p className="muted">{t.wallet.intro}</p>
      {error !== null && <Fault error={error} />}
      {hangs && <p className="notice">{t.wallet.hanging}</p>}
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
        </>
      )}
    </Dialog>
  );
}
