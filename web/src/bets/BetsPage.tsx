/** Bets of the account: open, settled and why, and the receipts that this browser keeps. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { Tab, TabList, TabPanel, Tabs } from "react-aria-components";

import type { Bet } from "../api/client.ts";
import { typedDataQuery } from "../api/queries.ts";
import { CashOutDialog } from "../cash_outs/CashOutDialog.tsx";
import { CashOutsOnTheirWay } from "../cash_outs/Progress.tsx";
import { useAcceptedSlips, useAccount } from "../session/account.ts";
import { useJournal } from "../slip/journal.ts";
import { t } from "../strings/index.ts";
import { Fault } from "../ui/Fault.tsx";
import { openWalletDialog, useWallet } from "../wallet/state.ts";
import { useBets } from "./all_bets.ts";
import { BetCard, WaitingSlip } from "./BetCard.tsx";
import { download, json } from "./download.ts";
import { ANY, endOf, isAny, isWanted, leaguesOf, type BetFilter } from "./filter.ts";
import { Filters } from "./Filters.tsx";
import { Exports } from "./Exports.tsx";
import { restOf } from "./profit.ts";
import { ProfitChart } from "./ProfitChart.tsx";
import { ReceiptCard } from "./ReceiptCard.tsx";

export function BetsPage() {
  const { status, address } = useWallet();
  const { data: account } = useAccount(address);
  if (status !== "connected") {
    return (
      <section className="page">
        <h1>{t.bets.title}</h1>
        <p>{t.bets.needsWallet}</p>
        <button type="button" className="button primary" onClick={() => openWalletDialog(true)}>
          {t.wallet.connect}
        </button>
      </section>
    );
  }
  return (
    <section className="page">
      <h1>{t.bets.title}</h1>
      {account === null && <p className="muted">{t.account.notOpen}</p>}
      {account && address && <Lists account={account.account} address={address} key={address} />}
    </section>
  );
}

function Lists({ account, address }: { account: number; address: string }) {
  const owned = { account, owner: address };
  const { bets, isLoaded, error } = useBets(owned);
  const { data: slips } = useAcceptedSlips(owned);
  const { data: typed } = useQuery(typedDataQuery);
  const [cashingOut, setCashingOut] = useState<Bet | null>(null);
  const [filter, setFilter] = useState<BetFilter>(ANY);
  const [tab, setTab] = useState<string | null>(null);
  const owner = address.toLowerCase();
  const receipts = useJournal().filter((slip) => slip.owner === owner && slip.state === "accepted");
  const waiting = slips?.slips.filter((slip) => slip.status !== "placed") ?? [];
  const open = bets.filter((bet) => bet.state === "open");
  const closed = bets.filter((bet) => bet.state !== "open");
  const shownWaiting = waiting.filter((slip) => isWanted(filter, slip.legs, slip.receipt.accepted_at_s));
  const shownOpen = open.filter((bet) => isWanted(filter, bet.legs, bet.accepted_at_s));
  const shownClosed = closed.filter(
    (bet) => isWanted(filter, bet.legs, bet.accepted_at_s) && (filter.end === "" || endOf(bet, bets) === filter.end),
  );
  const all = bets.length + waiting.length;
  const isAllLoaded = isLoaded && slips !== undefined;
  // On a tab that has something, and not on another one when the last bet leaves it.
  if (tab === null && isAllLoaded) setTab(open.length + waiting.length === 0 && closed.length > 0 ? "settled" : "open");
  const none = isAny(filter) ? (
    <>
      <span>{t.bets.none}</span> <Link to="/">{t.site.backToBoard}</Link>
    </>
  ) : (
    t.bets.noMatch
  );
  return (
    <>
      {error && <Fault error={error} />}
      {all > 0 && (
        <Filters
          filter={filter}
          onChange={setFilter}
          leagues={leaguesOf([...bets, ...waiting])}
          shown={shownWaiting.length + shownOpen.length + shownClosed.length}
          all={all}
        />
      )}
      <Tabs selectedKey={tab ?? "open"} onSelectionChange={(key) => setTab(String(key))}>
        <TabList className="tabs" aria-label={t.bets.title}>
          <Tab id="open">
            {t.bets.open} <span className="number">{shownOpen.length + shownWaiting.length}</span>
          </Tab>
          <Tab id="settled">
            {t.bets.settled} <span className="number">{shownClosed.length}</span>
          </Tab>
          <Tab id="receipts">
            {t.bets.receipts} <span className="number">{receipts.length}</span>
          </Tab>
        </TabList>
        <TabPanel id="open">
          <CashOutsOnTheirWay owner={address} />
          {typed?.cash_out_signer === null && <p className="muted">{t.cashOut.notOffered}</p>}
          <ul className="bets">
            {shownWaiting.map((slip) => (
              <WaitingSlip key={slip.id} slip={slip} />
            ))}
            {shownOpen.map((bet) => (
              <BetCard
                key={`${bet.batch}:${bet.bet}`}
                bet={bet}
                {...(typed?.cash_out_signer ? { onCashOut: () => setCashingOut(bet) } : {})}
              />
            ))}
          </ul>
          {shownOpen.length + shownWaiting.length === 0 && isAllLoaded && <p className="placeholder">{none}</p>}
          {bets.length > 0 && <Exports account={account} />}
        </TabPanel>
        <TabPanel id="settled">
          <ProfitChart bets={shownClosed} all={bets} />
          <ul className="bets">
            {shownClosed.map((bet) => (
              <BetCard key={`${bet.batch}:${bet.bet}`} bet={bet} rest={restOf(bet, bets)} />
            ))}
          </ul>
          {shownClosed.length === 0 && isAllLoaded && <p className="placeholder">{none}</p>}
          {bets.length > 0 && <Exports account={account} />}
        </TabPanel>
        <TabPanel id="receipts">
          {receipts.length === 0 && <p className="placeholder">{t.bets.noReceipts}</p>}
          {receipts.length > 0 && (
            <p>
              <button type="button" className="button" onClick={() => download("fairline-receipts.json", json(receipts))}>
                {t.bets.exportAll}
              </button>
            </p>
          )}
          <ul className="bets">
            {receipts.map((slip) => (
              <ReceiptCard key={slip.hash} slip={slip} />
            ))}
          </ul>
        </TabPanel>
      </Tabs>
      {cashingOut && <CashOutDialog bet={cashingOut} onClose={() => setCashingOut(null)} />}
    </>
  );
}
