"""Tests who gets which messages of the stream: topics, readers that are slow, resumed or gone.

Branches: all odds · some fixtures · a topic's last reader leaves · too many topics · a connection
with much unsent, until it has sent it, within what is kept and beyond · closing · resumed within
what is kept, beyond, of another epoch, with nothing missed · heartbeats.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from backend.odds.redis_messages import Published
from backend.stream import broadcast as subject
from backend.stream.broadcast import ALL, UNSENT_BYTES, Broadcast, TooManyTopics
from backend.stream.message_sequence import FRAMES_KEPT
from tests.backend.api.client import until
from tests.backend.api.frames import messages_in

FIRST, SECOND = f"0x{'11' * 16}", f"0x{'22' * 16}"
MARKETS = tuple(f"{fixture}{'00' * 16}" for fixture in (FIRST, SECOND))


class Line:
    """A connection whose other end reads only while it is `open`."""

    def __init__(self) -> None:
        self.written = b""
        self.unsent = 0
        self.closing = False

    def write(self, data: bytes) -> None:
        assert not self.closing, "nothing more can be sent"
        self.written += data

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def is_closing(self) -> bool:
        return self.closing

    @property
    def messages(self) -> list[dict[str, Any]]:
        return messages_in(self.written)

    def odds(self, market: str) -> list[int]:
        """The odds of a market, by all messages."""
        odds: dict[str, list[int]] = {}
        for message in self.messages:
            if message["type"] == "snapshot":
                odds = {}
            for row in message.get("odds", ()):
                odds[row["market"]] = row["odds_e4"]
        return odds.get(market, [])

    def check_order(self) -> None:
        """No delta is missing, and none comes twice."""
        seq = -1
        for message in self.messages:
            if message["type"] == "delta":
                assert message["seq"] == seq + 1
            seq = message["seq"]


@pytest.fixture
async def broadcast() -> AsyncIterator[Broadcast]:
    made = Broadcast(lambda: 0)
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()


async def shown(line: Line, version: int) -> None:
    """Wait until a reader has this version of the first market's odds."""
    await until(lambda: line.odds(MARKETS[0]) == [10_000 + version])


def offer(broadcast: Broadcast, market: str, version: int) -> None:
    broadcast.change(market, Published((10_000 + version,), version, version))


async def test_each_reader_gets_the_odds_of_its_topic(broadcast: Broadcast) -> None:
    everything, some, none = Line(), Line(), Line()
    offer(broadcast, MARKETS[0], 1)
    with (
        broadcast.reader(ALL, everything),
        broadcast.reader(frozenset([FIRST]), some),
        broadcast.reader(frozenset([f"0x{'33' * 16}"]), none),
    ):
        offer(broadcast, MARKETS[0], 2)
        offer(broadcast, MARKETS[1], 1)
        await until(lambda: everything.odds(MARKETS[1]) == [10_001])
        assert everything.odds(MARKETS[0]) == some.odds(MARKETS[0]) == [10_002]
        assert some.odds(MARKETS[1]) == none.odds(MARKETS[0]) == []
        broadcast.replace({MARKETS[1]: Published((7,), 9, 9)})
        await until(lambda: everything.odds(MARKETS[1]) == [7])
        assert everything.odds(MARKETS[0]) == some.odds(MARKETS[0]) == []
        everything.check_order()
        some.check_order()


async def test_topic_without_readers_is_forgotten(
    broadcast: Broadcast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "MOST_TOPICS", 1)
    first, second = frozenset([FIRST]), frozenset([SECOND])
    with broadcast.reader(first, Line()), broadcast.reader(first, Line()):
        with pytest.raises(TooManyTopics), broadcast.topic(second):
            pass
        with broadcast.reader(ALL, Line()):
            pass
    line = Line()
    with broadcast.reader(second, line):
        offer(broadcast, MARKETS[1], 3)
        await until(lambda: line.odds(MARKETS[1]) == [10_003])


@pytest.mark.parametrize("missed", [3, FRAMES_KEPT + 3], ids=["kept", "not_kept"])
async def test_slow_reader_is_left_out_and_then_misses_nothing(
    broadcast: Broadcast, missed: int
) -> None:
    slow, quick = Line(), Line()
    with broadcast.reader(ALL, slow), broadcast.reader(ALL, quick):
        slow.unsent = UNSENT_BYTES + 1
        for version in range(1, missed + 1):
            offer(broadcast, MARKETS[0], version)
            await shown(quick, version)
        assert len(slow.messages) == 1
        slow.unsent = 0
        # Nothing else has to change.
        await shown(slow, missed)
        slow.check_order()
        kinds = [message["type"] for message in slow.messages[1:] if message["type"] != "heartbeat"]
        assert kinds == ["delta"] * missed if missed <= FRAMES_KEPT else ["snapshot"]


async def test_nothing_is_written_to_a_reader_that_closes_or_has_left(broadcast: Broadcast) -> None:
    closing, left, stays = Line(), Line(), Line()
    with broadcast.reader(ALL, closing), broadcast.reader(ALL, stays):
        with broadcast.reader(ALL, left):
            pass
        closing.closing = left.closing = True
        offer(broadcast, MARKETS[0], 1)
        await until(lambda: stays.odds(MARKETS[0]) == [10_001])


async def test_resumed_reader_gets_what_it_missed(broadcast: Broadcast) -> None:
    first = Line()
    with broadcast.reader(ALL, first):
        for version in (1, 2, 3):
            offer(broadcast, MARKETS[0], version)
            await shown(first, version)
    epoch = first.messages[-1]["epoch"]

    def resumed(name: str, seq: int) -> list[tuple[str, int]]:
        line = Line()
        with broadcast.reader(ALL, line, (name, seq)):
            return [(message["type"], message["seq"]) for message in line.messages]

    assert resumed(epoch, 1) == [("delta", 2), ("delta", 3)]
    assert resumed(epoch, 3) == [("heartbeat", 3)]
    assert resumed(epoch, 4) == resumed("00000000", 1) == [("snapshot", 3)]
    # Another topic counts its own messages.
    with broadcast.topic(frozenset([FIRST])) as sequence:
        assert json.loads(sequence.snapshot().body)["epoch"] != epoch


async def test_quiet_readers_hear_a_heartbeat(
    broadcast: Broadcast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "HEARTBEAT_S", 0.05)
    lines = [Line(), Line()]
    offer(broadcast, MARKETS[0], 1)
    with broadcast.reader(ALL, lines[0]), broadcast.reader(frozenset([FIRST]), lines[1]):
        await until(lambda: all(line.messages[-1]["type"] == "heartbeat" for line in lines))
        for line in lines:
            line.check_order()


@pytest.mark.parametrize("turns", range(5))
async def test_it_ends_when_cancelled_while_odds_change(turns: int) -> None:
    broadcast = Broadcast(lambda: 0)
    running = asyncio.create_task(broadcast.run())
    await asyncio.sleep(0.05)
    offer(broadcast, MARKETS[0], 1)
    for _ in range(turns):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running], timeout=5)
    assert running.cancelled()
