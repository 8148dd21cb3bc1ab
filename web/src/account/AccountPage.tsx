/** The account: what is in it, money in and out, and what moved it. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useState } from "react";

import { answered, api, type Account } from "../api/client.ts";
import { typedDataQuery } from "../api/queries.ts";
import { lasting } from "../app/facts.ts";
import { useIsLocal, useUnit } from "../app/hooks.ts";
import { Exclusion, TimeOut } from "../limits/Breaks.tsx";
import { Limits } from "../limits/Limits.tsx";
import { useOwnLimits } from "../limits/own_limits.ts";
import { leftOf } from "../limits/rules.ts";
import { formatEnd, formatMicro, formatMoment } from "../odds/format.ts";
import { SentBy, useSentBy } from "../relays/sent_by.tsx";
import { depositByHouse, requestByHouse } from "../relays/sending.ts";
import { SentByHouse } from "../relays/SentByHouse.tsx";
import { useAccount } from "../session/account.ts";
import { useAskMs } from "../session/own.ts";
import { Sessions } from "../session/Sessions.tsx";
import { SignIn } from "../session/SignIn.tsx";
import { useSession } from "../session/state.ts";
import { readAmount } from "../slip/amounts.ts";
import { t } from "../strings/index.ts";
import { Fault } from "../ui/Fault.tsx";
import { Hash } from "../ui/Hash.tsx";
import { engine, openWalletDialog, useWallet } from "../wallet/state.ts";
import { AmountField, Outcome, useAction } from "./action.tsx";
import * as money from "./money.ts";

/** How often the chain's node is asked, which pushes nothing: tokens can reach the wallet from anywhere, and an
 * exit unlocks by the chain's clock. */
const NODE_MS = 5_000;

export function AccountPage() {
  const { status, address } = useWallet();
  if (status !== "connected" || address === undefined) {
    return (
      <section className="page">
        <h1>{t.account.title}</h1>
        <p>{t.account.needsWallet}</p>
        <button type="button" className="button primary" onClick={() => openWalletDialog(true)}>
          {t.wallet.connect}
        </button>
      </section>
    );
  }
  return <Connected owner={address} key={address} />;
}

function useHoldings(owner: `0x${string}`) {
  return useQuery({
    queryKey: ["holdings", owner],
    queryFn: async () => money.holdings(await engine(), owner),
    refetchInterval: NODE_MS,
  });
}

function Connected({ owner }: { owner: `0x${string}` }) {
  const { isDemo } = useWallet();
  const { data: account, error } = useAccount(owner);
  const { data: held, error: nodeError } = useHoldings(owner);
  const session = useSession();
  const unit = useUnit();
  const isLocal = useIsLocal();
  const amount = (micro: bigint | string) => `${formatMicro(micro, 2)} ${unit}`;
  return (
    <section className="page">
      <h1>{t.account.title}</h1>
      <p className="owner muted small">
        {isDemo && <span className="tag">{t.wallet.demoTag}</span>} <code>{owner}</code>
        {account && <> · {t.account.number(account.account)}</>}{" "}
        <button type="button" className="plain" onClick={() => void engine().then((wallet) => wallet.disconnect())}>
          {t.wallet.disconnect}
        </button>
      </p>
      {error && <Fault error={error} />}
      {nodeError && isLocal && <p className="notice">{t.wallet.nodeAway}</p>}
      <dl className="figures">
        <div>
          <dt>{t.account.available}</dt>
          <dd data-testid="available">{account ? amount(account.available_micro) : "–"}</dd>
        </div>
        <div>
          <dt>{t.account.reserved}</dt>
          <dd>{account ? amount(account.reserved_micro) : "–"}</dd>
        </div>
        <div>
          <dt>{t.account.inWallet}</dt>
          <dd data-testid="in-wallet">{held ? amount(held.tokensMicro) : "–"}</dd>
        </div>
      </dl>
      {isLocal && <Faucet owner={owner} isNext={held?.tokensMicro === 0n} />}
      {account === null && <p className="muted">{t.account.notOpen}</p>}
      <div className="cards">
        <Deposit owner={owner} account={account ?? undefined} heldMicro={held?.tokensMicro} amount={amount} />
        {account && <Withdraw owner={owner} account={account} amount={amount} />}
        {account && <Exit owner={owner} account={account} amount={amount} />}
      </div>
      <SentByHouse owner={owner} />
      {session !== "in" && <SignIn why={t.session.why} />}
      {account && <Protection owner={owner} account={account} />}
      {session === "in" && <Sessions />}
      {account && <History owner={owner} account={account} amount={amount} />}
    </section>
  );
}

