"""Defines the refusals of what an owner signed for the house to send, one class per reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from backend import examples
from backend.problems import Problem, Refused


class RelayUnavailable(Refused):
    """The house does not send this for owners; the owner's wallet can send it itself."""

    code = "relay-unavailable"
    title = "Not sent by this house"


class RelayExpired(Refused):
    """The deadline has passed, or is so near that the transaction could come too late."""

    code = "relay-expired"
    title = "Deadline passed or too near"
    extra: ClassVar[Mapping[str, Any]] = {
        "now_s": examples.NOW_S,
        "earliest_s": examples.DEADLINE_S,
    }


class RelayTooEarly(Refused):
    """The authorization is not valid yet."""

    code = "relay-too-early"
    title = "Authorization not valid yet"
    extra: ClassVar[Mapping[str, Any]] = {"now_s": examples.NOW_S}


class RelayNumberWrong(Refused):
    """The number is not that of the account's next request, or of the owner's next permit."""

    code = "relay-number-wrong"
    title = "Wrong number"
    extra: ClassVar[Mapping[str, Any]] = {"number": "1"}


class AuthorizationUsed(Refused):
    """The authorization was used or cancelled on the token."""

    code = "authorization-used"
    title = "Authorization used"


class DepositTooSmall(Refused):
    """The house sends deposits from this amount on; a transaction of the owner's own has no
    minimum."""

    code = "deposit-too-small"
    title = "Deposit too small to be sent by the house"
    extra: ClassVar[Mapping[str, Any]] = {"min_deposit_micro": "100000"}


class TokensInsufficient(Refused):
    """The owner holds fewer tokens than the deposit."""

    code = "tokens-insufficient"
    title = "Insufficient tokens"
    extra: ClassVar[Mapping[str, Any]] = {
        "owner": examples.OWNER,
        "held_micro": "20000000",
        "needed_micro": "100000000",
    }


class RelayPending(Refused):
    """Another deposit or another request of the owner is on its way."""

    code = "relay-pending"
    title = "Another relay is on its way"
    extra: ClassVar[Mapping[str, Any]] = {"relay_hash": examples.RELAY_HASH}


class RelayReverts(Refused):
    """The contract would refuse it now; the detail names the contract's error."""

    code = "relay-reverts"
    title = "The contract would refuse it"
    extra: ClassVar[Mapping[str, Any]] = {"error": "AccountExcluded"}


class RelayLimit(Refused):
    """The house has sent as much for this owner as it allows in an hour or a day."""

    status = 429
    code = "relay-limit"
    title = "Relay limit reached"


class RelayBudget(Refused):
    """The house's gas budget for this hour is used up."""

    status = 503
    code = "relay-budget"
    title = "Gas budget used up"


TERMS_REFUSALS: tuple[type[Problem], ...] = (
    RelayUnavailable,
    RelayExpired,
    RelayPending,
    RelayReverts,
    RelayLimit,
    RelayBudget,
)
"""Every reason for which a relay of any kind can be refused, beside its signature."""
