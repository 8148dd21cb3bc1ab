/** Says what this is, to who has no wallet connected. */

import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { explain } from "../app/explain.ts";
import { useIsLocal, useRoomy } from "../app/hooks.ts";
import { t } from "../strings/index.ts";
import { connectWith, DEMO } from "../wallet/connecting.ts";
import { engine, openWalletDialog, useWallet } from "../wallet/state.ts";

export function Lead() {
  const { status } = useWallet();
  const isLocal = useIsLocal();
  const isRoomy = useRoomy();
  if (status !== "none") return <h1 className="hidden">{t.lead.title}</h1>;
  const choose = () => {
    // Loaded while the dialog opens.
    void engine().catch(() => {});
    openWalletDialog(true);
  };
  return (
    <section className="lead" aria-labelledby="lead-title">
      <h1 id="lead-title">{t.lead.title}</h1>
      <p className="lead-line">{t.lead.line}</p>
      <p className="lead-start">
        {isLocal ? (
          <DemoStart />
        ) : (
          <button type="button" className="button primary" onClick={choose}>
            {t.lead.connect}
          </button>
        )}
        {isLocal && (
          <button type="button" className="plain" onClick={choose}>
            {t.lead.own}
          </button>
        )}
      </p>
      {isRoomy && <Guarantees />}
    </section>
  );
}

/** One click connects it, and leads to where it gets test tokens. */
function DemoStart() {
  const navigate = useNavigate();
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const start = () => {
    setError(null);
    setBusy(true);
    void connectWith(DEMO)
      .then((hasAccount) => {
        if (!hasAccount) return navigate({ to: "/account" });
      })
      .catch((failed: unknown) => {
        setError(failed);
        setBusy(false);
      });
  };
  return (
    <>
      <button type="button" className="button primary" disabled={isBusy} onClick={start}>
        {isBusy ? t.wallet.connecting : t.lead.start}
      </button>
      <span className="muted">{t.lead.startNote}</span>
      {error !== null && (
        <span className="notice" role="alert">
          {explain(error, "").text}
        </span>
      )}
    </>
  );
}

/** On a phone they come after the fixtures. */
export function Guarantees() {
  return (
    <ul className="guarantees">
      {t.lead.guarantees.map(([name, text]) => (
        <li key={name}>
          <strong>{name}</strong> {text}
        </li>
      ))}
    </ul>
  );
}