/** What an owner does against playing too much. */
function Protection({ owner, account }: { owner: string; account: Account }) {
  const { data: own, error, refetch } = useOwnLimits(account.account);
  return (
    <section aria-labelledby="limits-title">
      <h2 id="limits-title">{t.limits.title}</h2>
      {error && <Fault error={error} onRetry={() => void refetch()} />}
      {own && <Limits account={account.account} own={own} />}
      <div className="cards breaks">
        {own && <TimeOut account={account.account} own={own} />}
        <Exclusion owner={owner} account={account} />
      </div>
    </section>
  );
}

/** `isNext`: without tokens, nothing else can be done. */
function Faucet({ owner, isNext }: { owner: string; isNext: boolean }) {
  const action = useAction(owner);
  const take = () => void action.run(async () => money.takeTestTokens(await engine()), t.account.faucetDone);
  return (
    <div className="faucet">
      <button type="button" className={isNext ? "button primary" : "button"} disabled={action.isBusy} onClick={take}>
        {t.account.faucet}
      </button>
      <Outcome action={action} />
    </div>
  );
}

type Shown = (micro: bigint | string) => string;

interface DepositProps {
  owner: string;
  account: Account | undefined;
  heldMicro: bigint | undefined;
  amount: Shown;
}

function Deposit({ owner, account, heldMicro, amount }: DepositProps) {
  const [text, setText] = useState("100");
  const action = useAction(owner);
  const read = readAmount(text);
  const micro = "micro" in read ? read.micro : undefined;
  const choice = useSentBy("deposit", micro);
  const { data: own } = useOwnLimits(account?.account);
  const leftMicro = own ? leftOf(own.limits, "deposit") : null;
  // The contract does not know this limit: whoever set it relies on the page.
  const isBeyond = leftMicro !== null && micro !== undefined && micro > leftMicro;
  const excludedUntilS = account?.excluded_until_s ?? null;
  // What was missing may have arrived.
  useEffect(action.forget, [heldMicro, action.forget]);
  const go = () => {
    if (micro === undefined || isBeyond) return;
    const deposit = choice.sender === "house" ? depositByHouse : money.deposit;
    void action
      .run(async (tell) => deposit(await engine(), micro, tell), t.account.deposited(amount(micro)))
      // Another click would deposit it once more.
      .then((isDone) => isDone && setText(""));
  };
  return (
    <section className="card" aria-labelledby="deposit-title">
      <h2 id="deposit-title">{t.account.deposit}</h2>
      <p className="muted small">{t.account.depositNote}</p>
      <AmountField id="deposit-amount" label={t.account.amount} value={text} onChange={setText} allMicro={heldMicro} isLocked={action.isBusy} />
      <SentBy choice={choice} isLocked={action.isBusy} />
      {isBeyond && <p className="fault small">{t.limits.depositLeft(amount(leftMicro))}</p>}
      {excludedUntilS !== null && <p className="notice">{t.limits.excluded(formatEnd(excludedUntilS))}</p>}
      <button
        type="button"
        className="button primary"
        disabled={micro === undefined || isBeyond || excludedUntilS !== null || action.isBusy}
        onClick={go}
      >
        {t.account.deposit}
      </button>
      <Outcome action={action} onRetry={go} />
      {action.done && account && <Link to="/">{t.account.toBoard}</Link>}
    </section>
  );
}

interface OfAccount {
  owner: string;
  account: Account;
  amount: Shown;
}

