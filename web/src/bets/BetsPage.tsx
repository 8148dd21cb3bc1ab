/** Bets of the account: open, settled and why, and the receipts that this browser keeps. */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Tab, TabList, TabPanel, Tabs } from "react-aria-components";

import { answered, api, type Bet, type Slip } from "../api/client.ts";
import { queryClient, typedDataQuery } from "../api/queries.ts";
import { useUnit } from "../app/hooks.ts";
import { usePreferences } from "../app/preferences.ts";
import { CashOutDialog } from "../cash_outs/CashOutDialog.tsx";
import { CashOutsOnTheirWay } from "../cash_outs/Progress.tsx";
import { formatMicro, formatMoment, formatOdds } from "../odds/format.ts";
import { useAcceptedSlip, useAcceptedSlips, useAccount, usePlacedBets } from "../session/account.ts";
import { useJournal, type Kept } from "../slip/journal.ts";
import { verify } from "../slip/placing.ts";
import { t } from "../strings/index.ts";
import { Fault } from "../ui/Fault.tsx";
import { Hash } from "../ui/Hash.tsx";
import { engine, openWalletDialog, useWallet } from "../wallet/state.ts";
import { allBets, csvOf } from "./export.ts";
import { reasonOf } from "./reasons.ts";

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
      {account && address && <Lists account={account.account} address={address} />}
    </section>
  );
}

