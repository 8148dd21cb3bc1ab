"""Opens fixtures and accepts slips in the tables of the backend, as its processes would."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy import Engine, text

from backend.deployment import Deployment
from protocol.market_id import Kind, MarketId, fixture_id
from protocol.payout import full_payout_down
from protocol.signatures import sign
from protocol.typed_data import Leg, Receipt, Slip
from tests.support.house import RECEIPT_SIGNER, House
from tests.support.nodes import CHAIN_ID
from tests.support.people import Bettor
from tests.support.terms import UNIT


def deployment_of(house: House) -> Deployment:
    """The house's contracts as the backend knows them."""
    return Deployment.read(house.deployment_file, CHAIN_ID)


@dataclass(frozen=True)
class Game:
    """A fixture for tests and a market on it."""

    name: str
    starts_at_s: int
    in_play: bool = False
    source_key: str | None = None

    @property
    def market(self) -> MarketId:
        kind = Kind.MATCH_RESULT
        return MarketId(fixture_id(self.name), self.starts_at_s, kind, in_play=self.in_play)

    def open(self, engine: Engine) -> Game:
        with engine.begin() as connection:
            connection.execute(
                text("""INSERT INTO backend.fixture (id, name, home, away, competition,
                     starts_at_s, created_s, status, source_key) VALUES (:id, :name, 'H', 'A',
                     'Test', :starts_at_s, 0, 'scheduled', :source_key)"""),
                {
                    "id": fixture_id(self.name),
                    "name": self.name,
                    "starts_at_s": self.starts_at_s,
                    "source_key": self.source_key,
                },
            )
            connection.execute(
                text("""INSERT INTO backend.market (id, fixture, kind, period, line_q, in_play,
                     status) VALUES (:id, :fixture, 1, 0, 0, :in_play, 'open')"""),
                {
                    "id": self.market.pack(),
                    "fixture": fixture_id(self.name),
                    "in_play": self.in_play,
                },
            )
        return self


def accept(
    engine: Engine,
    house: House,
    bettor: Bettor,
    picks: list[tuple[Game, int]],
    *,
    stake_micro: int = UNIT,
    odds_e4: int = 20_000,
    accepted_at_s: int = 0,
    nonce: int = 0,
    signature: bytes = b"",
) -> uuid.UUID:
    """Insert a slip as the API would have accepted it, with the house's receipt."""
    accepted_at_s = accepted_at_s or house.now_s()
    nonce = house.next_nonce(bettor, nonce)
    slip = Slip(
        account=bettor.account,
        stake_micro=stake_micro,
        min_odds_e4=10_001,
        nonce=nonce,
        deadline_s=accepted_at_s + 120,
        legs=tuple(Leg(game.name, game.market, outcome) for game, outcome in picks),
    )
    digest = house.slip_domain.digest(slip.struct_hash())
    signature = signature or sign(digest, bettor.key)
    odds = (odds_e4,) * len(picks)
    receipt = Receipt(slip.struct_hash(), accepted_at_s, odds)
    receipt_signature = sign(house.slip_domain.digest(receipt.struct_hash()), RECEIPT_SIGNER)
    slip_id = uuid.uuid4()
    with engine.begin() as connection:
        connection.execute(
            text("""INSERT INTO backend.slip (id, account, nonce, idempotency_key, stake_micro,
                 min_odds_e4, deadline_s, struct_hash, signature, accepted_at_s,
                 receipt_signature, payout_max_micro, legs) VALUES (:id, :account, :nonce, :key,
                 :stake_micro, :min_odds_e4, :deadline_s, :struct_hash, :signature,
                 :accepted_at_s, :receipt_signature, :payout_max_micro, :legs)"""),
            {
                "id": slip_id,
                "account": slip.account,
                "nonce": slip.nonce,
                "key": str(slip_id),
                "stake_micro": slip.stake_micro,
                "min_odds_e4": slip.min_odds_e4,
                "deadline_s": slip.deadline_s,
                "struct_hash": slip.struct_hash(),
                "signature": signature,
                "accepted_at_s": accepted_at_s,
                "receipt_signature": receipt_signature,
                "legs": len(picks),
                "payout_max_micro": full_payout_down(stake_micro, odds),
            },
        )
        for number, (game, outcome) in enumerate(picks):
            connection.execute(
                text("INSERT INTO backend.slip_leg VALUES (:slip, :leg, :market, :outcome, :odds)"),
                {
                    "slip": slip_id,
                    "leg": number,
                    "market": game.market.pack(),
                    "outcome": outcome,
                    "odds": odds_e4,
                },
            )
        connection.execute(text("SELECT pg_notify('slips', '')"))
    return slip_id
