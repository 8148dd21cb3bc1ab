"""What is final is never undone, and without it the indexer does not go on.

Branches: tentative, confirmed and final as readers see them · final by depth, by the node's word,
by the lower of both · a node whose word is another block · never falls, moves while the head stands
· a reorg down to the final block is followed · one below it is refused: running, after a restart,
with a chain that is longer, shorter, or level · rebuild repairs · one endpoint of two is wrong
about it · a chain that is only behind is waited for · SQL itself refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from indexer.errors import CheckpointMoved, Disagreement, FinalBlockLeft, RetryableError
from indexer.mirror.write import cut_to, stored_headers
from indexer.service import Indexer
from indexer.sync import final_block as guard
from indexer.sync.finality import Finality
from tests.indexer.faulty import faulty_node
from tests.indexer.house import House
from tests.indexer.mirror import CONFIRMATIONS, Mirror, Tables, Tagless, mirror_of
from tests.support.terms import UNIT

DEPTH = 6
MARKS = "SELECT head_block, confirmed_block, final_block, final_hash FROM mirror.deployment"


@pytest.fixture
def shallow(season: tuple[House, Path], fresh_database: str) -> Iterator[Mirror]:
    """A mirror in which six blocks make one final."""
    options = {"final_depth": DEPTH, "kind": Tagless}
    with mirror_of(fresh_database, season[0].book, season[1], **options) as made:
        yield made


def marks(mirror: Mirror) -> tuple[int, int, int, bytes]:
    [(head, confirmed, final, hash_)] = mirror.rows(MARKS)
    return head, confirmed, final, bytes(hash_)


def block_hash(house: House, number: int) -> bytes:
    return bytes(house.book.node.web3.eth.get_block(number)["hash"])


def test_stages_are_told_by_blocks_above(house: House, shallow: Mirror) -> None:
    shallow.catch_up()
    top = house.book.node.web3.eth.block_number
    final = top - DEPTH
    assert marks(shallow) == (top, top - CONFIRMATIONS, final, block_hash(house, final))
    seen = dict(shallow.rows("SELECT number, stage FROM mirror.block_stage"))
    assert len(seen) == top + 1
    for number, stage in seen.items():
        above = top - number
        assert stage == (
            "final" if above >= DEPTH else "confirmed" if above >= CONFIRMATIONS else "tentative"
        )
    house.book.node.mine()
    shallow.catch_up()
    assert marks(shallow)[:3] == (top + 1, top + 1 - CONFIRMATIONS, final + 1)


def test_nothing_is_confirmed_or_final_while_the_chain_is_short(
    season: tuple[House, Path], fresh_database: str
) -> None:
    house, folder = season
    with mirror_of(fresh_database, house.book, folder, final_depth=5_000) as mirror:
        mirror.sync._length.blocks = 1
        mirror.sync.advance(lambda: False)
        assert mirror.rows(MARKS) == [(0, None, None, None)]
        assert mirror.rows("SELECT stage FROM mirror.block_stage") == [("tentative",)]
        mirror.catch_up()
        assert mirror.rows(MARKS)[0][2:] == (None, None)


@pytest.mark.parametrize(
    ("tag", "final"), [(None, 94), (100, 94), (94, 94), (90, 90), (0, 0)], ids=str
)
def test_final_is_the_lower_of_depth_and_the_nodes_word(tag: int | None, final: int) -> None:
    assert Finality(2, 6).final(100, tag) == final
    assert Finality(2, 6).confirmed(100) == 98


@pytest.mark.parametrize("shared_node", ["anvil"], indirect=True)
def test_nodes_word_holds_final_back_and_moves_it_while_the_head_stands(
    season: tuple[House, Path], fresh_database: str
) -> None:
    house, folder = season
    word = ["0x5"]

    def call_final(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if "finalized" not in request["params"]:
            return answer
        return answer | {"result": house.book.node.rpc("eth_getBlockByNumber", word[0], False)}

    with faulty_node(house.book.node.url) as node:
        node.fault = call_final
        urls = (node.address,)
        with mirror_of(fresh_database, house.book, folder, *urls, final_depth=DEPTH) as mirror:
            now = [0.0]
            mirror.sync.final._clock = lambda: now[0]
            mirror.catch_up()
            assert marks(mirror)[2:] == (5, block_hash(house, 5))
            told = node.asked.count("eth_getBlockByNumber")
            mirror.catch_up()
            assert node.asked.count("eth_getBlockByNumber") == told + 1
            word[0], now[0] = "0x9", guard.TAG_EVERY_S
            mirror.catch_up()
            assert marks(mirror)[2:] == (9, block_hash(house, 9))
            word[0], now[0] = "0x3", 2 * guard.TAG_EVERY_S
            mirror.catch_up()
            assert marks(mirror)[2] == 9
            node.fault = lambda request, answer: (
                answer | {"result": answer["result"] | {"hash": "0x" + "55" * 32, "number": "0x14"}}
                if "finalized" in request["params"]
                else answer
            )
            now[0] = 3 * guard.TAG_EVERY_S
            mirror.catch_up()
            assert marks(mirror)[2] == 9


@pytest.mark.parametrize("shared_node", ["anvil"], indirect=True)
@pytest.mark.parametrize("answer", ["nothing", "refused"])
def test_node_without_the_word_leaves_it_to_depth(
    season: tuple[House, Path], fresh_database: str, answer: str
) -> None:
    house, folder = season

    def no_word(request: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
        if "finalized" not in request["params"]:
            return told
        error = {"code": -32602, "message": "unknown block tag"}
        refusal = {"jsonrpc": "2.0", "id": request["id"], "error": error}
        return told | {"result": None} if answer == "nothing" else refusal

    with faulty_node(house.book.node.url) as node:
        node.fault = no_word
        urls = (node.address,)
        with mirror_of(fresh_database, house.book, folder, *urls, final_depth=DEPTH) as mirror:
            mirror.catch_up()
            head, _, final, _ = marks(mirror)
            assert final == head - DEPTH


def test_reorg_down_to_the_final_block_is_followed(
    house: House, shallow: Mirror, clean: Callable[[], Tables]
) -> None:
    node = house.book.node
    snapshot = node.rpc("evm_snapshot")
    fork = node.web3.eth.block_number
    node.mine(DEPTH)
    shallow.catch_up()
    assert marks(shallow)[2] == fork
    node.rpc("evm_revert", snapshot)
    house.request_exit(house.book.bettors[1], 7 * UNIT)
    node.mine(fork + DEPTH - 1 - node.web3.eth.block_number)
    shallow.catch_up()
    assert marks(shallow)[:3] == (fork + DEPTH - 1, fork + DEPTH - 1 - CONFIRMATIONS, fork)
    assert shallow.tables() == clean()


@pytest.mark.parametrize("restarted", [False, True], ids=["running", "down"])
@pytest.mark.parametrize("length", [-3, 0, 4], ids=["shorter", "level", "longer"])
def test_reorg_below_the_final_block_is_refused(
    season: tuple[House, Path],
    shallow: Mirror,
    clean: Callable[[], Tables],
    length: int,
    restarted: bool,
) -> None:
    house = season[0]
    node = house.book.node
    snapshot = node.rpc("evm_snapshot")
    fork = node.web3.eth.block_number
    node.mine(DEPTH + 1)
    shallow.catch_up()
    before, held = shallow.tables(), marks(shallow)
    assert held[2] == fork + 1
    node.rpc("evm_revert", snapshot)
    house.request_exit(house.book.bettors[1], 7 * UNIT)
    node.mine(DEPTH + length)
    for _ in range(2):
        if restarted:
            shallow.restart()
        with pytest.raises(FinalBlockLeft) as refused:
            shallow.catch_up()
    words = str(refused.value)
    assert f"block {fork + 1} (0x{held[3].hex()}) was final" in words
    assert f"0x{block_hash(house, fork + 1).hex()}" in words
    assert "python -m indexer rebuild" in words
    assert shallow.tables() == before
    assert marks(shallow) == held
    Indexer(shallow.url, [node.url], shallow.deployment, shallow.finality).rebuild()
    assert shallow.tables() == clean()
    shallow.restart()
    shallow.catch_up()
    # What it now holds final is of the chain that is there.
    head, _, final, hash_ = marks(shallow)
    assert (final, hash_) == (head - DEPTH, block_hash(house, head - DEPTH))
    assert shallow.difference() is None


def test_start_looks_for_the_final_block_even_when_the_head_is_there(
    house: House, shallow: Mirror
) -> None:
    shallow.catch_up()
    shallow.rows("UPDATE mirror.deployment SET final_hash = '\\x11' RETURNING 1")
    shallow.restart()
    with pytest.raises(FinalBlockLeft):
        shallow.catch_up()


def test_chain_that_ends_below_the_final_block_is_waited_for(house: House, shallow: Mirror) -> None:
    node = house.book.node
    snapshot = node.rpc("evm_snapshot")
    node.mine(DEPTH + 3)
    shallow.catch_up()
    before = shallow.tables()
    node.rpc("evm_revert", snapshot)
    for _ in range(2):
        with pytest.raises(RetryableError, match="waiting for it to grow"):
            shallow.sync.advance()
    shallow.restart()
    with pytest.raises(RetryableError):
        shallow.sync.advance()
    assert shallow.tables() == before
    # Another block in the place of one of ours, still below the final one: now it is certain.
    house.request_exit(house.book.bettors[1], 7 * UNIT)
    with pytest.raises(FinalBlockLeft):
        shallow.sync.advance()
    assert shallow.tables() == before


@pytest.mark.parametrize("shared_node", ["anvil"], indirect=True)
def test_one_endpoint_of_two_that_has_another_final_block_is_left_alone(
    season: tuple[House, Path], fresh_database: str
) -> None:
    house, folder = season
    node = house.book.node
    with faulty_node(node.url) as liar:
        urls, options = (liar.address, node.url), {"final_depth": DEPTH, "kind": Tagless}
        with mirror_of(fresh_database, house.book, folder, *urls, **options) as mirror:
            mirror.catch_up()
            final = marks(mirror)[2]

            def another_chain(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
                if request["method"] != "eth_getBlockByNumber" or not answer["result"]:
                    return answer
                number = int(answer["result"]["number"], 16)
                false = {
                    "hash": f"0x77{number:062x}",
                    "parentHash": f"0x77{number - 1:062x}",
                    "logsBloom": "0x" + "00" * 256,
                }
                return answer | {"result": answer["result"] | false}

            liar.fault = another_chain
            house.request_exit(house.book.bettors[0], UNIT)
            mirror.restart()
            with pytest.raises(Disagreement, match=f"block {final}, which is final"):
                mirror.sync.advance()
            house.book.node.mine(2)
            mirror.catch_up()
            assert mirror.difference() is None
            assert marks(mirror)[0] == node.web3.eth.block_number


def test_no_final_block_is_undone_even_by_who_does_not_know_of_it(
    house: House, shallow: Mirror
) -> None:
    shallow.catch_up()
    before = shallow.tables()
    head = shallow.sync.head
    assert head is not None
    final = marks(shallow)[2]
    low, at = (stored_headers(shallow._connection, 1, n, n)[0] for n in (final - 1, final))
    with pytest.raises(CheckpointMoved):
        cut_to(shallow._connection, 1, head, low, 0)
    assert shallow.tables() == before
    cut_to(shallow._connection, 1, head, at, 0)
    assert shallow.tables() != before
