"""On a chain that caps a transaction's gas (EIP-7825), everything is placed, published and settled.

Branches: contract wallets, each with the gas of a signature check · slips of twelve legs · a cap
that is lower than we know, learnt from one refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from backend.batching.policy import BatchPolicy
from backend.batching.service import Batcher
from backend.settlement.publishing import Publisher
from backend.settlement.settling import Settler
from backend.transactions import gas
from backend.transactions.node import Node
from protocol.limits import MARKET_LIST_MAX, MAX_LEGS, TRANSACTION_GAS_MAX
from tests.backend.batching.conftest import OPERATOR_SIGNER, WINDOWS
from tests.backend.settlement.match_day import MatchDay
from tests.support.accepted_slips import accept, deployment_of
from tests.support.compiled import compiled
from tests.support.house import OWNER, House
from tests.support.mirror import follow
from tests.support.nodes import CHAIN_ID, running_node
from tests.support.people import Bettor, key_address, stranger_key
from tests.support.terms import DISPUTE_WINDOW_S

SLIPS = 100


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A sportsbook on a chain with the cap; its blocks hold more."""
    folder = tmp_path_factory.mktemp("anvil")
    with running_node("anvil-capped", folder / "chain") as node:
        yield House(node, folder)


def open_wallets(house: House, count: int) -> list[Bettor]:
    """Accounts of contract wallets."""
    made = compiled()["MockWallet"]
    factory = house.node.web3.eth.contract(abi=made["abi"], bytecode=made["bytecode"])
    opened = []
    for _ in range(count):
        owner = key_address(stranger_key(len(house.bettors)))
        wallet = house.contracts.transact(OWNER, factory.constructor(owner))["contractAddress"]
        opened.append(house.open_account(address=wallet))
    return opened


def sent(engine: Engine, kind: str) -> list[tuple[str, int]]:
    """The status and gas limit of every transaction of a kind."""
    statement = text(
        "SELECT status, gas_limit FROM backend.chain_transaction WHERE kind = :kind ORDER BY nonce"
    )
    with engine.connect() as connection:
        return [(r.status, r.gas_limit) for r in connection.execute(statement, {"kind": kind})]


def placed(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM mirror.bet")).scalar_one())


def settle_all(day: MatchDay, publisher: Publisher, settler: Settler, bets: int) -> None:
    """Publish every result, and settle every bet, within the cap."""
    assert day.publish_all(publisher) == len(day.games)
    day.travel_to(day.house.now_s() + DISPUTE_WINDOW_S)
    assert settler.settle(day.house.now_s()) == bets
    day.land()
    assert day.settled() == bets
    for kind in ("place", "publish", "settle"):
        assert all(status == "mined" for status, _ in sent(day.engine, kind))
        assert all(limit <= TRANSACTION_GAS_MAX for _, limit in sent(day.engine, kind))
    day.check()


def test_slips_of_contract_wallets_are_placed_in_several_batches_and_settled(
    day: MatchDay, batcher: Batcher, publisher: Publisher, settler: Settler
) -> None:
    game = day.game((0, 0, 1, 0))
    wallets = open_wallets(day.house, SLIPS)
    follow(day.engine, day.house)
    for wallet in wallets:
        accept(day.engine, day.house, wallet, [(game, 0)])
    flushed = batcher.flush(day.house.now_s())
    assert (flushed.batches, flushed.slips) == (3, SLIPS)
    day.land()
    assert placed(day.engine) == SLIPS
    settle_all(day, publisher, settler, SLIPS)


def test_slips_of_twelve_legs_are_placed_in_several_batches_and_settled(
    day: MatchDay, batcher: Batcher, publisher: Publisher, settler: Settler
) -> None:
    games = [day.game((0, 0, 1, 0)) for _ in range(MARKET_LIST_MAX)]
    bettors = [day.house.open_account() for _ in range(SLIPS)]
    follow(day.engine, day.house)
    for at, bettor in enumerate(bettors):
        chosen = [games[(at * MAX_LEGS + leg) % len(games)] for leg in range(MAX_LEGS)]
        picks = [(game, 0) for game in chosen]
        accept(day.engine, day.house, bettor, picks, stake_micro=100, odds_e4=10_400)
    flushed = batcher.flush(day.house.now_s())
    assert (flushed.batches, flushed.slips) == (2, SLIPS)
    day.land()
    assert placed(day.engine) == SLIPS
    settle_all(day, publisher, settler, SLIPS)


def test_lower_cap_is_learnt_from_one_refusal(
    day: MatchDay, land: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gas, "TRANSACTION_GAS_MAX", 2 * TRANSACTION_GAS_MAX)
    unaware = Batcher(
        *(day.engine, Node(day.house.node.url, CHAIN_ID), deployment_of(day.house)),
        *(OPERATOR_SIGNER.address, BatchPolicy(SLIPS, 0, 2 * TRANSACTION_GAS_MAX), WINDOWS),
    )
    game, wallets = day.game(None), open_wallets(day.house, 45)
    follow(day.engine, day.house)
    for wallet in wallets:
        accept(day.engine, day.house, wallet, [(game, 0)])
    with capture_logs() as logs:
        assert unaware.flush(day.house.now_s()).batches == 1
        land()
        assert unaware.flush(day.house.now_s()).batches == 3
        land()
        assert unaware.flush(day.house.now_s()).idle
    assert [e["event"] for e in logs].count("transaction.gas_limit_refused") == 1
    assert [status for status, _ in sent(day.engine, "place")] == ["replaced", *["mined"] * 3]
    assert placed(day.engine) == len(wallets)
