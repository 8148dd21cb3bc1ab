/** The wallet in the head: connect, or who is connected with what. */

import { Link } from "@tanstack/react-router";

import { useUnit } from "../app/hooks.ts";
import { formatDown } from "../odds/format.ts";
import { useAccount } from "../session/account.ts";
import { t } from "../strings/index.ts";
import { openWalletDialog, useWallet } from "./state.ts";

export function WalletButton() {
  const { status, address, isDemo } = useWallet();
  const { data: account } = useAccount(address);
  const unit = useUnit();
  if (status !== "connected" || address === undefined) {
    return (
      <button type="button" className="button primary" disabled={status === "connecting"} onClick={() => openWalletDialog(true)}>
        {status === "connecting" ? t.wallet.connecting : t.wallet.connect}
      </button>
    );
  }
  return (
    <Link to="/account" className="button who">
      {isDemo && <span className="tag">{t.wallet.demoTag}</span>}
      <span className="funds">
        {account ? `${formatDown(account.available_micro)} ${unit}` : `${address.slice(0, 6)}…${address.slice(-4)}`}
      </span>
    </Link>
  );
}
