/** The demo wallet's own window: the message field by field, sign or reject. */

import { wordsOf } from "../slip/message.ts";
import { t } from "../strings/index.ts";
import { Dialog } from "../ui/Dialog.tsx";
import { Words } from "../ui/Words.tsx";
import { useQuestion } from "./demo_window.ts";

export function DemoWindow() {
  const open = useQuestion();
  if (open === null) return null;
  const { question, answer } = open;
  const isSign = question.kind !== "send";
  return (
    <Dialog title={isSign ? t.wallet.windowSign : t.wallet.windowSend} isQuestion onClose={() => answer(false)}>
      <p className="demo-note">
        <span className="tag">{t.wallet.demoTag}</span> {t.wallet.windowNote}
      </p>
      <div data-testid="window-words">
        {question.kind === "sign" && (
          <Words
            words={wordsOf(question.typed.types, question.typed.primaryType, question.typed.message)}
            type={question.typed.primaryType}
          />
        )}
        {question.kind === "text" && <p className="signed-text">{question.text}</p>}
        {question.kind === "send" && <p data-testid="window-call">{question.says}</p>}
      </div>
      {question.kind !== "text" && (
        <p className="muted small">
          {t.wallet.contract}{" "}
          <code>{question.kind === "sign" ? question.typed.domain.verifyingContract : question.to}</code>
        </p>
      )}
      <div className="actions">
        <button type="button" className="button" onClick={() => answer(false)}>
          {t.wallet.reject}
        </button>
        <button type="button" className="button primary" onClick={() => answer(true)}>
          {isSign ? t.wallet.sign : t.wallet.send}
        </button>
      </div>
    </Dialog>
  );
}
