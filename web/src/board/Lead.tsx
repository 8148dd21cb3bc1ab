/** Says what this is, to who has no wallet connected. */

import { useIsLocal, useRoomy } from "../app/hooks.ts";
import { t } from "../strings/index.ts";
import { engine, openWalletDialog, useWallet } from "../wallet/state.ts";

export function Lead() {
  const { status } = useWallet();
  const isLocal = useIsLocal();
  const isRoomy = useRoomy();
  if (status !== "none") return <h1 className="hidden">{t.lead.title}</h1>;
  const start = () => {
    // Loaded while the dialog opens.
    void engine().catch(() => {});
    openWalletDialog(true);
  };
  return (
    <section className="lead" aria-labelledby="lead-title">
      <h1 id="lead-title">{t.lead.title}</h1>
      <p className="lead-line">{t.lead.line}</p>
      <p className="lead-start">
        <button type="button" className="button primary" onClick={start}>
          {isLocal ? t.lead.start : t.lead.connect}
        </button>
        {isLocal && <span className="muted">{t.lead.startNote}</span>}
      </p>
      {isRoomy && <Guarantees />}
    </section>
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
