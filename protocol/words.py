"""Packs and reads the 32-byte words of withdrawals and results, as calls and events carry them."""

from __future__ import annotations

from typing import NamedTuple

from protocol.limits import MAX_ACCOUNT, MAX_TIME_S
from protocol.records import PackedInvalid

_WORD_BYTES = 32
# Where account and amount of a withdrawal stand, in bits from the right; the deadline is below.
_ACCOUNT_AT, _AMOUNT_AT = 104, 40
_WITHDRAWAL_BITS = 136
_AMOUNT_MASK = 2**64 - 1


class WithdrawalWord(NamedTuple):
    """account 32 bits | amount 64 | deadline 40; deadline 0 marks an exit by the owner alone."""

    account: int
    amount_micro: int
    deadline_s: int


class ResultWord(NamedTuple):
    """fixture 16 bytes | status 1 | four counts of goals 1 each | settled at 5 | zeros 6."""

    fixture: bytes
    status: int
    home_half: int
    away_half: int
    home_full: int
    away_full: int
    settled_at_s: int


def withdrawal_word(account: int, amount_micro: int, deadline_s: int) -> int:
    """The word of a withdrawal: the amount in micro-units, the deadline in unix seconds. Raises
    PackedInvalid for an account of more than 32 bits, an amount of more than 64 or a deadline of
    more than 40, which would change the field to its left."""
    for name, value, limit in (
        ("account", account, MAX_ACCOUNT),
        ("amount", amount_micro, _AMOUNT_MASK),
        ("deadline", deadline_s, MAX_TIME_S),
    ):
        if not 0 <= value <= limit:
            raise PackedInvalid(f"the {name} of a withdrawal does not fit: {value}")
    return account << _ACCOUNT_AT | amount_micro << _AMOUNT_AT | deadline_s


def read_withdrawal_word(word: int) -> WithdrawalWord:
    """The inverse of `withdrawal_word`. Raises PackedInvalid when a higher bit is set."""
    if word >> _WITHDRAWAL_BITS:
        raise PackedInvalid("the account of a withdrawal has more than 32 bits")
    amount_micro = word >> _AMOUNT_AT & _AMOUNT_MASK
    return WithdrawalWord(word >> _ACCOUNT_AT, amount_micro, word & MAX_TIME_S)


def result_word(
    fixture: bytes,
    status: int,
    home_half: int,
    away_half: int,
    home_full: int,
    away_full: int,
    settled_at_s: int,
) -> int:
    """The word of a result."""
    goals = bytes((home_half, away_half, home_full, away_full))
    packed = fixture + bytes((status,)) + goals + settled_at_s.to_bytes(5, "big")
    return int.from_bytes(packed + bytes(6), "big")


def read_result_word(word: int) -> ResultWord:
    """The inverse of `result_word`."""
    packed = word.to_bytes(_WORD_BYTES, "big")
    status, home_half, away_half, home_full, away_full = packed[16:21]
    settled_at_s = int.from_bytes(packed[21:26], "big")
    return ResultWord(packed[:16], status, home_half, away_half, home_full, away_full, settled_at_s)
