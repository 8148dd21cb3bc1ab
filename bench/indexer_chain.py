"""Builds the chains that the benchmark of the indexer reads; measures nothing.

The contracts are deployed and place one real batch. Then the code of the sportsbook is replaced by
a few bytes that log the contents of their calldata, and the event of that batch is logged many
times, each time with new records: packed by `protocol.records`, encoded by the ABI.
"""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from eth_abi.abi import encode
from eth_account import Account

from bench.gas_house import BETTORS, OPERATOR, RESULT_KEYS, THRESHOLD, House
from protocol.placed_event import unpack_placed
from protocol.records import BetRecord
from protocol.typed_data import Leg
from scripts.devnet import Chain
from scripts.devnet.brownie import run_brownie
from scripts.devnet.chain import private_key

STAKE_MICRO = 100_000
BANKROLL_MICRO = 1_000_000_000_000
# For each item of the calldata (length of data, two topics, data): LOG2.
#   PUSH0
#   loop:  DUP1 CALLDATASIZE GT ISZERO PUSH1 end JUMPI
#          DUP1 CALLDATALOAD                      (at, length)
#          DUP1 DUP3 PUSH1 96 ADD PUSH0 CALLDATACOPY
#          DUP2 PUSH1 64 ADD CALLDATALOAD         (at, length, topic 2)
#          DUP3 PUSH1 32 ADD CALLDATALOAD         (at, length, topic 2, topic 1)
#          DUP3 PUSH0 LOG2
#          ADD PUSH1 96 ADD PUSH1 loop JUMP
#   end:   STOP
EMITTER = "0x" + (
    "5f" + "5b" + "80361115602657" + "8035" + "8082606001" + "5f37"
    "81604001" + "35" + "82602001" + "35" + "825fa2" + "01606001" + "600156" + "5b00"
)  # fmt: skip


class _Connection:
    """A persistent connection to the node: a chain takes tens of thousands of calls."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(str(parts.hostname), parts.port)

    def call(self, method: str, *params: Any) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
        self._connection.request("POST", "/", body, {"Content-Type": "application/json"})
        answer = json.load(self._connection.getresponse())
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]


@dataclass
class Sample:
    """A real BatchPlaced event, which is logged again with other records."""

    topics: list[str]
    types: list[str]
    values: list[Any]
    records: list[BetRecord]
    record_bytes: bytes

    def again(self, batch: int, nonce: int, account: int = 0) -> bytes:
        """The event as calldata of the emitter, with batch number `batch` and nonce `nonce`; all
        bets are of `account` when it is given."""
        fresh = b"".join(
            replace(
                record, account=account or record.account, nonce=nonce, stake_micro=STAKE_MICRO
            ).pack()
            for record in self.records
        )
        values = [
            value.replace(self.record_bytes, fresh) if isinstance(value, bytes) else value
            for value in self.values
        ]
        if values == self.values:
            raise RuntimeError("the event does not have its records as protocol.records packs them")
        data = encode(self.types, values)
        topics = (int(self.topics[0], 16), batch)
        return b"".join(n.to_bytes(32, "big") for n in (len(data), *topics)) + data


class BenchChain:
    """A chain that grows by batches of a hundred bets."""

    def __init__(self, chain: Chain, folder: Path) -> None:
        self.chain = chain
        self.deployment_file = folder / "deployment.json"
        os.environ |= {
            "DEPLOYMENT_FILE": str(self.deployment_file),
            "RESULT_SIGNERS": ",".join(
                str(Account.from_key(private_key(index)).address) for index in RESULT_KEYS
            ),
            "RESULT_THRESHOLD": str(THRESHOLD),
            "BANKROLL_MICRO": str(BANKROLL_MICRO),
        }
        run_brownie("deploy", rpc_url=chain.url, log=folder / "deploy.log")
        house = House(chain, json.loads(self.deployment_file.read_text()))
        picks = [house.fixture(f"Fixture {number} v Others") for number in range(4)]
        bets: list[list[Leg]] = [[picks[i % 4](i % 10, i % 2)] for i in range(85)]
        bets += [[picks[i % 4](0, 0), picks[(i + 1) % 4](3, 1)] for i in range(10)]
        bets += [[pick(0, i % 2) for pick in picks] for i in range(5)]
        self._line = _Connection(chain.url)
        self._sportsbook = house.sportsbook.address
        house.place(bets)
        self._many = self._sample(house)
        house.place([[picks[0](0, 0)]])
        self._one = self._sample(house)
        self._operator = house.web3.eth.accounts[OPERATOR]
        self._batches = 2
        self._nonce = max(house.nonces)
        self._prepared = b""
        self.call("anvil_setCode", self._sportsbook, EMITTER)

    def call(self, method: str, *params: Any) -> Any:
        """The result of a call to the node."""
        return self._line.call(method, *params)

    def grow(self, blocks: int) -> None:
        """Add blocks with one batch of a hundred bets each."""
        for _ in range(blocks):
            self._nonce += 1
            self._batches += 1
            self._emit(self._many.again(self._batches, self._nonce))

    def prepare(self) -> None:
        """Prepare the next batch, for `send_prepared`."""
        self._nonce += 1
        self._batches += 1
        self._prepared = self._many.again(self._batches, self._nonce)

    def send_prepared(self) -> None:
        """Send the prepared batch, for which the node mines a block."""
        self.call("eth_sendTransaction", self._transaction(self._prepared))

    def grow_singly(self, blocks: int) -> None:
        """Add blocks with a hundred batches of one bet each, as when receipts are enforced."""
        for _ in range(blocks):
            self._nonce += 1
            parts = []
            for bettor in range(BETTORS):
                self._batches += 1
                parts.append(self._one.again(self._batches, self._nonce, bettor + 1))
            self._emit(b"".join(parts))

    @property
    def height(self) -> int:
        """The number of the newest block."""
        return int(self.call("eth_blockNumber"), 16)

    def _emit(self, data: bytes) -> None:
        before = self.height
        sent = self.call("eth_sendTransaction", self._transaction(data))
        while self.height == before:
            pass
        receipt = self.call("eth_getTransactionReceipt", sent)
        if receipt is None or int(receipt["status"], 16) != 1:
            raise RuntimeError("the emitter's transaction failed")

    def _transaction(self, data: bytes) -> dict[str, str]:
        return {
            "from": self._operator,
            "to": self._sportsbook,
            "gas": hex(25_000_000),
            "data": "0x" + data.hex(),
        }

    def _sample(self, house: House) -> Sample:
        (entry,) = [
            e for e in house.sportsbook.abi if e["type"] == "event" and e["name"] == "BatchPlaced"
        ]
        where = {"address": self._sportsbook, "fromBlock": "latest"}
        (log,) = self.call("eth_getLogs", where)
        (event,) = house.sportsbook.events.BatchPlaced().get_logs(from_block=self.height)
        inputs = [part for part in entry["inputs"] if not part.get("indexed")]
        values = [event["args"][part["name"]] for part in inputs]
        packed = max((v for v in values if isinstance(v, bytes)), key=len)
        placed, _ = unpack_placed(packed)
        return Sample(
            log["topics"],
            [part["type"] for part in inputs],
            values,
            list(placed.records),
            placed.record_bytes,
        )


@contextmanager
def bench_chain(folder: Path) -> Iterator[BenchChain]:
    """A new Anvil with the contracts on it."""
    folder.mkdir(parents=True)
    chain = Chain("anvil", state=folder, persist=False)
    chain.start()
    try:
        yield BenchChain(chain, folder)
    finally:
        chain.stop()
