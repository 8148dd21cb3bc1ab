"""Hashes the EIP-712 messages that bettors, the house and result signers sign.

The contract hashes the same types (contracts/libraries/TypedData.sol). Names of markets, periods
and outcomes are strings, so that a wallet's signing window shows words that a person can check;
the contract derives each of them from the market id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from enum import IntEnum
from functools import cache, lru_cache
from struct import Struct
from struct import error as StructError

from protocol.keccak import keccak
from protocol.market_id import KIND_NAMES, PERIOD_NAMES, MarketId, fixture_id
from protocol.words import result_word, withdrawal_word

LEG_TYPE = (
    "Leg(string fixture,uint40 startsAt,string market,string period,"
    "int16 lineQuarters,bool inPlay,string outcome)"
)
SLIP_TYPE = (
    "Slip(uint32 account,uint64 stakeMicro,uint40 minOddsE4,uint24 nonce,uint40 deadline,"
    "Leg[] legs)" + LEG_TYPE
)
RECEIPT_TYPE = "Receipt(bytes32 slip,uint40 acceptedAt,uint32[] oddsE4)"
QUOTE_TYPE = (
    "Quote(uint32 account,uint24 nonce,uint64 maxStakeMicro,uint40 deadline,uint32[] oddsE4,"
    "Leg[] legs)" + LEG_TYPE
)
CASH_OUT_TYPE = (
    "CashOut(uint32 account,uint48 batch,uint8 bet,uint64 stakeMicro,uint64 priceMicro,"
    "uint40 offeredAt,uint40 deadline)"
)
WITHDRAWAL_TYPE = "Withdrawal(uint32 account,uint64 amountMicro,uint40 deadline,uint8 sequence)"
REQUEST_TYPE = (
    "Request(uint32 account,string action,uint64 value,uint64 feeMicro,uint40 number,"
    "uint40 deadline)"
)
RESULT_TYPE = (
    "Result(bytes16 fixture,uint8 status,uint8 homeHalf,uint8 awayHalf,"
    "uint8 homeFull,uint8 awayFull,uint40 settledAt)"
)
RESULT_SHEET_TYPE = "ResultSheet(uint24 term,uint40 deadline,Result[] results)" + RESULT_TYPE
DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"

SPORTSBOOK_NAME = "Fairline"
RESULTS_NAME = "Fairline Results"
VERSION = "1"

_DOMAIN_HASH = keccak(DOMAIN_TYPE.encode())
_LEG_HASH = keccak(LEG_TYPE.encode())
_SLIP_HASH = keccak(SLIP_TYPE.encode())
_RECEIPT_HASH = keccak(RECEIPT_TYPE.encode())
_QUOTE_HASH = keccak(QUOTE_TYPE.encode())
_CASH_OUT_HASH = keccak(CASH_OUT_TYPE.encode())
_WITHDRAWAL_HASH = keccak(WITHDRAWAL_TYPE.encode())
_REQUEST_HASH = keccak(REQUEST_TYPE.encode())
_RESULT_HASH = keccak(RESULT_TYPE.encode())
_RESULT_SHEET_HASH = keccak(RESULT_SHEET_TYPE.encode())


@dataclass(frozen=True, slots=True)
class Domain:
    """The contract and chain that a signature is for; `name` is SPORTSBOOK_NAME or RESULTS_NAME."""

    chain_id: int
    contract: str
    name: str = SPORTSBOOK_NAME

    def separator(self) -> bytes:
        """The EIP-712 domain separator."""
        return _separator(self.chain_id, self.contract, self.name)

    def digest(self, struct_hash: bytes) -> bytes:
        """The digest that is signed for a struct of this domain."""
        return keccak(b"\x19\x01" + self.separator() + struct_hash)


@dataclass(frozen=True, slots=True)
class Leg:
    """A leg as the wallet shows it: canonical fixture name, market, number of the outcome."""

    fixture_name: str
    market: MarketId
    outcome: int

    def __post_init__(self) -> None:
        if fixture_id(self.fixture_name) != self.market.fixture:
            raise ValueError(f"{self.fixture_name!r} is not the fixture of this market")
        if not 0 <= self.outcome < len(self.market.outcomes):
            raise ValueError(f"{self.market.kind.name} has no outcome {self.outcome}")


@dataclass(frozen=True, slots=True)
class Slip:
    """What a bettor signs. Stake in micro-units, deadline in unix seconds; `min_odds_e4` is the
    minimum product of the legs' odds, x 10^4."""

    account: int
    stake_micro: int
    min_odds_e4: int
    nonce: int
    deadline_s: int
    legs: tuple[Leg, ...]

    def struct_hash(self) -> bytes:
        """The slip's EIP-712 struct hash; a receipt names the slip by it."""
        return keccak(
            _SLIP_HASH
            + _words(self.account, self.stake_micro, self.min_odds_e4, self.nonce, self.deadline_s)
            + _legs_hash(self.legs)
        )


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the house signs on acceptance: slip, time (unix seconds), odds x 10^4 of each leg."""

    slip_hash: bytes
    accepted_at_s: int
    odds_e4: tuple[int, ...]

    def struct_hash(self) -> bytes:
        """The receipt's EIP-712 struct hash."""
        odds = keccak(_words(*self.odds_e4))
        return keccak(_RECEIPT_HASH + self.slip_hash + _words(self.accepted_at_s) + odds)


