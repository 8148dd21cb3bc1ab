/** Solvency as the browser reads it from the chain. */

import { useQuery } from "@tanstack/react-query";

import { useIsLocal, useUnit } from "../app/hooks.ts";
import { formatMicro, formatMoment } from "../odds/format.ts";
import { t } from "../strings/index.ts";
import { Fault } from "../ui/Fault.tsx";
import { engine, useWallet } from "../wallet/state.ts";
import { Gas, Keys, Results } from "./Records.tsx";
import { readSolvency } from "./solvency.ts";

export function ProofPage() {
  const unit = useUnit();
  const isLocal = useIsLocal();
  const { status } = useWallet();
  const canRead = isLocal || status === "connected";
  const { data, error, isFetching, refetch } = useQuery({
    queryKey: ["solvency"],
    queryFn: async () => readSolvency(await engine()),
    enabled: canRead,
    refetchInterval: 10_000,
    retry: false,
  });
  const amount = (micro: bigint) => `${formatMicro(micro, 2)} ${unit}`;
  const owed = data ? data.balancesMicro + data.poolMicro : 0n;
  const isCovered = data !== undefined && data.heldMicro >= owed && data.poolMicro >= data.owedMicro + data.lockedMicro;
  const rows = data
    ? ([
        [t.proof.held, data.heldMicro, "Token.balanceOf(Sportsbook)"],
        [t.proof.balances(data.accounts), data.balancesMicro, "Sportsbook.accountAt(1…n).balance"],
        [t.proof.pool, data.poolMicro, "Sportsbook.book().pool"],
        [t.proof.owed, data.owedMicro, "Sportsbook.book().owed"],
        [t.proof.locked, data.lockedMicro, "Sportsbook.book().locked"],
        [t.proof.free, data.freeMicro, "Sportsbook.houseFree()"],
      ] as const)
    : [];
  return (
    <section className="page">
      <h1>{t.proof.title}</h1>
      <p className="muted">{t.proof.intro}</p>
      {!canRead && <p className="notice">{t.proof.needsNode}</p>}
      {error && <Fault error={error} onRetry={() => void refetch()} />}
      {!data && canRead && !error && <p className="placeholder">{t.proof.reading}</p>}
      {data && (
        <>
          <p className={isCovered ? "verdict good" : "verdict fault"} role="status">
            {isCovered ? t.proof.good : t.proof.bad}
          </p>
          <table className="proof">
            <tbody>
              {rows.map(([name, micro, call]) => (
                <tr key={call}>
                  <th scope="row">
                    {name}
                    <code className="muted small">{call.replaceAll(".", ".\u200b")}</code>
                  </th>
                  <td>{amount(micro)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <p className="muted small">
            {data.heldMicro === owed ? t.proof.exact : t.proof.surplus(amount(data.heldMicro - owed))}{" "}
            {t.proof.block(String(data.block), formatMoment(data.atS))}
          </p>
          <button type="button" className="button" disabled={isFetching} onClick={() => void refetch()}>
            {t.proof.again}
          </button>
        </>
      )}
      <Gas />
      <Results />
      <Keys />
    </section>
  );
}
