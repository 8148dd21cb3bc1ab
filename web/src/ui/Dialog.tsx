/** A dialog: at the bottom on a phone, in the middle elsewhere. Loaded with what is shown in it. */

import type { ReactNode } from "react";
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from "react-aria-components";

import { t } from "../strings/index.ts";

interface Props {
  title: string;
  onClose: () => void;
  children: ReactNode;
  /** For what must be answered: a click beside it does not close it. */
  isQuestion?: boolean;
}

export function Dialog({ title, onClose, children, isQuestion = false }: Props) {
  return (
    <ModalOverlay
      className="overlay"
      isOpen
      isDismissable={!isQuestion}
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
    >
      <Modal className="modal">
        <AriaDialog className="dialog">
          <div className="dialog-head">
            <Heading slot="title" level={2}>
              {title}
            </Heading>
            <button type="button" className="plain" aria-label={t.site.close} onClick={onClose}>
              ✕
            </button>
          </div>
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}
