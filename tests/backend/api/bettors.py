"""Builds the slips of test bettors, and signs them as a wallet does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import coincurve
from eth_utils.crypto import keccak

from protocol.market_id import Kind, MarketId, fixture_id
from protocol.signatures import address_of, sign
from protocol.typed_data import Domain, Leg, Slip, Withdrawal

CHAIN_ID = 1337
SPORTSBOOK = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
BANKROLL = "0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0"
TOKEN = "0xCf7Ed3AccA5a467e9e704C703E8D87F634fB0Fc9"
DOMAIN = Domain(CHAIN_ID, SPORTSBOOK)
UNIT = 1_000_000
NOW_S = 1_748_100_000
START_S = NOW_S + 86_400
RECEIPT_WINDOW_S, EXIT_DELAY_S = 600, 1_200
HOUSE_KEY = keccak(text="house")
HOUSE = address_of(coincurve.PrivateKey(HOUSE_KEY).public_key)
CASHIER_KEY = keccak(text="cashier")
CASHIER = address_of(coincurve.PrivateKey(CASHIER_KEY).public_key)
HASH = b"\x11" * 32
BALANCE_MICRO = 100 * UNIT


@dataclass(frozen=True)
class Game:
    """A fixture with a market of each of two kinds, and one in play that is not open."""

    name: str
    starts_at_s: int = START_S

    @property
    def id(self) -> bytes:
        return fixture_id(self.name)

    @property
    def result(self) -> MarketId:
        return MarketId(self.id, self.starts_at_s, Kind.MATCH_RESULT)

    @property
    def total(self) -> MarketId:
        return MarketId(self.id, self.starts_at_s, Kind.TOTAL_GOALS, line_q=10)

    @property
    def live(self) -> MarketId:
        return MarketId(self.id, self.starts_at_s, Kind.MATCH_RESULT, in_play=True)


ALPHA = Game("Alpha v Beta, 2025-05-25")
GAMMA = Game("Gamma v Delta, 2025-05-25")
# What slips of random sequences are on.
LEGS = (
    (Leg(ALPHA.name, ALPHA.result, 0),),
    (Leg(ALPHA.name, ALPHA.result, 2),),
    (Leg(ALPHA.name, ALPHA.total, 1),),
    (Leg(GAMMA.name, GAMMA.total, 0),),
    (Leg(ALPHA.name, ALPHA.total, 0), Leg(GAMMA.name, GAMMA.result, 0)),
)


@dataclass
class Bettor:
    """The owner of an account, who signs as a wallet does."""

    account: int
    key: bytes

    @property
    def address(self) -> str:
        return address_of(coincurve.PrivateKey(self.key).public_key)

    def sign_slip(self, slip: Slip, domain: Domain = DOMAIN) -> str:
        return "0x" + sign(domain.digest(slip.struct_hash()), self.key).hex()

    def sign_withdrawal(self, withdrawal: Withdrawal) -> str:
        return "0x" + sign(DOMAIN.digest(withdrawal.struct_hash()), self.key).hex()


def slip_of(bettor: Bettor, **changes: Any) -> Slip:
    """A slip that the house accepts, with changes."""
    slip = Slip(
        account=bettor.account,
        stake_micro=5 * UNIT,
        min_odds_e4=19_500,
        nonce=1,
        deadline_s=NOW_S + 60,
        legs=(Leg(ALPHA.name, ALPHA.result, 0),),
    )
    return replace(slip, **changes)


def body_of(slip: Slip, signature: str) -> dict[str, Any]:
    """The body of POST /v1/slips."""
    return {
        "account": slip.account,
        "stake_micro": str(slip.stake_micro),
        "min_odds_e4": slip.min_odds_e4,
        "nonce": slip.nonce,
        "deadline_s": slip.deadline_s,
        "legs": [
            {"market": f"0x{leg.market.pack().hex()}", "outcome": leg.outcome} for leg in slip.legs
        ],
        "signature": signature,
    }


def signed(bettor: Bettor, **changes: Any) -> dict[str, Any]:
    """The body of a slip that its owner signed."""
    slip = slip_of(bettor, **changes)
    return body_of(slip, bettor.sign_slip(slip))


def signed_by_stranger(bettor: Bettor) -> dict[str, Any]:
    """The body of a slip that somebody else signed."""
    slip = slip_of(bettor)
    return body_of(slip, Bettor(bettor.account, keccak(text="stranger")).sign_slip(slip))


def leg(game: Game, outcome: int = 0) -> tuple[Leg, ...]:
    """One leg, on the match result of a game."""
    return (Leg(game.name, game.result, outcome),)
