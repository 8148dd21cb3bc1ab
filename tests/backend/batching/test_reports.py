"""What the worker finds wrong with its chain, key and contracts, on real nodes.

Branches: nothing · a key without a role, or with another one · too few result keys · addresses
without a contract, or with another one · another chain, also of the same id · a node that is away,
and one that hangs · a key without money · gas above MAX_FEE_GWEI · the report keeps since when, by
the database's clock.
"""

from __future__ import annotations

import socket
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from backend.deployment import Deployment
from backend.reports.checks import Found, HouseKeys, check_house
from backend.reports.writing import write_report
from backend.transactions.node import Node
from tests.support.accepted_slips import deployment_of
from tests.support.house import OPERATOR, RECEIPT_SIGNER, RESULT_SIGNERS, House
from tests.support.nodes import CHAIN_ID, free_port
from tests.support.people import key_address

MAX_FEE_WEI = 500 * 10**9
NOBODY = "0x" + "12" * 20
KEYS = HouseKeys(key_address(OPERATOR), [key_address(key) for key in RESULT_SIGNERS])


def check(
    house: House,
    keys: HouseKeys = KEYS,
    deployment: Deployment | None = None,
    max_fee_wei: int = MAX_FEE_WEI,
    node: Node | None = None,
    mirrored: bytes | None = None,
) -> Found:
    node = node or Node(house.node.url, CHAIN_ID, 2.0)
    deployment = deployment or deployment_of(house)
    return check_house(node, deployment, keys, max_fee_wei, house.now_s(), mirrored)


def only(found: list[str], words: str) -> None:
    assert len(found) == 1, found
    assert words in found[0]
    # One sentence, which says what to do after its colon.
    assert found[0].endswith("."), found
    assert "\n" not in found[0]


def test_house_as_it_was_deployed_has_no_faults(house: House) -> None:
    found = check(house)
    assert (found.faults, found.delays) == ([], [])


def test_wrong_operator_key_is_named(house: House) -> None:
    stranger = replace(KEYS, operator=key_address(RECEIPT_SIGNER))
    only(check(house, stranger).faults, "which has the role Receipts on the sportsbook")
    nobody = check(house, replace(KEYS, operator=NOBODY))
    only(nobody.faults, "OPERATOR_KEY is the wrong key")


def test_too_few_result_keys_are_counted(house: House) -> None:
    one = replace(KEYS, result_signers=KEYS.result_signers[:1])
    only(check(house, one).faults, "RESULT_SIGNER_KEYS has keys of 1 of the council's signers")


def test_addresses_without_contracts_are_named(house: House) -> None:
    deployment = replace(deployment_of(house), sportsbook=NOBODY)
    only(check(house, deployment=deployment).faults, f"names {NOBODY} as Sportsbook")
    exchanged = replace(
        deployment_of(house),
        sportsbook=deployment_of(house).results,
        results=deployment_of(house).sportsbook,
    )
    only(check(house, deployment=exchanged).faults, "is another one than it says")


def test_wiped_chain_of_the_same_id_is_named(house: House) -> None:
    genesis = bytes(house.node.web3.eth.get_block(0)["hash"])
    named = replace(deployment_of(house), genesis_hash=f"0x{genesis.hex()}")
    assert named.first_block == 0
    assert check(house, deployment=named, mirrored=genesis).faults == []
    other = replace(named, genesis_hash="0x" + "22" * 32)
    only(check(house, deployment=other).faults, "than that of DEPLOYMENT_FILE: its genesis hash is")
    faults = check(house, deployment=named, mirrored=b"\x22" * 32).faults
    only(faults, "The database at DATABASE_URL mirrors another chain")


def test_block_that_the_node_does_not_have_says_nothing(house: House) -> None:
    later = replace(deployment_of(house), first_block=10**9)
    assert check(house, deployment=later, mirrored=b"\x22" * 32).faults == []


def test_other_chain_is_named(house: House) -> None:
    node = Node(house.node.url, CHAIN_ID + 1, 2.0)
    only(check(house, node=node).faults, f"serves chain {CHAIN_ID}, not CHAIN_ID {CHAIN_ID + 1}")


def test_node_that_is_away_or_hangs_is_named_in_time(house: House) -> None:
    away = check(house, node=Node(f"http://127.0.0.1:{free_port()}", CHAIN_ID, 2.0))
    only(away.delays, "RPC_URL cannot be used")
    with socket.create_server(("127.0.0.1", 0)) as server:
        started = time.monotonic()
        hung = check(house, node=Node(f"http://127.0.0.1:{server.getsockname()[1]}", CHAIN_ID, 2.0))
        assert time.monotonic() - started < 8
    only(hung.delays, "RPC_URL cannot be used")


def test_key_without_money_is_named(house: House) -> None:
    house.node.set_balance(KEYS.operator, 10**12)
    only(check(house).delays, f"{KEYS.operator}, has 0.000001 of the chain's coin")


def test_gas_above_the_maximum_fee_is_named(house: House) -> None:
    only(check(house, max_fee_wei=1).delays, "gwei for a unit of gas and MAX_FEE_GWEI is 0")


@pytest.fixture
def report(engine: Engine, house: House):  # type: ignore[no-untyped-def]
    """Writes a report of these delays, and returns the row as it is then."""

    def write(*delays: str):  # type: ignore[no-untyped-def]
        found = Found([], list(delays))
        write_report(engine, deployment_of(house), KEYS.operator, found, 4, 60)
        with engine.connect() as connection:
            return connection.execute(text("SELECT * FROM backend.house_report")).one()

    return write


def test_report_keeps_since_when_there_is_a_delay(report) -> None:  # type: ignore[no-untyped-def]
    first = report("too expensive")
    second = report("still too expensive")
    assert second.delayed_since == first.delayed_since == first.reported_at
    assert second.reported_at > first.reported_at
    assert report().delayed_since is None
    assert report("again").delayed_since > second.reported_at


def test_report_keeps_since_when_a_transaction_waits(engine: Engine, report) -> None:  # type: ignore[no-untyped-def]
    assert report().open_since is None

    def insert(nonce: int) -> None:
        with engine.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO backend.chain_transaction (id, chain_id, sender, nonce, kind,"
                    " dedupe_key, to_address, data, gas_limit, status, cancelled, confirmed,"
                    " created_s) VALUES (gen_random_uuid(), :chain, :sender, :nonce, 'place',"
                    " :nonce, '0x', '', 1, 'sent', false, false, 0)"
                ),
                {"chain": CHAIN_ID, "sender": KEYS.operator, "nonce": nonce},
            )

    insert(1)
    first = report()
    insert(2)
    second = report()
    assert second.open_since == first.open_since == first.reported_at
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE backend.chain_transaction SET status = 'mined' WHERE nonce = 1")
        )
    third = report()
    assert third.open_transaction != first.open_transaction
    assert third.open_since - first.open_since > timedelta(0)
