/** The bankroll for those who provide it: what it is worth, what it could lose, money in and out. */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { AmountField, Outcome, useAction } from "../account/action.tsx";
import * as money from "../account/money.ts";
import { answered, api } from "../api/client.ts";
import { queryClient } from "../api/queries.ts";
import { useUnit } from "../app/hooks.ts";
import { formatDown, formatMicro, formatMoment } from "../odds/format.ts";
import { readAmount } from "../slip/amounts.ts";
import { t } from "../strings/index.ts";
import { Fault } from "../ui/Fault.tsx";
import { engine, openWalletDialog, useWallet } from "../wallet/state.ts";
import { PriceChart } from "./PriceChart.tsx";
import { provide, positionOf, redeem } from "./vault.ts";

const LOOK_MS = 10_000;

const liquidityQuery = {
  queryKey: ["liquidity"],
  queryFn: () => answered(api.GET("/v1/liquidity")),
  refetchInterval: LOOK_MS,
};

export function LiquidityPage() {
  const unit = useUnit();
  const { status, address } = useWallet();
  const { data, error } = useQuery(liquidityQuery);
  const amount = (micro: bigint | string | null) => (micro === null ? "–" : `${formatMicro(micro, 2)} ${unit}`);
  const rounded = (micro: string | null) => (micro === null ? "–" : `${formatDown(micro)} ${unit}`);
  return (
    <section className="page">
      <h1>{t.liquidity.title}</h1>
      <p className="muted">{t.liquidity.intro}</p>
      {error && <Fault error={error} />}
      {data && (
        <dl className="figures">
          <div>
            <dt>{t.liquidity.leave}</dt>
            <dd data-testid="leave-price">{amount(data.leave_micro)}</dd>
          </div>
          <div>
            <dt>{t.liquidity.enter}</dt>
            <dd>{amount(data.enter_micro)}</dd>
          </div>
          <div>
            <dt>{t.liquidity.pool}</dt>
            <dd>{rounded(data.pool_micro)}</dd>
          </div>
          <div>
            <dt>{t.liquidity.locked}</dt>
            <dd>{rounded(data.locked_micro)}</dd>
          </div>
          <div>
            <dt>{t.liquidity.free}</dt>
            <dd>{rounded(data.free_micro)}</dd>
          </div>
          <div>
            <dt>{t.liquidity.commission(data.commission_bps / 100)}</dt>
            <dd>{rounded(data.commission_micro)}</dd>
          </div>
        </dl>
      )}
      {data && <PriceChart nowS={data.head_timestamp_s} nowMicro={data.leave_micro} unit={unit} />}
      {status === "connected" && address ? (
        <Provider owner={address} amount={amount} key={address} />
      ) : (
        <>
          <p>{t.liquidity.needsWallet}</p>
          <button type="button" className="button primary" onClick={() => openWalletDialog(true)}>
            {t.wallet.connect}
          </button>
        </>
      )}
      <Exposures amount={amount} />
      <Movements amount={amount} />
    </section>
  );
}

type Shown = (micro: bigint | string) => string;

/** Rounded down to hundredths: what a share is worth moves with every bet. */
const cents = (micro: bigint) => (micro / 10_000n) * 10_000n;