function Withdraw({ owner, account, amount }: OfAccount) {
  const [text, setText] = useState("");
  const action = useAction(owner);
  const { data: page } = useQuery({
    queryKey: ["withdrawals", account.account],
    queryFn: () =>
      answered(api.GET("/v1/accounts/{account}/withdrawals", { params: { path: { account: account.account } } })),
    refetchInterval: useAskMs(owner),
  });
  const pending = page?.withdrawals.find((one) => one.status === "usable");
  const read = readAmount(text);
  const micro = "micro" in read ? read.micro : undefined;
  const available = BigInt(account.available_micro);
  const go = () => {
    if (micro === undefined) return;
    const said = t.account.withdrawn(amount(micro));
    void action
      .run(async (tell) => money.withdraw(await engine(), account, micro, tell), said)
      .then((isDone) => isDone && setText(""));
  };
  return (
    <section className="card" aria-labelledby="withdraw-title">
      <h2 id="withdraw-title">{t.account.withdraw}</h2>
      <p className="muted small">{t.account.withdrawNote}</p>
      {pending && !action.isBusy && (
        <div className="notice">
          <p>{t.account.pending(amount(pending.amount_micro))}</p>
          <button
            type="button"
            className="button"
            onClick={() =>
              void action.run(
                async (tell) => money.collect(await engine(), pending, tell),
                t.account.withdrawn(amount(pending.amount_micro)),
              )
            }
          >
            {t.account.finish}
          </button>
        </div>
      )}
      <AmountField id="withdraw-amount" label={t.account.amount} value={text} onChange={setText} allMicro={available} isLocked={action.isBusy} />
      <button type="button" className="button primary" disabled={micro === undefined || action.isBusy} onClick={go}>
        {t.account.withdraw}
      </button>
      <Outcome action={action} onRetry={go} />
    </section>
  );
}

function Exit({ owner, account, amount }: OfAccount) {
  const action = useAction(owner);
  const { data: typed } = useQuery(typedDataQuery);
  const { data: exit } = useQuery({
    queryKey: ["exit", account.account],
    queryFn: async () => money.exitOf(await engine(), account.account),
    refetchInterval: ({ state }) => (state.data ? NODE_MS : false),
  });
  const choice = useSentBy("request");
  const isByHouse = choice.sender === "house";
  const isReady = exit != null && exit.nowS >= exit.unlocksAtS;
  const request = (micro: bigint) =>
    void action.run(
      async (tell) =>
        isByHouse
          ? requestByHouse(await engine(), account, "request-exit", micro, tell)
          : money.requestExit(await engine(), micro),
      micro > 0n ? t.account.exitAsked : "",
    );
  const take = () =>
    void action.run(
      async (tell) =>
        isByHouse ? requestByHouse(await engine(), account, "exit", 0n, tell) : money.finishExit(await engine()),
      t.account.exitDone,
    );
  return (
    <section className="card" aria-labelledby="exit-title">
      <h2 id="exit-title">{t.account.exit}</h2>
      <p className="muted small">{t.account.exitNote(lasting(typed?.limits.exit_delay_s ?? 0))}</p>
      {exit && (
        <p>
          {isReady
            ? t.account.exitReady(amount(exit.amountMicro))
            : t.account.exitWaits(amount(exit.amountMicro), formatMoment(exit.unlocksAtS))}
        </p>
      )}
      <SentBy choice={choice} isLocked={action.isBusy} />
      <div className="actions">
        {exit && (
          <button type="button" className="button" disabled={action.isBusy} onClick={() => request(0n)}>
            {t.account.exitCancel}
          </button>
        )}
        {exit && isReady && (
          <button
            type="button"
            className="button primary"
            disabled={action.isBusy}
            onClick={take}
          >
            {t.account.exitTake}
          </button>
        )}
        {!exit && (
          <button
            type="button"
            className="button"
            disabled={action.isBusy || account.available_micro === "0"}
            onClick={() => request(BigInt(account.available_micro))}
          >
            {t.account.exitAsk}
          </button>
        )}
      </div>
      <Outcome action={action} />
    </section>
  );
}

function History({ owner, account: { account }, amount }: OfAccount) {
  const { data } = useQuery({
    queryKey: ["movements", account],
    queryFn: () => answered(api.GET("/v1/accounts/{account}/movements", { params: { path: { account } } })),
    refetchInterval: useAskMs(owner),
  });
  return (
    <section aria-labelledby="history-title">
      <h2 id="history-title">{t.account.history}</h2>
      {data?.movements.length === 0 && <p className="muted">{t.account.historyNone}</p>}
      <ul className="rows">
        {data?.movements.map((movement, at) => (
          <li key={`${movement.tx_hash}:${movement.batch}:${movement.bet}:${at}`}>
            <span>
              {t.account.kinds[movement.kind]}
              <span className="muted small">
                {" "}
                {formatMoment(movement.at_s)} · {t.account.stages[movement.stage]}
              </span>
            </span>
            <span className="amount-cell" data-sign={movement.delta_micro.startsWith("-") ? "minus" : "plus"}>
              {amount(movement.delta_micro)}
            </span>
            {movement.tx_hash && <Hash hash={movement.tx_hash} />}
          </li>
        ))}
      </ul>
    </section>
  );
}
