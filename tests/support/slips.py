"""Builds slips, and signs them as bettors do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from protocol.market_id import Kind, MarketId, Period, fixture_id
from protocol.signatures import compact, sign
from protocol.typed_data import Domain, Leg, Slip
from tests.support.people import Bettor
from tests.support.terms import EVEN_E4, UNIT

NAME = "Arsenal v Brentford, 2025-05-25"
OTHER_NAME = "Leeds v Hull, 2025-05-25"
# From acceptance to the deadline of a slip.
VALID_S = 120


@dataclass(frozen=True)
class Pick:
    """A leg with the odds that the house gives."""

    market: MarketId
    outcome: int
    odds_e4: int = EVEN_E4
    name: str = NAME


@dataclass(frozen=True)
class Signed:
    """A slip, the terms of its acceptance, and the bettor's signature."""

    slip: Slip
    picks: tuple[Pick, ...]
    accepted_at_s: int
    signature: bytes
    contract_signature: bool = False


def make_market(
    kind: Kind = Kind.MATCH_RESULT,
    line_q: int = 0,
    period: Period = Period.FULL_TIME,
    *,
    starts_at_s: int,
    in_play: bool = False,
    name: str = NAME,
) -> MarketId:
    """A market on the fixture of that name."""
    return MarketId(fixture_id(name), starts_at_s, kind, period, line_q, in_play)


def pick_elsewhere(
    starts_at_s: int,
    outcome: int = 0,
    odds_e4: int = EVEN_E4,
    *,
    kind: Kind = Kind.MATCH_RESULT,
    line_q: int = 0,
    name: str = OTHER_NAME,
) -> Pick:
    """A pick on another fixture, as the legs of a slip must be."""
    market = make_market(kind, line_q, starts_at_s=starts_at_s, name=name)
    return Pick(market, outcome, odds_e4, name)


def legs(picks: Sequence[Pick]) -> tuple[Leg, ...]:
    """The picks as they are signed."""
    return tuple(Leg(pick.name, pick.market, pick.outcome) for pick in picks)


def sign_slip(
    domain: Domain,
    bettor: Bettor,
    *picks: Pick,
    stake_micro: int = UNIT,
    accepted_at_s: int,
    nonce: int = 1,
    min_odds_e4: int = 10_001,
    deadline_s: int | None = None,
    key_: bytes | None = None,
) -> Signed:
    """A slip that the bettor signed and the house accepted; with `key_`, signed by that key."""
    slip = Slip(
        account=bettor.account,
        stake_micro=stake_micro,
        min_odds_e4=min_odds_e4,
        nonce=nonce,
        deadline_s=accepted_at_s + VALID_S if deadline_s is None else deadline_s,
        legs=legs(picks),
    )
    signature = compact(sign(domain.digest(slip.struct_hash()), key_ or bettor.key))
    return Signed(slip, picks, accepted_at_s, signature)


def with_signature(signed: Signed, signature: bytes, *, contract: bool = False) -> Signed:
    """The same slip with another signature, of a key or of a contract wallet."""
    return replace(signed, signature=signature, contract_signature=contract)
