/** The slip on a phone: a sheet from the bottom. */

import { t } from "../strings/index.ts";
import { Dialog } from "../ui/Dialog.tsx";
import { SlipPanel } from "./SlipPanel.tsx";
import { setSlip } from "./state.ts";

export function SlipSheet() {
  return (
    <Dialog title={t.slip.title} onClose={() => setSlip({ open: false })}>
      <SlipPanel isUntitled />
    </Dialog>
  );
}
