/** Chooses which bets are shown: league, day, singles or accumulators, and how they ended. */

import { t } from "../strings/index.ts";
import { ANY, ENDS, isAny, type BetFilter } from "./filter.ts";

interface Props {
  filter: BetFilter;
  onChange: (filter: BetFilter) => void;
  leagues: readonly string[];
  shown: number;
  all: number;
}

export function Filters({ filter, onChange, leagues, shown, all }: Props) {
  const set = (change: Partial<BetFilter>) => onChange({ ...filter, ...change });
  return (
    <details className="bet-filters">
      <summary>
        {t.bets.filter.title} <span className="muted">{isAny(filter) ? "" : t.board.found(shown, all)}</span>
      </summary>
      <div className="bet-filter-fields">
        <Choice label={t.bets.filter.league} value={filter.league} onChange={(league) => set({ league })}>
          {leagues.map((league) => [league, league] as const)}
        </Choice>
        <Choice label={t.bets.filter.legs} value={filter.legs} onChange={(legs) => set({ legs: legs as BetFilter["legs"] })}>
          {[
            ["single", t.slip.singles],
            ["accumulator", t.bets.filter.accumulators],
          ]}
        </Choice>
        <Choice label={t.bets.filter.end} value={filter.end} onChange={(end) => set({ end: end as BetFilter["end"] })}>
          {ENDS.map((end) => [end, t.bets.filter.ends[end]] as const)}
        </Choice>
        <label>
          {t.bets.filter.from}
          <input type="date" className="input" value={filter.from} max={filter.to} onChange={(event) => set({ from: event.target.value })} />
        </label>
        <label>
          {t.bets.filter.to}
          <input type="date" className="input" value={filter.to} min={filter.from} onChange={(event) => set({ to: event.target.value })} />
        </label>
        <button type="button" className="button" disabled={isAny(filter)} onClick={() => onChange(ANY)}>
          {t.bets.filter.clear}
        </button>
      </div>
    </details>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  children: readonly (readonly [value: string, name: string])[];
}

function Choice({ label, value, onChange, children }: ChoiceProps) {
  return (
    <label>
      {label}
      <select className="input" value={value} onChange={(event) => onChange(event.target.value)}>
        <option value="">{t.bets.filter.any}</option>
        {children.map(([one, name]) => (
          <option key={one} value={one}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
