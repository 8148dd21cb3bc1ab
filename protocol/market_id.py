"""Packs and reads the 32-byte market id, which fully describes its market."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cache

from protocol.keccak import keccak
from protocol.limits import LISTED_MARKET_BYTES

MARKET_BYTES = 32
FIXTURE_BYTES = 16
STARTS_AT, KIND_AT, PERIOD_AT, LINE_AT, FLAGS_AT = 16, 21, 22, 23, 25
ZEROS_AT = LISTED_MARKET_BYTES
"""Where start, kind, period, line, flags and the zero bytes stand in the 32 bytes."""
STARTS_BYTES = KIND_AT - STARTS_AT
IN_PLAY_FLAG = 1


class Kind(IntEnum):
    """What a market asks of the score. The numbers are part of the market id."""

    MATCH_RESULT = 1
    DOUBLE_CHANCE = 2
    DRAW_NO_BET = 3
    TOTAL_GOALS = 4
    HOME_TOTAL_GOALS = 5
    AWAY_TOTAL_GOALS = 6
    ASIAN_HANDICAP = 7
    EUROPEAN_HANDICAP = 8
    BOTH_TEAMS_TO_SCORE = 9
    CORRECT_SCORE = 10
    ODD_EVEN_GOALS = 11
    WINNING_MARGIN = 12
    PROPOSITION = 13


class Period(IntEnum):
    """The part of the match whose goals count."""

    FULL_TIME = 0
    FIRST_HALF = 1
    SECOND_HALF = 2


KIND_NAMES: dict[Kind, str] = {
    Kind.MATCH_RESULT: "Match result",
    Kind.DOUBLE_CHANCE: "Double chance",
    Kind.DRAW_NO_BET: "Draw no bet",
    Kind.TOTAL_GOALS: "Total goals",
    Kind.HOME_TOTAL_GOALS: "Home total goals",
    Kind.AWAY_TOTAL_GOALS: "Away total goals",
    Kind.ASIAN_HANDICAP: "Asian handicap",
    Kind.EUROPEAN_HANDICAP: "European handicap",
    Kind.BOTH_TEAMS_TO_SCORE: "Both teams to score",
    Kind.CORRECT_SCORE: "Correct score",
    Kind.ODD_EVEN_GOALS: "Odd or even goals",
    Kind.WINNING_MARGIN: "Winning margin",
    Kind.PROPOSITION: "Proposition",
}

PERIOD_NAMES: dict[Period, str] = {
    Period.FULL_TIME: "Full time",
    Period.FIRST_HALF: "First half",
    Period.SECOND_HALF: "Second half",
}

_HOME_DRAW_AWAY = ("Home", "Draw", "Away")
_HOME_AWAY = ("Home", "Away")
_OVER_UNDER = ("Over", "Under")

_OUTCOME_NAMES: dict[Kind, tuple[str, ...]] = {
    Kind.MATCH_RESULT: _HOME_DRAW_AWAY,
    Kind.DOUBLE_CHANCE: ("Home or draw", "Home or away", "Draw or away"),
    Kind.DRAW_NO_BET: _HOME_AWAY,
    Kind.TOTAL_GOALS: _OVER_UNDER,
    Kind.HOME_TOTAL_GOALS: _OVER_UNDER,
    Kind.AWAY_TOTAL_GOALS: _OVER_UNDER,
    Kind.ASIAN_HANDICAP: _HOME_AWAY,
    Kind.EUROPEAN_HANDICAP: _HOME_DRAW_AWAY,
    Kind.BOTH_TEAMS_TO_SCORE: ("Yes", "No"),
    Kind.ODD_EVEN_GOALS: ("Odd", "Even"),
    Kind.PROPOSITION: ("Yes", "No"),
}

TOTAL_KINDS = frozenset({Kind.TOTAL_GOALS, Kind.HOME_TOTAL_GOALS, Kind.AWAY_TOTAL_GOALS})
WIDE_KINDS = frozenset({Kind.CORRECT_SCORE, Kind.WINNING_MARGIN})
GROSS_KINDS = WIDE_KINDS | {Kind.PROPOSITION}
"""Kinds whose bets are locked one by one (contracts/libraries/Markets.sol, LOCKED_GROSS)."""
MAX_WIDE_GOALS = 9


class MarketInvalid(ValueError):
    """The bytes or fields describe no market that the contract would take."""


def fixture_name_hash(name: str) -> bytes:
    """Hash of a fixture's canonical name ("Home v Away, YYYY-MM-DD"), 32 bytes, as EIP-712
    encodes the string that a wallet shows."""
    return keccak(name.encode())


def fixture_id(name: str) -> bytes:
    """The fixture's id: the first 16 bytes of its name's hash."""
    return fixture_name_hash(name)[:FIXTURE_BYTES]


@dataclass(frozen=True, slots=True)
class MarketId:
    """A market: fixture (16 bytes), start (unix seconds), kind, period, line (quarter goals)."""

    fixture: bytes
    starts_at_s: int
    kind: Kind
    period: Period = Period.FULL_TIME
    line_q: int = 0
    in_play: bool = False

    def pack(self) -> bytes:
        """The 32 bytes of the id. Raises MarketInvalid when a field does not fit."""
        if len(self.fixture) != FIXTURE_BYTES:
            raise MarketInvalid(f"a fixture id has 16 bytes, not {len(self.fixture)}")
        _check(self.kind, self.period, self.line_q)
        try:
            return (
                self.fixture
                + self.starts_at_s.to_bytes(STARTS_BYTES, "big")
                + bytes((self.kind, self.period))
                + self.line_q.to_bytes(FLAGS_AT - LINE_AT, "big", signed=True)
                + bytes((IN_PLAY_FLAG if self.in_play else 0,))
                + bytes(MARKET_BYTES - ZEROS_AT)
            )
        except OverflowError as error:
            raise MarketInvalid(f"a field of the market does not fit: {error}") from error

    @classmethod
    def unpack(cls, packed: bytes) -> MarketId:
        """Read an id. Raises MarketInvalid for bytes that no `pack` could have made."""
        if len(packed) != MARKET_BYTES:
            raise MarketInvalid(f"a market id has 32 bytes, not {len(packed)}")
        try:
            kind, period = Kind(packed[KIND_AT]), Period(packed[PERIOD_AT])
        except ValueError as error:
            raise MarketInvalid(str(error)) from error
        flags = packed[FLAGS_AT]
        if flags > IN_PLAY_FLAG or any(packed[ZEROS_AT:]):
            raise MarketInvalid("unknown flags or trailing bytes in the market id")
        line_q = int.from_bytes(packed[LINE_AT:FLAGS_AT], "big", signed=True)
        _check(kind, period, line_q)
        return cls(
            fixture=packed[:FIXTURE_BYTES],
            starts_at_s=int.from_bytes(packed[STARTS_AT:KIND_AT], "big"),
            kind=kind,
            period=period,
            line_q=line_q,
            in_play=bool(flags),
        )

    @property
    def outcomes(self) -> tuple[str, ...]:
        """The names of the outcomes, by outcome number."""
        return outcome_names(self.kind, self.line_q)


@cache
def outcome_names(kind: Kind, line_q: int) -> tuple[str, ...]:
    """The names of a market's outcomes, by outcome number. The line of a correct score is the most
    goals that it lists for a side, that of a winning margin the margin from which it counts on."""
    limit = line_q // 4
    if kind is Kind.CORRECT_SCORE:
        listed = [f"{home}:{away}" for home in range(limit + 1) for away in range(limit + 1)]
        return (*listed, "Any other home win", "Any other draw", "Any other away win")
    if kind is Kind.WINNING_MARGIN:
        margins = [f"{n} or more" if n == limit else str(n) for n in range(1, limit + 1)]
        return (
            *(f"Home by {margin}" for margin in margins),
            "Draw",
            *(f"Away by {margin}" for margin in margins),
        )
    return _OUTCOME_NAMES[kind]


def line_fits(kind: Kind, line_q: int) -> bool:
    """Whether the contract takes this line, in quarter goals, for this kind of market."""
    if kind in TOTAL_KINDS:
        return line_q > 0
    if kind is Kind.ASIAN_HANDICAP:
        return True
    if kind is Kind.EUROPEAN_HANDICAP:
        return line_q % 4 == 0
    if kind in WIDE_KINDS:
        return line_q % 4 == 0 and 0 < line_q <= 4 * MAX_WIDE_GOALS
    return line_q == 0


def _check(kind: Kind, period: Period, line_q: int) -> None:
    """Raises MarketInvalid for a line or a period that this kind of market does not have."""
    if not line_fits(kind, line_q):
        raise MarketInvalid(f"{kind.name} takes no line of {line_q} quarter goals")
    if kind is Kind.PROPOSITION and period is not Period.FULL_TIME:
        raise MarketInvalid("a proposition has no periods")
