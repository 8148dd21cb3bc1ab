"""Owns the reasons for which the house does not countersign a withdrawal, one class each."""

from __future__ import annotations

from backend.slips.refusals import CONFLICT, MALFORMED, SlipRefused


class AmountInvalid(SlipRefused):
    """The amount is no positive whole number of micro-units in a decimal string."""

    status = MALFORMED
    code = "amount-invalid"
    title = "The amount is none"


class SequenceWrong(SlipRefused):
    """The withdrawal is not the account's next one."""

    status = CONFLICT
    code = "sequence-wrong"
    title = "This is not the next withdrawal"


class WithdrawalPending(SlipRefused):
    """Another countersigned withdrawal of the account can still be used."""

    status = CONFLICT
    code = "withdrawal-pending"
    title = "Another withdrawal is on its way"


class WithdrawalExpired(SlipRefused):
    """The withdrawal's deadline has passed."""

    status = CONFLICT
    code = "withdrawal-expired"
    title = "The withdrawal has expired"


class ExitAnnounced(SlipRefused):
    """The account has announced an exit, which needs no countersignature."""

    status = CONFLICT
    code = "exit-announced"
    title = "An exit is announced"