function Provider({ owner, amount }: { owner: `0x${string}`; amount: Shown }) {
  const { data: position, error } = useQuery({
    queryKey: ["position", owner],
    queryFn: async () => positionOf(await engine(), owner),
    refetchInterval: LOOK_MS,
    retry: false,
  });
  const { data: held } = useQuery({
    queryKey: ["holdings", owner],
    queryFn: async () => money.holdings(await engine(), owner),
  });
  return (
    <>
      {error && <Fault error={error} />}
      {position && (
        <p data-testid="position">
          {position.shares === 0n
            ? t.liquidity.none
            : t.liquidity.yours(amount(cents(position.worthMicro)), amount(cents(position.redeemableMicro)))}
        </p>
      )}
      <div className="cards">
        <Move
          title={t.liquidity.deposit}
          note={t.liquidity.depositNote}
          allMicro={held?.tokensMicro}
          owner={owner}
          act={provide}
          said={(micro) => t.liquidity.deposited(amount(micro))}
        />
        {position !== undefined && position.shares > 0n && (
          <Move
            title={t.liquidity.redeem}
            note={t.liquidity.redeemNote}
            allMicro={position.redeemableMicro}
            owner={owner}
            act={redeem}
            said={(micro) => t.liquidity.redeemed(amount(micro))}
          />
        )}
      </div>
    </>
  );
}

interface MoveProps {
  title: string;
  note: string;
  allMicro: bigint | undefined;
  owner: string;
  act: typeof provide;
  said: (micro: bigint) => string;
}

function Move({ title, note, allMicro, owner, act, said }: MoveProps) {
  const [text, setText] = useState("");
  const action = useAction(owner);
  const read = readAmount(text);
  const micro = "micro" in read ? read.micro : undefined;
  const isTooMuch = micro !== undefined && allMicro !== undefined && micro > allMicro;
  const id = title.toLowerCase().replaceAll(" ", "-");
  const go = async () => {
    if (micro === undefined) return;
    await action.run(async (tell) => act(await engine(), micro, tell), said(micro));
    for (const queryKey of [["position", owner], ["liquidity"]]) void queryClient.invalidateQueries({ queryKey });
  };
  return (
    <section className="card" aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>{title}</h2>
      <p className="muted small">{note}</p>
      <AmountField id={`${id}-amount`} label={t.account.amount} value={text} onChange={setText} allMicro={allMicro} isLocked={action.isBusy} />
      {isTooMuch && <p className="fault small">{t.liquidity.most(formatMicro(allMicro ?? 0n, 2))}</p>}
      <button type="button" className="button primary" disabled={micro === undefined || isTooMuch || action.isBusy} onClick={() => void go()}>
        {title}
      </button>
      <Outcome action={action} onRetry={() => void go()} />
    </section>
  );
}

function Exposures({ amount }: { amount: Shown }) {
  const { data } = useQuery({
    queryKey: ["liquidity", "exposures"],
    queryFn: () => answered(api.GET("/v1/liquidity/exposures", { params: { query: { most: 10 } } })),
    refetchInterval: LOOK_MS,
  });
  if (!data) return null;
  return (
    <section aria-labelledby="exposures-title">
      <h2 id="exposures-title">{t.liquidity.exposures}</h2>
      <p className="muted small">{data.count === 0 ? t.liquidity.exposuresNone : t.liquidity.exposuresNote(data.count)}</p>
      <ul className="rows">
        {data.fixtures.map((one) => (
          <li key={one.fixture}>
            <span>
              {one.name}
              <span className="muted small"> {t.liquidity.until(formatMoment(one.starts_at_s))}</span>
            </span>
            <span className="amount-cell">{amount(one.locked_micro)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Movements({ amount }: { amount: Shown }) {
  const { data } = useQuery({
    queryKey: ["liquidity", "movements"],
    queryFn: () => answered(api.GET("/v1/liquidity/movements", { params: { query: { limit: 20 } } })),
    refetchInterval: LOOK_MS,
  });
  if (!data || data.movements.length === 0) return null;
  return (
    <section aria-labelledby="movements-title">
      <h2 id="movements-title">{t.liquidity.movements}</h2>
      <ul className="rows">
        {data.movements.map((one, at) => (
          <li key={`${one.at_s}:${one.shares}:${at}`}>
            <span>
              {t.liquidity.kinds[one.kind]}
              <span className="muted small"> {t.liquidity.at(formatMoment(one.at_s), amount(one.price_micro))}</span>
            </span>
            <span className="amount-cell">{amount(one.assets_micro)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
