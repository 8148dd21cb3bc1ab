"""Defines the refusals of limits that owners set themselves, one class per reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from backend import examples
from backend.problems import Problem, Refused

_MEMBERS: Mapping[str, Any] = {
    "period": "day",
    "limit_micro": "50000000",
    "used_micro": "48000000",
    "left_micro": "2000000",
}


class StakeLimitReached(Refused):
    """The stake exceeds what is left of the owner's own limit on stakes."""

    status = 403
    code = "stake-limit"
    title = "Own stake limit reached"
    extra: ClassVar[Mapping[str, Any]] = _MEMBERS


class LossLimitReached(Refused):
    """The stake could lose more than what is left of the owner's own limit on losses."""

    status = 403
    code = "loss-limit"
    title = "Own loss limit reached"
    extra: ClassVar[Mapping[str, Any]] = _MEMBERS


class TimedOut(Refused):
    """The owner has timed the account out."""

    status = 403
    code = "timed-out"
    title = "Account timed out"
    extra: ClassVar[Mapping[str, Any]] = {"time_out_until_s": examples.STARTS_AT_S}


class TimeOutKept(Refused):
    """A time-out can be extended, never ended early."""

    code = "time-out-kept"
    title = "Time-out kept"
    extra: ClassVar[Mapping[str, Any]] = {
        "now_s": examples.NOW_S,
        "time_out_until_s": examples.STARTS_AT_S,
    }


LIMIT_REFUSALS: tuple[type[Problem], ...] = (TimedOut, StakeLimitReached, LossLimitReached)
"""Every reason for which an owner's own limits can refuse a slip, for the OpenAPI document."""
