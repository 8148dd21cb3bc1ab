/** Names the deployment: chain, contract, signing domain and limits. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { typedDataQuery } from "../api/queries.ts";
import { t } from "../strings/index.ts";
import { rowsOf } from "./facts.ts";
import { useUnit } from "./hooks.ts";

export function Footer() {
  const { data, error } = useQuery(typedDataQuery);
  const unit = useUnit();
  return (
    <footer className="foot">
      <div className="foot-in">
        <section aria-labelledby="facts-title">
          <h2 id="facts-title">{t.facts.title}</h2>
          <dl className="facts">
            {data &&
              rowsOf(data, unit).map(({ name, value, isCode }) => (
                <div key={name} className={isCode ? "wide" : ""}>
                  <dt>{name}</dt>
                  <dd>{isCode ? <code>{value}</code> : value}</dd>
                </div>
              ))}
            {error && <div>{error.message}</div>}
          </dl>
        </section>
        <p className="muted">
          <Link to="/liquidity">{t.facts.liquidity}</Link>{" "}
          {t.facts.note} <a href="/docs">{t.facts.docs}</a>
        </p>
      </div>
    </footer>
  );
}
