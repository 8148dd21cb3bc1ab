"""Deploys the real contracts on a real node, with bettors who sign and a house that accepts."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eth_utils.crypto import keccak
from sqlalchemy import Engine, text

from backend.deployment import Deployment
from protocol.market_id import Kind, MarketId, fixture_id
from protocol.signatures import sign
from protocol.typed_data import Leg, Slip
from tests.support.deployment import Roles, deploy_house
from tests.support.nodes import CHAIN_ID, TestNode, key
from tests.support.people import key_address
from tests.support.terms import DEPOSIT_MICRO, UNIT
from tests.support.web3_contracts import Web3Contracts

OWNER, OPERATOR, HOUSE = key(0), key(1), key(2)
RESULT_SIGNERS = (key(4), key(5))
COMMISSION_BPS = 1_000


@dataclass
class Bettor:
    """The owner of an account; `key` signs."""

    account: int
    key: bytes
    nonce: int = 0

    @property
    def address(self) -> str:
        return key_address(self.key)


@dataclass
class Book:
    """A deployed sportsbook with money in it."""

    deployed: Web3Contracts
    deployment: Deployment
    folder: Path
    bettors: list[Bettor] = field(default_factory=list)

    @property
    def node(self) -> TestNode:
        return self.deployed.node

    @property
    def contracts(self) -> dict[str, Any]:
        """The contracts by name, as web3 has them."""
        return self.deployed.by_name

    def transact(self, sender: bytes, call: Any) -> Any:
        return self.deployed.transact(sender, call)

    def call(self, contract: str, function: str, *arguments: Any) -> Any:
        return self.deployed.call(contract, function, *arguments)

    def open_account(self, deposit_micro: int = DEPOSIT_MICRO, address: str = "") -> Bettor:
        bettor_key = keccak(text=f"bettor {len(self.bettors)}")
        address = address or key_address(bettor_key)
        self.deployed.send("Sportsbook", "depositFor", address, deposit_micro)
        bettor = Bettor(self.call("Sportsbook", "accountOf", address), bettor_key)
        self.bettors.append(bettor)
        return bettor

    def now_s(self) -> int:
        return int(self.node.web3.eth.get_block("latest")["timestamp"])

    def travel(self, seconds: int) -> None:
        self.node.rpc("evm_increaseTime", seconds)
        self.node.mine()


def deploy(node: TestNode, folder: Path) -> Book:
    """Deploy all contracts, fund the bankroll, and write the deployment file."""
    deployed = Web3Contracts(node, OWNER)
    roles = Roles(
        owner=key_address(OWNER),
        operator=key_address(OPERATOR),
        house_signer=key_address(HOUSE),
        arbiter=key_address(OWNER),
        partner=key_address(OPERATOR),
        signer_keys=RESULT_SIGNERS,
    )
    deploy_house(deployed, roles, commission_bps=COMMISSION_BPS)
    addresses = {name: str(found.address) for name, found in deployed.by_name.items()}
    names = ("Sportsbook", "Results", "Bankroll")
    file = {
        "chain_id": CHAIN_ID,
        "first_block": 0,
        "contracts": {"Token": addresses["TestToken"], **{name: addresses[name] for name in names}},
        "parameters": {"commission_bps": COMMISSION_BPS},
    }
    (folder / "deployment.json").write_text(json.dumps(file))
    deployment = Deployment(CHAIN_ID, addresses["Sportsbook"], addresses["Results"])
    return Book(deployed, deployment, folder)


@dataclass(frozen=True)
class Game:
    """A fixture for tests and a market on it."""

    name: str
    starts_at_s: int

    @property
    def market(self) -> MarketId:
        return MarketId(fixture_id(self.name), self.starts_at_s, Kind.MATCH_RESULT)

    def open(self, engine: Engine) -> Game:
        with engine.begin() as connection:
            connection.execute(
                text("""INSERT INTO backend.fixture (id, name, home, away, competition,
                     starts_at_s, created_s, status) VALUES (:id, :name, 'H', 'A', 'Test',
                     :starts_at_s, 0, 'scheduled')"""),
                {
                    "id": fixture_id(self.name),
                    "name": self.name,
                    "starts_at_s": self.starts_at_s,
                },
            )
            connection.execute(
                text("""INSERT INTO backend.market (id, fixture, kind, period, line_q, in_play,
                     status) VALUES (:id, :fixture, 1, 0, 0, false, 'open')"""),
                {"id": self.market.pack(), "fixture": fixture_id(self.name)},
            )
        return self


def accept(
    engine: Engine,
    book: Book,
    bettor: Bettor,
    picks: list[tuple[Game, int]],
    *,
    stake_micro: int = UNIT,
    odds_e4: int = 20_000,
    accepted_at_s: int = 0,
    nonce: int = 0,
    signature: bytes = b"",
) -> uuid.UUID:
    """Insert a slip as the API would have accepted it."""
    accepted_at_s = accepted_at_s or book.now_s()
    nonce = nonce or bettor.nonce + 1
    bettor.nonce = max(nonce, bettor.nonce)
    slip = Slip(
        account=bettor.account,
        stake_micro=stake_micro,
        min_odds_e4=10_001,
        nonce=nonce,
        deadline_s=accepted_at_s + 120,
        legs=tuple(Leg(game.name, game.market, outcome) for game, outcome in picks),
    )
    digest = book.deployment.slip_domain.digest(slip.struct_hash())
    signature = signature or sign(digest, bettor.key)
    slip_id = uuid.uuid4()
    with engine.begin() as connection:
        connection.execute(
            text("""INSERT INTO backend.slip (id, account, nonce, idempotency_key, stake_micro,
                 min_odds_e4, deadline_s, struct_hash, signature, accepted_at_s,
                 receipt_signature, payout_max_micro) VALUES (:id, :account, :nonce, :key,
                 :stake_micro, :min_odds_e4, :deadline_s, :struct_hash, :signature,
                 :accepted_at_s, '', :stake_micro)"""),
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