@dataclass(frozen=True, slots=True)
class Quote:
    """What the house signs so that a bettor can place a bet alone: for one slip of this account and
    nonce or, with account 0, for anyone until `max_stake_micro` is staked."""

    account: int
    nonce: int
    max_stake_micro: int
    deadline_s: int
    odds_e4: tuple[int, ...]
    legs: tuple[Leg, ...]

    def struct_hash(self) -> bytes:
        """The quote's EIP-712 struct hash."""
        return keccak(
            _QUOTE_HASH
            + _words(self.account, self.nonce, self.max_stake_micro, self.deadline_s)
            + keccak(_words(*self.odds_e4))
            + _legs_hash(self.legs)
        )


@dataclass(frozen=True, slots=True)
class CashOut:
    """What house and bettor sign to cash out a bet, or the part of it that staked `stake_micro`,
    for `price_micro`. `batch` and `bet` are numbers on the chain. The offer ends with what its
    price could not know at `offered_at_s`: the start of a match, or a published result."""

    account: int
    batch: int
    bet: int
    stake_micro: int
    price_micro: int
    offered_at_s: int
    deadline_s: int

    def struct_hash(self) -> bytes:
        """The cash-out's EIP-712 struct hash."""
        return keccak(
            _CASH_OUT_HASH
            + _words(
                self.account,
                self.batch,
                self.bet,
                self.stake_micro,
                self.price_micro,
                self.offered_at_s,
                self.deadline_s,
            )
        )


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What bettor and house sign for an immediate withdrawal. `sequence` counts up from 0 and wraps
    around after 127."""

    account: int
    amount_micro: int
    deadline_s: int
    sequence: int

    def struct_hash(self) -> bytes:
        """The withdrawal's EIP-712 struct hash."""
        return keccak(
            _WITHDRAWAL_HASH
            + _words(self.account, self.amount_micro, self.deadline_s, self.sequence)
        )

    def word(self) -> int:
        """What `Sportsbook.withdrawGranted` takes. The sequence is the account's own."""
        return withdrawal_word(self.account, self.amount_micro, self.deadline_s)


class Action(IntEnum):
    """What an owner can ask for by a signature (ISportsbook.Action)."""

    REQUEST_EXIT = 0
    EXIT = 1
    EXCLUDE = 2
    CANCEL_NONCES = 3

    @property
    def words(self) -> str:
        """The action as the wallet shows it."""
        return _ACTION_WORDS[self]


