/** The button that opens the match-day control, where the API offers it: on local chains alone. */

import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useRef, useState } from "react";

import { contractsQuery } from "../api/queries.ts";
import { t } from "../strings/index.ts";

const MatchDayPanel = lazy(() => import("./MatchDayPanel.tsx").then((m) => ({ default: m.MatchDayPanel })));

export function MatchDayButton() {
  const { data: contracts } = useQuery(contractsQuery);
  const [isOpen, setOpen] = useState(false);
  // Once opened it stays, so that closing it ends nothing.
  const [isLoaded, setLoaded] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  if (!contracts?.local_control) return null;
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  return (
    <div className="match-day" onKeyDown={(event) => event.key === "Escape" && isOpen && close()}>
      <button
        ref={button}
        type="button"
        className="button match-day-open"
        aria-expanded={isOpen}
        aria-controls="match-day"
        onClick={() => {
          setLoaded(true);
          setOpen(!isOpen);
        }}
      >
        <span aria-hidden="true">»</span> {t.matchDay.title}
      </button>
      <section id="match-day" className="match-day-panel" aria-label={t.matchDay.title} hidden={!isOpen}>
        {isLoaded && (
          <Suspense fallback={null}>
            <MatchDayPanel isOpen={isOpen} onClose={close} />
          </Suspense>
        )}
      </section>
    </div>
  );
}
