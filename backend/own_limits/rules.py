"""Decides which limits count, from when, and whether they allow a stake; pure.

A limit is on what happens in the last day, week or month: 24 hours, 7 and 30 days that roll on, so
none begins again at midnight. Of all limits the lowest rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from backend.formatting import tokens, utc
from backend.own_limits.refusals import LossLimitReached, StakeLimitReached, TimedOut, TimeOutKept

INCREASE_AFTER_S = 24 * 3_600
MAX_TIME_OUT_S = 366 * 24 * 3_600


class Kind(StrEnum):
    """What is limited."""

    DEPOSIT = "deposit"
    STAKE = "stake"
    LOSS = "loss"


class Period(StrEnum):
    """Over which time."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    @property
    def seconds(self) -> int:
        """Its length."""
        return _SECONDS[self]


_SECONDS = {Period.DAY: 86_400, Period.WEEK: 7 * 86_400, Period.MONTH: 30 * 86_400}
TIME_OUT = "time-out"

Key = tuple[Kind, Period]


@dataclass(frozen=True, slots=True)
class Change:
    """Something that an owner has set, in the order in which it was: an amount in micro-units (None
    for no limit), or the end of a time-out. `id` is that of its row, 0 before it has one."""

    kind: str
    period: str
    amount: int | None
    set_s: int
    from_s: int
    id: int = 0

    @property
    def at_once(self) -> bool:
        """Whether it counts from when it was set, whatever another clock says."""
        return self.from_s <= self.set_s


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit as it counts now, and what it will be from `next_from_s` on, if that is set."""

    amount: int | None = None
    next_amount: int | None = None
    next_from_s: int | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """What an account has deposited, staked and lost in each period, in micro-units. What is staked
    on open bets and pending slips counts as lost until it is paid."""

    micro: Mapping[Key, int]

    def with_stake(self, stake_micro: int) -> Use:
        """The use after one more stake."""
        counted = {
            (kind, period): self.micro.get((kind, period), 0) + stake_micro
            for kind in (Kind.STAKE, Kind.LOSS)
            for period in Period
        }
        return Use({**self.micro, **counted})


def limit_of(changes: Iterable[Change], key: Key, now_s: int) -> Limit:
    """The limit at `now_s`. What was set last replaces what had not come by then: a decrease also
    ends an increase that was still to come, and of two increases only the last one comes."""
    counted, coming = _standing(changes, key, now_s)
    amount = None if counted is None else counted.amount
    if coming is None:
        return Limit(amount)
    return Limit(amount, coming.amount, coming.from_s)


def superseded_by(changes: Iterable[Change], change: Change) -> list[int]:
    """The ids of changes that can no longer count once `change` is set: all of its kind and period
    but, where it has to wait, the one that counts until then."""
    key = (change.kind, change.period)
    counted, _ = _standing(changes, key, change.set_s)
    kept = None if change.at_once else counted
    return [one.id for one in changes if (one.kind, one.period) == key and one is not kept]


def _standing(
    changes: Iterable[Change], key: tuple[str, str], now_s: int
) -> tuple[Change | None, Change | None]:
    """The change of this kind and period that counts at `now_s`, and the one that is still to
    come."""
    counted, coming = None, None
    for change in changes:
        if (change.kind, change.period) != key:
            continue
        if coming is not None and coming.from_s <= change.set_s:
            counted = coming
        counted, coming = (change, None) if change.at_once else (counted, change)
    if coming is not None and coming.from_s <= now_s:
        return coming, None
    return counted, coming


def time_out_s(changes: Iterable[Change]) -> int:
    """Until when the account is timed out; 0 if it never was."""
    return max((change.amount or 0 for change in changes if change.kind == TIME_OUT), default=0)


def change_of(changes: Sequence[Change], key: Key, amount: int | None, now_s: int) -> Change | None:
    """What setting a limit to `amount` does: a decrease counts at once, an increase a day later.
    None if it changes nothing."""
    now = limit_of(changes, key, now_s)
    if now.next_from_s is not None and now.next_amount == amount:
        return None
    if now.next_from_s is None and now.amount == amount:
        return None
    lower = amount is not None and now.amount is not None and amount <= now.amount
    rises = now.amount is not None and not lower
    from_s = now_s + INCREASE_AFTER_S if rises else now_s
    return Change(key[0], key[1], amount, now_s, from_s)


def time_out_change(changes: Sequence[Change], until_s: int, now_s: int) -> Change | None:
    """What a time-out until `until_s` does; None if it changes nothing. Raises TimeOutKept for one
    that is over, too long, or shorter than the one that counts."""
    kept_s = time_out_s(changes)
    if until_s == kept_s > now_s:
        return None
    if not max(now_s, kept_s) < until_s <= now_s + MAX_TIME_OUT_S:
        raise TimeOutKept(
            f"A time-out must end after now ({utc(now_s)}), after your current one"
            f" ({utc(kept_s) if kept_s > now_s else 'none'}), and within a year. It can be"
            " extended, never ended early.",
            now_s=now_s,
            time_out_until_s=kept_s if kept_s > now_s else None,
        )
    return Change(TIME_OUT, "", until_s, now_s, now_s)


def check_stake(changes: Sequence[Change], use: Use, stake_micro: int, now_s: int) -> None:
    """Raises TimedOut, StakeLimitReached or LossLimitReached when the owner's own limits do not
    allow a stake."""
    check_time_out(changes, now_s)
    for kind, refusal in ((Kind.STAKE, StakeLimitReached), (Kind.LOSS, LossLimitReached)):
        for period in Period:
            limit = limit_of(changes, (kind, period), now_s)
            used_micro = use.micro.get((kind, period), 0)
            if limit.amount is not None and used_micro + stake_micro > limit.amount:
                left_micro = max(0, limit.amount - used_micro)
                raise refusal(
                    f"Your own {kind} limit is {tokens(limit.amount)} per {period}, of which"
                    f" {tokens(left_micro)} is left; stake less, or wait. A higher limit takes"
                    " effect a day after it is set.",
                    period=period.value,
                    limit_micro=str(limit.amount),
                    used_micro=str(used_micro),
                    left_micro=str(left_micro),
                )


def check_time_out(changes: Sequence[Change], now_s: int) -> None:
    """Raises TimedOut."""
    until_s = time_out_s(changes)
    if until_s > now_s:
        raise TimedOut(
            f"You have timed this account out until {utc(until_s)}; no bet is accepted before. Open"
            " bets stand, and you can withdraw.",
            time_out_until_s=until_s,
        )
