/** What stands around every view: head, slip, foot, and on phones the bar at the bottom. */

import { Link, Outlet } from "@tanstack/react-router";
import { lazy, Suspense } from "react";

import { MatchDayButton } from "../match_day/MatchDayButton.tsx";
import { setSlip, useSlip } from "../slip/state.ts";
import { t } from "../strings/index.ts";
import { useQuestion } from "../wallet/demo_window.ts";
import { useWalletDialog } from "../wallet/state.ts";
import { WalletButton } from "../wallet/WalletButton.tsx";
import { WrongNetwork } from "../wallet/WrongNetwork.tsx";
import { Footer } from "./Footer.tsx";
import { useOnline, useWide } from "./hooks.ts";
import { LivePill } from "./LivePill.tsx";

const SlipPanel = lazy(() => import("../slip/SlipPanel.tsx").then((m) => ({ default: m.SlipPanel })));
const SlipSheet = lazy(() => import("../slip/SlipSheet.tsx").then((m) => ({ default: m.SlipSheet })));
const WalletDialog = lazy(() => import("../wallet/WalletDialog.tsx").then((m) => ({ default: m.WalletDialog })));
const DemoWindow = lazy(() => import("../wallet/DemoWindow.tsx").then((m) => ({ default: m.DemoWindow })));

export function Shell() {
  const wide = useWide();
  const online = useOnline();
  const dialog = useWalletDialog();
  const question = useQuestion();
  const slip = useSlip();
  return (
    <>
      <a className="skip" href="#content">
        {t.site.skip}
      </a>
      <header className="bar">
        <div className="bar-in">
          <Link className="brand" to="/" aria-label={t.site.home}>
            <img src="/icon.svg" alt="" width="28" height="28" />
            <span>Fairline</span>
          </Link>
          {wide && <Links />}
          <LivePill />
          <WalletButton />
        </div>
      </header>
      {!online && (
        <p className="strip" role="alert">
          {t.site.offline}
        </p>
      )}
      <WrongNetwork />
      <div className="frame">
        <main id="content" tabIndex={-1}>
          <Outlet />
        </main>
        {wide && (
          <aside className="slip-side" aria-label={t.slip.title}>
            <Suspense fallback={<div className="slip" />}>
              <SlipPanel />
            </Suspense>
          </aside>
        )}
      </div>
      <Footer />
      <MatchDayButton />
      {!wide && (
        <nav className="tabs-bar" aria-label={t.site.nav}>
          <BottomLinks />
          <button type="button" className="tab-slip" aria-haspopup="dialog" onClick={() => setSlip({ open: true })}>
            <span className="count" data-any={slip.legs.length > 0}>
              {slip.legs.length}
            </span>
            {t.site.slip}
          </button>
        </nav>
      )}
      {/* Each for itself: one that is still loaded must not hide another. */}
      <Suspense fallback={null}>{!wide && slip.open && <SlipSheet />}</Suspense>
      <Suspense fallback={null}>{dialog && <WalletDialog />}</Suspense>
      <Suspense fallback={null}>{question && <DemoWindow />}</Suspense>
    </>
  );
}

function Links() {
  return (
    <nav className="links" aria-label={t.site.nav}>
      <Link to="/" activeOptions={{ exact: true, includeSearch: false }}>
        {t.site.board}
      </Link>
      <Link to="/bets">{t.site.bets}</Link>
      <Link to="/account">{t.site.account}</Link>
      <Link to="/proof">{t.site.proof}</Link>
      <Link to="/liquidity">{t.site.liquidity}</Link>
      <a href="/docs">{t.site.api}</a>
    </nav>
  );
}

function BottomLinks() {
  return (
    <>
      <Link to="/" activeOptions={{ exact: true, includeSearch: false }}>
        {t.site.board}
      </Link>
      <Link to="/bets">{t.site.bets}</Link>
      <Link to="/account">{t.site.account}</Link>
      <Link to="/proof">{t.site.proof}</Link>
    </>
  );
}
