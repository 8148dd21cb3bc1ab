"""Defines the refusals of a cash-out, one class per reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from backend import examples
from backend.problems import Refused


class CashOutUnavailable(Refused):
    """The house offers no price for this bet now; the detail says why and whether it will."""

    code = "cash-out-unavailable"
    title = "No cash-out now"


class CashOutTooEarly(Refused):
    """The bet is too young, or not final on the chain yet; `Retry-After` says when to try again."""

    code = "cash-out-too-early"
    title = "Too early to cash out"
    extra: ClassVar[Mapping[str, Any]] = {"open_from_s": examples.NOW_S}


class CashOutStakeInvalid(Refused):
    """The part is not between 1 micro-unit and the stake of the bet."""

    code = "cash-out-stake-invalid"
    title = "Invalid part of the stake"
    extra: ClassVar[Mapping[str, Any]] = {"stake_micro": examples.STAKE_MICRO}


class BetEnded(Refused):
    """The bet is settled, cashed out or replaced."""

    code = "bet-ended"
    title = "Bet ended"


class BetOfAnother(Refused):
    """The bet belongs to another owner than the session's."""

    status = 403
    code = "bet-of-another"
    title = "Bet belongs to another owner"
    extra: ClassVar[Mapping[str, Any]] = {"owner": examples.OWNER}


class CashOutBudgetExceeded(Refused):
    """The key that signs cash-outs cannot commit the house to this price now."""

    status = 503
    code = "cash-out-budget"
    title = "Cash-out budget used up"
    extra: ClassVar[Mapping[str, Any]] = {"needed_micro": "2300000", "available_micro": "2000000"}


class CashOutExpired(Refused):
    """The offer has ended: ask for another one."""

    code = "cash-out-expired"
    title = "Offer expired"
    extra: ClassVar[Mapping[str, Any]] = {"deadline_s": examples.NOW_S}
