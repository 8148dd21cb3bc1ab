"""Reads one row of the facts file; pure. A row that cannot be true is refused by field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from backend.feed.facts import TIME_FORMAT, UNKNOWN, FixtureFacts, ended_in_first_half
from backend.feed.names import is_plain, mixes_alphabets, normalised
from backend.feed.status import WITH_GOALS, FactStatus
from protocol.outcomes import Score

MAX_GOALS = 99
MAX_NAME_LENGTH = 80
MAX_MINUTE = 150

_NUMBER = re.compile(r"\d{1,6}", re.ASCII)

Pair = tuple[int, int]


class FieldInvalid(ValueError):
    """One field of a row; the reader adds file, line and bytes."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")


def read_row(field: Mapping[str, str], line: int, aliases: Mapping[str, str]) -> FixtureFacts:
    """The fixture of a row; `aliases` has the name to use for other spellings. Raises
    FieldInvalid."""
    home, away = (_club(field, side, aliases) for side in ("home", "away"))
    if home == away:
        raise FieldInvalid("away", f"{away!r} cannot play against itself")
    half, full = _half(field), _pair(field, "full")
    extra, penalties = _pair(field, "extra"), _pair(field, "penalties")
    status = _status(field)
    _check_goals(status, half, full, extra, penalties)
    minute = _optional(field, "minute", 0, MAX_MINUTE)
    if (minute is not None) != (status is FactStatus.ABANDONED):
        raise FieldInvalid("minute", "an abandoned match has one, and no other")
    if minute is not None and ended_in_first_half(minute) and half != full:
        raise FieldInvalid(
            "home_half", "differs from full time, although it ended before half-time"
        )
    return FixtureFacts(
        competition=_text(field, "competition"),
        season=_text(field, "season"),
        matchday=_text(field, "matchday"),
        starts_at_s=_kick_off(field["kick_off"]),
        home=home,
        away=away,
        score=Score(*half, *full) if half and full else None,
        stated=status,
        minute=minute,
        full_time=None if half else full,
        extra=extra,
        penalties=penalties,
        source=_optional_text(field, "source"),
        source_id=_optional_text(field, "id"),
        revision=_optional(field, "revision", 0, 999_999) or 0,
        meeting=_optional(field, "meeting", 1, 9) or 1,
        line=line,
    )


def _status(field: Mapping[str, str]) -> FactStatus | None:
    value = field.get("status", "")
    if not value:
        return None
    try:
        return FactStatus(value)
    except ValueError:
        raise FieldInvalid("status", f"{value!r} is not one of {', '.join(FactStatus)}") from None


def _check_goals(
    status: FactStatus | None,
    half: Pair | None,
    full: Pair | None,
    extra: Pair | None,
    penalties: Pair | None,
) -> None:
    if half and full is None:
        raise FieldInvalid("home_full", "is empty although other goals are given")
    if status in WITH_GOALS and full is None and status is not FactStatus.AWARDED:
        raise FieldInvalid("home_full", f"is empty although the match is {status}")
    if status is not None and status not in WITH_GOALS and full is not None:
        raise FieldInvalid("home_full", f"is given although the match is {status}")
    _check_order("half", half, full, "full time")
    _check_order("full", full, extra, "the end of extra time")
    if (extra or penalties) and full is None:
        raise FieldInvalid("home_full", "is empty although other goals are given")


def _check_order(column: str, fewer: Pair | None, more: Pair | None, until: str) -> None:
    if fewer is None or more is None:
        return
    for side, before, after in zip(("home", "away"), fewer, more, strict=True):
        if before > after:
            raise FieldInvalid(f"{side}_{column}", f"is more than the goals at {until}")


def _half(field: Mapping[str, str]) -> Pair | None:
    """The half-time score; None while there is none or when it is unknown."""
    given = (field["home_half"], field["away_half"])
    if given == (UNKNOWN, UNKNOWN):
        if not field["home_full"]:
            raise FieldInvalid("home_half", "is unknown although no match was played")
        return None
    half = _pair(field, "half")
    if half is None and (field["home_full"] or field["away_full"]) and not _is_award(field):
        raise FieldInvalid(
            "home_half",
            f"is empty although other goals are given; write {UNKNOWN} in both columns if nobody"
            " knows the half-time score",
        )
    return half


def _is_award(field: Mapping[str, str]) -> bool:
    return field.get("status", "") == FactStatus.AWARDED


def _pair(field: Mapping[str, str], part: str) -> Pair | None:
    columns = (f"home_{part}", f"away_{part}")
    values = [field.get(column, "") for column in columns]
    if not any(values):
        return None
    for column, value in zip(columns, values, strict=True):
        if not value:
            raise FieldInvalid(column, "is empty although other goals are given; give all of them")
    home, away = (_number(field, column, 0, MAX_GOALS) for column in columns)
    return home, away


def _text(field: Mapping[str, str], column: str) -> str:
    value = normalised(field[column])
    if not is_plain(value):
        raise FieldInvalid(column, f"{field[column]!r} is not plain, non-empty text")
    if len(value) > MAX_NAME_LENGTH:
        raise FieldInvalid(column, f"is longer than {MAX_NAME_LENGTH} characters")
    return value


def _optional_text(field: Mapping[str, str], column: str) -> str:
    return _text(field, column) if field.get(column) else ""


def _club(field: Mapping[str, str], column: str, aliases: Mapping[str, str]) -> str:
    name = _text(field, column)
    if name in aliases:
        return aliases[name]
    if mixes_alphabets(name):
        raise FieldInvalid(column, f"{name!r} mixes letters of two alphabets in one word")
    return name


def _number(field: Mapping[str, str], column: str, minimum: int, maximum: int) -> int:
    value = field[column]
    if not _NUMBER.fullmatch(value) or not minimum <= int(value) <= maximum:
        raise FieldInvalid(column, f"{value!r} is not a whole number from {minimum} to {maximum}")
    return int(value)


def _optional(field: Mapping[str, str], column: str, minimum: int, maximum: int) -> int | None:
    return _number(field, column, minimum, maximum) if field.get(column) else None


def _kick_off(value: str) -> int:
    try:
        return int(datetime.strptime(value, TIME_FORMAT).replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise FieldInvalid(
            "kick_off", f"{value!r} is not a UTC time like 2025-05-25T15:00:00Z"
        ) from None
