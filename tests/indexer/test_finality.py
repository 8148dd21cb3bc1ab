"""A final block is never rolled back, and without it the indexer refuses to go on.

Branches: tentative, confirmed and final as readers see them · final by depth, by the node's tag, by
the lower of both · a tag on another block · never decreases, moves while the head stays · a reorg
down to the final block is followed · one below it is refused: while running, after a restart, with
a chain that is longer, shorter, or equal · rebuild repairs · one endpoint of two is wrong about it
· a chain that is only behind is waited for · SQL itself refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from indexer.errors import CheckpointMoved, Disagreement, FinalBlockReplaced, RetryableError
from indexer.mirror.checkpoint import read_blocks
from indexer.mirror.write import roll_back_to
from indexer.service import Indexer
from indexer.sync import final_block
from indexer.sync.finality import Finality
from tests.indexer.faulty_node import faulty_node
from tests.indexer.mirror import CONFIRMATIONS, Mirror, Tables, Untagged, mirror_of
from tests.support.house import House
from tests.support.terms import UNIT

DEPTH = 6
MARKS = "SELECT head_block, confirmed_block, final_block, final_hash FROM mirror.deployment"


@pytest.fixture
def shallow(house: House, fresh_database: str) -> Iterator[Mirror]:
    """A mirror in which a block is final below six others."""
    options = {"final_depth": DEPTH, "kind": Untagged}
    with mirror_of(fresh_database, house, **options) as made:
        yield made


def marks(mirror: Mirror) -> tuple[int, int, int, bytes]:
    [(head, confirmed, final, hash_)] = mirror.rows(MARKS)
    return head, confirmed, final, bytes(hash_)


def block_hash(house: House, number: int) -> bytes:
    return bytes(house.node.web3.eth.get_block(number)["hash"])


def test_stage_depends_on_the_number_of_blocks_above(house: House, shallow: Mirror) -> None:
    shallow.catch_up()
    top = house.node.web3.eth.block_number
    final = top - DEPTH
    assert marks(shallow) == (top, top - CONFIRMATIONS, final, block_hash(house, final))
    seen = dict(shallow.rows("SELECT number, stage FROM mirror.block_stage"))
    assert len(seen) == top + 1
    for number, stage in seen.items():
        above = top - number
        assert stage == (
            "final" if above >= DEPTH else "confirmed" if above >= CONFIRMATIONS else "tentative"
        )
    house.node.mine()
    shallow.catch_up()
    assert marks(shallow)[:3] == (top + 1, top + 1 - CONFIRMATIONS, final + 1)


def test_nothing_is_confirmed_or_final_while_the_chain_is_short(
    house: House, fresh_database: str
) -> None:
    with mirror_of(fresh_database, house, final_depth=5_000) as mirror:
        mirror.sync._length.blocks = 1
        mirror.sync.advance(lambda: False)
        assert mirror.rows(MARKS) == [(0, None, None, None)]
        assert mirror.rows("SELECT stage FROM mirror.block_stage") == [("tentative",)]
        mirror.catch_up()
        assert mirror.rows(MARKS)[0][2:] == (None, None)


@pytest.mark.parametrize(
    ("tag", "final"), [(None, 94), (100, 94), (94, 94), (90, 90), (0, 0)], ids=str
)
def test_final_block_is_the_lower_of_depth_and_tag(tag: int | None, final: int) -> None:
    assert Finality(2, 6).final(100, tag) == final
    assert Finality(2, 6).confirmed(100) == 98


@pytest.mark.parametrize("shared_house", ["anvil"], indirect=True)
def test_tag_limits_the_final_block_and_moves_it_while_the_head_stays(
    house: House, fresh_database: str
) -> None:
    tag = ["0x5"]

    def answer_tag(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if "finalized" not in request["params"]:
            return answer
        return answer | {"result": house.node.rpc("eth_getBlockByNumber", tag[0], False)}

    with faulty_node(house.node.url) as node:
        node.fault = answer_tag
        urls = (node.address,)
        with mirror_of(fresh_database, house, *urls, final_depth=DEPTH) as mirror:
            now = [0.0]
            mirror.sync.final._clock = lambda: now[0]
            mirror.catch_up()
            assert marks(mirror)[2:] == (5, block_hash(house, 5))
            calls = node.asked.count("eth_getBlockByNumber")
            mirror.catch_up()
            assert node.asked.count("eth_getBlockByNumber") == calls + 1
            tag[0], now[0] = "0x9", final_block.TAG_INTERVAL_S
            mirror.catch_up()
            assert marks(mirror)[2:] == (9, block_hash(house, 9))
            tag[0], now[0] = "0x3", 2 * final_block.TAG_INTERVAL_S
            mirror.catch_up()
            assert marks(mirror)[2] == 9
            node.fault = lambda request, answer: (
                answer | {"result": answer["result"] | {"hash": "0x" + "55" * 32, "number": "0x14"}}
                if "finalized" in request["params"]
                else answer
            )
            now[0] = 3 * final_block.TAG_INTERVAL_S
            mirror.catch_up()
            assert marks(mirror)[2] == 9


@pytest.mark.parametrize("shared_house", ["anvil"], indirect=True)
@pytest.mark.parametrize("answer", ["nothing", "refused"])
def test_depth_decides_when_the_node_does_not_know_the_tag(
    house: House, fresh_database: str, answer: str
) -> None:

    def no_tag(request: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
        if "finalized" not in request["params"]:
            return found
        error = {"code": -32602, "message": "unknown block tag"}
        refusal = {"jsonrpc": "2.0", "id": request["id"], "error": error}
        return found | {"result": None} if answer == "nothing" else refusal

    with faulty_node(house.node.url) as node:
        node.fault = no_tag
        urls = (node.address,)
        with mirror_of(fresh_database, house, *urls, final_depth=DEPTH) as mirror:
            mirror.catch_up()
            head, _, final, _ = marks(mirror)
            assert final == head - DEPTH


def test_reorg_down_to_the_final_block_is_followed(
    house: House, shallow: Mirror, clean: Callable[[], Tables]
) -> None:
    node = house.node
    snapshot = node.rpc("evm_snapshot")
    fork = node.web3.eth.block_number
    node.mine(DEPTH)
    shallow.catch_up()
    assert marks(shallow)[2] == fork
    node.fork(snapshot)
    house.request_exit(house.bettors[1], 7 * UNIT)
    node.mine(fork + DEPTH - 1 - node.web3.eth.block_number)
    shallow.catch_up()
    assert marks(shallow)[:3] == (fork + DEPTH - 1, fork + DEPTH - 1 - CONFIRMATIONS, fork)
    assert shallow.tables() == clean()


@pytest.mark.parametrize("restarted", [False, True], ids=["running", "down"])
@pytest.mark.parametrize("length", [-3, 0, 4], ids=["shorter", "equal", "longer"])
def test_reorg_below_the_final_block_is_refused(
    house: House,
    shallow: Mirror,
    clean: Callable[[], Tables],
    length: int,
    restarted: bool,
) -> None:
    node = house.node
    snapshot = node.rpc("evm_snapshot")
    fork = node.web3.eth.block_number
    node.mine(DEPTH + 1)
    shallow.catch_up()
    before, marked = shallow.tables(), marks(shallow)
    assert marked[2] == fork + 1
    node.fork(snapshot)
    house.request_exit(house.bettors[1], 7 * UNIT)
    node.mine(DEPTH + length)
    for _ in range(2):
        if restarted:
            shallow.restart()
        with pytest.raises(FinalBlockReplaced) as refused:
            shallow.catch_up()
    words = str(refused.value)
    assert f"block {fork + 1} (0x{marked[3].hex()}) was final" in words
    assert f"0x{block_hash(house, fork + 1).hex()}" in words
    assert "python -m indexer rebuild" in words
    assert shallow.tables() == before
    assert marks(shallow) == marked
    Indexer(shallow.url, [node.url], shallow.deployment, shallow.finality).rebuild()
    assert shallow.tables() == clean()
    shallow.restart()
    shallow.catch_up()
    # The final block is now one of the new chain.
    head, _, final, hash_ = marks(shallow)
    assert (final, hash_) == (head - DEPTH, block_hash(house, head - DEPTH))
    assert shallow.difference() is None


def test_start_checks_the_final_block_even_when_the_head_is_on_the_chain(
    house: House, shallow: Mirror
) -> None:
    shallow.catch_up()
    shallow.rows("UPDATE mirror.deployment SET final_hash = '\\x11' RETURNING 1")
    shallow.restart()
    with pytest.raises(FinalBlockReplaced):
        shallow.catch_up()


def test_chain_that_ends_below_the_final_block_is_waited_for(house: House, shallow: Mirror) -> None:
    node = house.node
    snapshot = node.rpc("evm_snapshot")
    node.mine(DEPTH + 3)
    shallow.catch_up()
    before = shallow.tables()
    node.fork(snapshot)
    for _ in range(2):
        with pytest.raises(RetryableError, match="waiting for it to grow"):
            shallow.sync.advance()
    shallow.restart()
    with pytest.raises(RetryableError):
        shallow.sync.advance()
    assert shallow.tables() == before
    # Another block instead of one of ours, still below the final one: the chain was reset.
    house.request_exit(house.bettors[1], 7 * UNIT)
    with pytest.raises(FinalBlockReplaced):
        shallow.sync.advance()
    assert shallow.tables() == before


@pytest.mark.parametrize("shared_house", ["anvil"], indirect=True)
def test_endpoint_with_another_final_block_is_not_used(house: House, fresh_database: str) -> None:
    node = house.node
    with faulty_node(node.url) as liar:
        urls, options = (liar.address, node.url), {"final_depth": DEPTH, "kind": Untagged}
        with mirror_of(fresh_database, house, *urls, **options) as mirror:
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
            house.request_exit(house.bettors[0], UNIT)
            mirror.restart()
            with pytest.raises(Disagreement, match=f"block {final}, which is final"):
                mirror.sync.advance()
            house.node.mine(2)
            mirror.catch_up()
            # On a busy machine the comparison takes longer than the pause of the endpoint.
            liar.fault = lambda _, answer: answer
            assert mirror.difference() is None
            assert marks(mirror)[0] == node.web3.eth.block_number


def test_sql_refuses_to_roll_back_a_final_block(house: House, shallow: Mirror) -> None:
    shallow.catch_up()
    before = shallow.tables()
    head = shallow.sync.head
    assert head is not None
    final = marks(shallow)[2]
    low, at = (read_blocks(shallow.connection, 1, n, n)[0] for n in (final - 1, final))
    with pytest.raises(CheckpointMoved):
        roll_back_to(shallow.connection, 1, head.ref, low, 0)
    assert shallow.tables() == before
    roll_back_to(shallow.connection, 1, head.ref, at, 0)
    assert shallow.tables() != before
