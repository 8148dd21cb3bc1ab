/** What anybody can check beside solvency: keys, results and who decided them, and gas. */

import { useQuery } from "@tanstack/react-query";

import { answered, api, type Schemas } from "../api/client.ts";
import { useUnit } from "../app/hooks.ts";
import { formatMicro, formatMoment } from "../odds/format.ts";
import { t } from "../strings/index.ts";
import { Fault } from "../ui/Fault.tsx";

const LOOK_MS = 30_000;

export function Gas() {
  const { data } = useQuery({
    queryKey: ["proof", "gas"],
    queryFn: () => answered(api.GET("/v1/proof/gas")),
    refetchInterval: LOOK_MS,
  });
  if (!data) return null;
  const { placing_per_bet: placing, settling_per_bet: settling, alone_per_bet: alone } = data;
  // A batch of one saves nothing.
  const savedPercent = placing === null || settling === null ? 0 : Math.floor((100 * (alone - placing - settling)) / alone);
  const gas = (units: number | null) => (units === null ? "–" : units.toLocaleString(t.locale));
  return (
    <section aria-labelledby="gas-title">
      <h2 id="gas-title">{t.proof.gas}</h2>
      <p className="muted small">{t.proof.gasNote(data.bets, data.batches)}</p>
      <dl className="figures">
        <div>
          <dt>{t.proof.placing}</dt>
          <dd>{gas(placing)}</dd>
        </div>
        <div>
          <dt>{t.proof.settling}</dt>
          <dd>{gas(settling)}</dd>
        </div>
        <div>
          <dt>{t.proof.alone}</dt>
          <dd>{gas(alone)}</dd>
        </div>
      </dl>
      {savedPercent > 0 && <p>{t.proof.saved(savedPercent)}</p>}
    </section>
  );
}

export function Keys() {
  const unit = useUnit();
  const { data, error } = useQuery({ queryKey: ["proof", "keys"], queryFn: () => answered(api.GET("/v1/proof/keys")) });
  return (
    <section aria-labelledby="keys-title">
      <h2 id="keys-title">{t.proof.keys}</h2>
      <p className="muted small">{t.proof.keysNote}</p>
      {error && <Fault error={error} />}
      <ul className="rows">
        {data?.keys.map((key) => (
          <li key={key.address}>
            <span>
              {t.proof.roles[key.role].name}
              <span className="muted small">
                {" "}
                {key.retired_at_s === null ? t.proof.roles[key.role].power : t.proof.retired(formatMoment(key.retired_at_s))}
              </span>
            </span>
            <span className="amount-cell">{`${formatMicro(key.budget_micro, 2)} ${unit}`}</span>
            <code className="small">{key.address}</code>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function Results() {
  const { data, error } = useQuery({
    queryKey: ["proof", "results"],
    queryFn: () => answered(api.GET("/v1/proof/results", { params: { query: { limit: 20 } } })),
    refetchInterval: LOOK_MS,
  });
  return (
    <section aria-labelledby="results-title">
      <h2 id="results-title">{t.proof.results}</h2>
      <p className="muted small">{t.proof.resultsNote}</p>
      {error && <Fault error={error} />}
      {data?.results.length === 0 && <p className="muted">{t.proof.resultsNone}</p>}
      <ul className="rows">
        {data?.results.map((result) => (
          <li key={result.fixture}>
            <span>
              {result.name ?? result.fixture}
              <span className="muted small">
                {" "}
                {t.proof.states[result.state](formatMoment(result.final_at_s))}
                {result.corrected && `, ${t.proof.corrected}`}
                {result.council && ` · ${t.proof.council(result.council.threshold, result.council.signers.length)}`}
              </span>
            </span>
            <span className="amount-cell">{scoreOf(result)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function scoreOf({ status, full_time: [home, away] }: Schemas["ResultPublic"]): string {
  if (status === "void") return t.proof.void;
  if (status === "fraction") return t.proof.fraction;
  return status === "abandoned" ? t.proof.abandoned(`${home}–${away}`) : `${home}–${away}`;
}