_ACTION_WORDS = {
    Action.REQUEST_EXIT: "Request an exit of micro",
    Action.EXIT: "Exit",
    Action.EXCLUDE: "Exclude the account until",
    Action.CANCEL_NONCES: "Cancel slips with nonces up to",
}


@dataclass(frozen=True, slots=True)
class Request:
    """What an owner signs so that anybody can send it. `value` is the argument of the action;
    `number` counts the account's relayed requests from 0; whoever sends it receives the fee, which
    only an exit can have, of its amount."""

    account: int
    action: Action
    value: int
    fee_micro: int
    number: int
    deadline_s: int

    def struct_hash(self) -> bytes:
        """The request's EIP-712 struct hash."""
        return keccak(
            _REQUEST_HASH
            + _words(self.account)
            + keccak(self.action.words.encode())
            + _words(self.value, self.fee_micro, self.number, self.deadline_s)
        )

    def arguments(self) -> tuple[int, ...]:
        """The struct as `Sportsbook.relay` takes it."""
        return astuple(self)


@dataclass(frozen=True, slots=True)
class Result:
    """A fixture's result as signers attest it; `status` as in ResultStatus; `settled_at_s` is the
    time up to which bets count."""

    fixture: bytes
    status: int
    home_half: int
    away_half: int
    home_full: int
    away_full: int
    settled_at_s: int

    def word(self) -> int:
        """The result as the contract takes it."""
        goals = (self.home_half, self.away_half, self.home_full, self.away_full)
        return result_word(self.fixture, self.status, *goals, self.settled_at_s)

    def struct_hash(self) -> bytes:
        """The result's EIP-712 struct hash."""
        return keccak(
            _RESULT_HASH
            + self.fixture.ljust(32, b"\0")
            + _words(
                self.status,
                self.home_half,
                self.away_half,
                self.home_full,
                self.away_full,
                self.settled_at_s,
            )
        )


@dataclass(frozen=True, slots=True)
class ResultSheet:
    """What a council's signers sign: results, the council's term, and until when the sheet can be
    published."""

    term: int
    deadline_s: int
    results: tuple[Result, ...]

    def struct_hash(self) -> bytes:
        """The sheet's EIP-712 struct hash."""
        return keccak(
            _RESULT_SHEET_HASH
            + _words(self.term, self.deadline_s)
            + keccak(b"".join(result.struct_hash() for result in self.results))
        )


@lru_cache(maxsize=65_536)
def leg_hash(leg: Leg) -> bytes:
    """EIP-712 struct hash of a leg."""
    market = leg.market
    return keccak(
        _LEG_HASH
        + keccak(leg.fixture_name.encode())
        + _words(market.starts_at_s)
        + keccak(KIND_NAMES[market.kind].encode())
        + keccak(PERIOD_NAMES[market.period].encode())
        + market.line_q.to_bytes(32, "big", signed=True)
        + _words(int(market.in_play))
        + keccak(market.outcomes[leg.outcome].encode())
    )


def members(type_string: str) -> list[dict[str, str]]:
    """The members of an EIP-712 type string, as wallets expect them: name and type."""
    inside = type_string[type_string.index("(") + 1 : type_string.rindex(")")]
    return [
        {"name": name, "type": kind} for kind, name in (part.split() for part in inside.split(","))
    ]


@lru_cache(maxsize=16)
def _separator(chain_id: int, contract: str, name: str) -> bytes:
    return keccak(
        _DOMAIN_HASH
        + keccak(name.encode())
        + keccak(VERSION.encode())
        + _words(chain_id, int(contract, 16))
    )


def _legs_hash(legs: Sequence[Leg]) -> bytes:
    return keccak(b"".join(leg_hash(leg) for leg in legs))


def _words(*values: int) -> bytes:
    try:
        return _words_of(len(values)).pack(*values)
    except StructError:
        # One of them has more than 64 bits.
        return b"".join(value.to_bytes(32, "big") for value in values)


@cache
def _words_of(count: int) -> Struct:
    """Packs so many integers of at most 64 bits into 32 bytes each."""
    return Struct(">" + "24xQ" * count)
