/** What is shown in place of a view that is not there or failed. */

import { Link } from "@tanstack/react-router";

import { t } from "../strings/index.ts";

export function NotFound() {
  return (
    <section className="page">
      <h1>{t.site.notFound}</h1>
      <p>
        <Link to="/">{t.site.backToBoard}</Link>
      </p>
    </section>
  );
}

export function PageFault({ error, reset }: { error: unknown; reset: () => void }) {
  return (
    <section className="page">
      <h1>{t.site.fault}</h1>
      <p className="notice" role="alert">
        {error instanceof Error ? error.message : String(error)}
      </p>
      <p>
        <button className="button" type="button" onClick={reset}>
          {t.site.again}
        </button>
      </p>
    </section>
  );
}
