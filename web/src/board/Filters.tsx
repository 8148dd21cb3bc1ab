/** Search, days, leagues, favourites, and how odds and page are shown. */

import { getRouteApi } from "@tanstack/react-router";

import type { Fixture } from "../api/client.ts";
import { prefer, usePreferences, type Preferences } from "../app/preferences.ts";
import type { BoardSearch } from "../app/routes.tsx";
import type { OddsFormat } from "../odds/format.ts";
import { LANGUAGES, language, speak, t, type Language } from "../strings/index.ts";
import { dayOf, tally } from "./fixtures.ts";

interface Props {
  fixtures: readonly Fixture[];
  search: string;
  onSearch: (text: string) => void;
}

const here = getRouteApi("/");

export function Filters({ fixtures, search, onSearch }: Props) {
  const now = here.useSearch();
  const navigate = here.useNavigate();
  const first = new Map(fixtures.map((fixture) => [dayOf(fixture.starts_at_s), fixture.starts_at_s]));
  const set = (change: { [name in keyof BoardSearch]: BoardSearch[name] | undefined }) => {
    const next = Object.entries({ ...now, ...change }).filter(([, value]) => value !== undefined);
    void navigate({ search: Object.fromEntries(next), resetScroll: false });
  };
  const days = tally(fixtures.map((fixture) => dayOf(fixture.starts_at_s)));
  const leagues = tally(fixtures.map((fixture) => fixture.competition));
  return (
    <aside className="filters" aria-label={t.board.filters}>
      <input
        type="search"
        className="input"
        value={search}
        placeholder={t.board.search}
        aria-label={t.board.search}
        onChange={(event) => onSearch(event.target.value)}
      />
      <div className="chips">
        <Chip isOn={now.favourites === true} onChange={(on) => set({ favourites: on ? true : undefined })}>
          <span aria-hidden="true">★</span> {t.board.favourites}
        </Chip>
        {days.map(([day, number]) => (
          <Chip key={day} isOn={now.day === day} onChange={(on) => set({ day: on ? day : undefined })}>
            {shortDay(first.get(day) ?? 0)} <span className="number">{number}</span>
          </Chip>
        ))}
        {leagues.map(([league, number]) => (
          <Chip key={league} isOn={now.league === league} onChange={(on) => set({ league: on ? league : undefined })}>
            {league} <span className="number">{number}</span>
          </Chip>
        ))}
      </div>
      <Display />
    </aside>
  );
}

function Chip(props: { isOn: boolean; onChange: (on: boolean) => void; children: React.ReactNode }) {
  return (
    <button type="button" className="chip" aria-pressed={props.isOn} onClick={() => props.onChange(!props.isOn)}>
      {props.children}
    </button>
  );
}

function Display() {
  const { odds, theme } = usePreferences();
  return (
    <div className="display">
      <label>
        {t.board.odds}
        <select className="input" value={odds} onChange={(event) => prefer({ odds: event.target.value as OddsFormat })}>
          <option value="decimal">{t.board.decimal}</option>
          <option value="fractional">{t.board.fractional}</option>
          <option value="american">{t.board.american}</option>
        </select>
      </label>
      <label>
        {t.board.theme}
        <select
          className="input"
          value={theme}
          onChange={(event) => prefer({ theme: event.target.value as Preferences["theme"] })}
        >
          <option value="system">{t.board.system}</option>
          <option value="light">{t.board.light}</option>
          <option value="dark">{t.board.dark}</option>
        </select>
      </label>
      <label>
        {t.board.language}
        <select className="input" value={language} onChange={(event) => speak(event.target.value as Language)}>
          {Object.entries(LANGUAGES).map(([name, own]) => (
            <option key={name} value={name} lang={name}>
              {own}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}

function shortDay(startsAtS: number): string {
  return new Intl.DateTimeFormat(t.locale, { weekday: "short", day: "numeric", month: "short" }).format(
    new Date(startsAtS * 1000),
  );
}