function Lists({ account, address }: { account: number; address: string }) {
  const owned = { account, owner: address };
  const { data: bets, error } = usePlacedBets(owned);
  const { data: slips } = useAcceptedSlips(owned);
  const owner = address.toLowerCase();
  const { data: typed } = useQuery(typedDataQuery);
  const [cashingOut, setCashingOut] = useState<Bet | null>(null);
  const receipts = useJournal().filter((slip) => slip.owner === owner && slip.state === "accepted");
  const waiting = slips?.slips.filter((slip) => slip.status !== "placed") ?? [];
  const open = bets?.bets.filter((bet) => bet.state === "open") ?? [];
  const settled = bets?.bets.filter((bet) => bet.state !== "open") ?? [];
  return (
    <>
      <Tabs>
        {error && <Fault error={error} />}
        <TabList className="tabs" aria-label={t.bets.title}>
          <Tab id="open">
            {t.bets.open} <span className="number">{open.length + waiting.length}</span>
          </Tab>
          <Tab id="settled">
            {t.bets.settled} <span className="number">{settled.length}</span>
          </Tab>
          <Tab id="receipts">
            {t.bets.receipts} <span className="number">{receipts.length}</span>
          </Tab>
        </TabList>
        <TabPanel id="open">
          <CashOutsOnTheirWay owner={address} />
          {typed?.cash_out_signer === null && <p className="muted">{t.cashOut.notOffered}</p>}
          <ul className="bets">
            {waiting.map((slip) => (
              <WaitingSlip key={slip.id} slip={slip} />
            ))}
            {open.map((bet) => (
              <BetCard
                key={`${bet.batch}:${bet.bet}`}
                bet={bet}
                {...(typed?.cash_out_signer ? { onCashOut: () => setCashingOut(bet) } : {})}
              />
            ))}
          </ul>
          {open.length + waiting.length === 0 && bets && <p className="placeholder">{t.bets.none}</p>}
        </TabPanel>
        <TabPanel id="settled">
          <ul className="bets">
            {settled.map((bet) => (
              <BetCard key={`${bet.batch}:${bet.bet}`} bet={bet} />
            ))}
          </ul>
          {settled.length === 0 && bets && <p className="placeholder">{t.bets.none}</p>}
          {settled.length > 0 && <Exports account={account} />}
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

interface ShownLeg {
  fixture: string | null;
  kind: string;
  period: string;
  outcome: string;
  odds_e4: number;
}

function Legs({ legs }: { legs: readonly ShownLeg[] }) {
  const { odds: format } = usePreferences();
  return (
    <ul className="bet-legs">
      {legs.map((leg, at) => (
        <li key={at}>
          <span>
            <strong>{leg.outcome}</strong> <span className="muted small">{leg.kind}</span>
            <span className="muted small bet-fixture">{leg.fixture}</span>
          </span>
          <span className="leg-odds">{formatOdds(leg.odds_e4, format)}</span>
        </li>
      ))}
    </ul>
  );
}

function Exports({ account }: { account: number }) {
  const [error, setError] = useState<unknown>(null);
  const save = (name: string, write: (bets: Bet[]) => string) => {
    setError(null);
    void allBets(account).then((bets) => download(name, write(bets)), setError);
  };
  return (
    <p className="actions">
      <button type="button" className="button" onClick={() => save("fairline-bets.csv", csvOf)}>
        {t.bets.exportBets("CSV")}
      </button>
      <button type="button" className="button" onClick={() => save("fairline-bets.json", json)}>
        {t.bets.exportBets("JSON")}
      </button>
      {error !== null && <Fault error={error} />}
    </p>
  );
}

/** The scores of the newest results, by the ids of their fixtures: names come again each season. */
function useScores(isWanted: boolean) {
  const { data } = useQuery({
    queryKey: ["proof", "results", "scores"],
    queryFn: () => answered(api.GET("/v1/proof/results", { params: { query: { limit: 200 } } })),
    enabled: isWanted,
  });
  return new Map(data?.results.filter((one) => one.status === "played").map((one) => [one.fixture, one]));
}

/** Of a market's id in hex, those of its fixture. */
const FIXTURE_DIGITS = 34;

function BetCard({ bet, onCashOut }: { bet: Bet; onCashOut?: () => void }) {
  const unit = useUnit();
  const amount = (micro: string) => `${formatMicro(micro, 2)} ${unit}`;
  const reason = reasonOf(bet);
  const isSettledSingle = bet.state === "settled" && bet.legs.length === 1;
  const score = useScores(isSettledSingle).get(bet.legs[0]?.market.slice(0, FIXTURE_DIGITS) ?? "");
  return (
    <li className="card bet" data-reason={reason}>
      <p className="row">
        <span className="muted small">
          {t.bets.legs(bet.legs.length)} · {formatMoment(bet.accepted_at_s)}
        </span>
        <span className="tag calm">{t.bets.stages[bet.stage]}</span>
      </p>
      <Legs legs={bet.legs} />
      <p className="row">
        <span>
          {t.bets.stake} <strong>{amount(bet.stake_micro)}</strong>
        </span>
        <span>
          {bet.payout_micro === null ? t.bets.pays : t.bets.paid}{" "}
          <strong>{amount(bet.payout_micro ?? bet.payout_max_micro)}</strong>
        </span>
      </p>
      <p className="small">
        {t.bets.reasons[reason]}{" "}
        {isSettledSingle && score && t.bets.result(score.full_time.join("–"), score.half_time.join("–"))}
      </p>
      {bet.rest_of !== null && <p className="muted small">{t.bets.restOf(bet.rest_of)}</p>}
      {onCashOut && (
        <button type="button" className="button" onClick={onCashOut}>
          {t.bets.cashOut}
        </button>
      )}
      <p className="muted small">
        {t.slip.tx} <Hash hash={bet.settlement_tx_hash ?? bet.tx_hash} />
      </p>
    </li>
  );
}

function WaitingSlip({ slip }: { slip: Slip }) {
  const unit = useUnit();
  const says = {
    accepted: t.bets.waiting,
    submitted: t.bets.inBatch,
    placed: "",
    refused: t.bets.skipped(slip.reason ?? ""),
    expired: t.bets.expired,
  }[slip.status];
  return (
    <li className="card bet">
      <p className="row">
        <span className="muted small">{t.bets.legs(slip.legs.length)}</span>
        <span className="tag">{says}</span>
      </p>
      <Legs legs={slip.legs} />
      <p>
        {t.bets.stake} <strong>{`${formatMicro(slip.stake_micro, 2)} ${unit}`}</strong>
      </p>
    </li>
  );
}

function ReceiptCard({ slip }: { slip: Kept }) {
  const [error, setError] = useState<unknown>(null);
  const [done, setDone] = useState("");
  const [isBusy, setBusy] = useState(false);
  const answer = slip.answer;
  const { address } = useWallet();
  const { data: shown } = useAcceptedSlip(answer?.id, address, ({ status }) => status === "placed");
  if (answer === undefined) return null;
  const enforce = async () => {
    setBusy(true);
    setError(null);
    try {
      const wallet = await engine();
      const path = { slip: answer.id };
      const call = await answered(api.GET("/v1/slips/{slip}/enforcement", { params: { path } }));
      await wallet.send(wallet.contracts.sportsbook, call.data);
      setDone(t.bets.enforced);
      void queryClient.invalidateQueries({ queryKey: ["bets"] });
    } catch (failed) {
      setError(failed);
    } finally {
      setBusy(false);
    }
  };
  const isOpen = shown !== undefined && shown.status !== "placed" && shown.status !== "expired";
  return (
    <li className="card bet">
      {slip.titles.map((title) => (
        <p key={title}>{title}</p>
      ))}
      <p className="small muted">
        {t.bets.at} {formatMoment(answer.accepted_at_s)} · {t.bets.receipt} <Hash hash={answer.slip_hash} isTransaction={false} />
      </p>
      {slip.verified === true && <p className="good small">{t.slip.receiptGood}</p>}
      {slip.verified === false && <p className="notice">{t.slip.receiptBad}</p>}
      {slip.verified === undefined && (
        <button type="button" className="button" onClick={() => void verify(slip).catch(setError)}>
          {t.bets.receipt}
        </button>
      )}
      <div className="actions">
        <button type="button" className="button" onClick={() => download(`fairline-receipt-${slip.body.nonce}.json`, json(slip))}>
          {t.bets.export}
        </button>
        {isOpen && (
          <button type="button" className="button" disabled={isBusy} onClick={() => void enforce()}>
            {t.bets.enforce}
          </button>
        )}
      </div>
      {isOpen && <p className="muted small">{t.bets.enforceNote(formatMoment(answer.enforce_until_s))}</p>}
      {done && <p className="good small">{done}</p>}
      {error !== null && <Fault error={error} />}
    </li>
  );
}

const json = (content: unknown) => JSON.stringify(content, null, 2);

function download(name: string, content: string): void {
  const url = URL.createObjectURL(new Blob([content]));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
