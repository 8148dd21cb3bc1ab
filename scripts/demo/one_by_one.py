"""Owns the comparison: the same bets, placed and settled one by one on a second chain.

The second chain replays deployment and deposits of the first, so that contracts, accounts and
signatures are the same; then every slip goes out alone by its receipt, the way that needs no
operator, and every bet is settled alone.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_utils.abi import function_abi_to_4byte_selector
from hexbytes import HexBytes
from web3 import HTTPProvider, Web3

from backend.batching.encode import encode_batch
from backend.batching.policy import WaitingLeg, WaitingSlip
from protocol.market_id import MarketId, fixture_name_hash
from protocol.placed_batch import unpack_placed
from protocol.signatures import compact, pair
from scripts.demo.chain_reader import ChainReader
from scripts.demo.promises import AcceptedSlip
from scripts.devnet import Chain

GROUP = 50
GAS_LIMIT = 500_000
REPLAYED_LATER = ("placeBatch", "settle", "publish", "withdrawGranted", "requestExit", "exit")


@dataclass(frozen=True, slots=True)
class OneByOne:
    """Bets sent alone, and the gas of all of them together, for placing and for settling."""

    bets: int
    place_gas: int
    settle_gas: int


def measure(
    reader: ChainReader,
    head: int,
    accepted: Sequence[AcceptedSlip],
    state: Path,
    say: Callable[[str], None],
) -> OneByOne:
    """Send the slips alone, in the order of their acceptance. Raises RuntimeError when the second
    chain refuses what the first took."""
    start_s = int(reader.web3.eth.get_block(0)["timestamp"])
    chain = Chain("anvil", state=state / "one-by-one", start_s=start_s, persist=False)
    chain.start()
    try:
        second = _SecondChain(chain, reader)
        say("replaying deployment and deposits")
        results = second.replay(head)
        ordered = sorted(accepted, key=lambda promise: promise.accepted_at_s)
        say(f"placing {len(ordered)} bets one by one")
        placed = second.enforce(ordered)
        for transaction in results:
            second.repeat(transaction)
        second.pass_time(int(reader.parameters["dispute_window_s"]) + 1)
        say(f"settling {len(ordered)} bets one by one")
        return OneByOne(
            bets=len(ordered),
            place_gas=sum(int(receipt["gasUsed"]) for receipt in placed),
            settle_gas=second.settle(placed),
        )
    finally:
        chain.stop()


class _SecondChain:
    def __init__(self, chain: Chain, reader: ChainReader) -> None:
        self._chain = chain
        self._reader = reader
        self._web3 = Web3(HTTPProvider(chain.url, request_kwargs={"timeout": 60}))
        self._book = self._web3.eth.contract(
            address=reader.sportsbook.address, abi=reader.sportsbook.abi
        )
        self._sender = self._web3.eth.accounts[0]
        chain.call("anvil_autoImpersonateAccount", True)

    def replay(self, head: int) -> list[Any]:
        """Send what the first chain took, in its order and from the same senders, except the
        bets' own transactions; returns those that publish results."""
        later = {self._selector(name): name for name in REPLAYED_LATER}
        publications = []
        for number in range(1, head + 1):
            block: Any = self._reader.web3.eth.get_block(number, full_transactions=True)
            for transaction in block["transactions"]:
                name = later.get(bytes(transaction["input"])[:4])
                if name == "publish":
                    publications.append((transaction, int(block["timestamp"])))
                elif name is None:
                    self._at(int(block["timestamp"]))
                    self._send(transaction)
        return publications

    def repeat(self, publication: tuple[Any, int]) -> None:
        """Publish results as the first chain did."""
        transaction, timestamp_s = publication
        self._at(timestamp_s)
        self._send(transaction)

    def enforce(self, promises: Sequence[AcceptedSlip]) -> list[Any]:
        """Place every slip by its receipt, each in a transaction of its own; their receipts."""
        receipts = []
        for group in _groups(promises):
            calls = [
                self._book.functions.enforce(
                    encode_batch([_waiting(promise)]), pair(_bytes(promise.receipt_signature))
                )
                for promise in group
            ]
            receipts += self._block(calls, max(promise.accepted_at_s for promise in group))
        return receipts

    def settle(self, placed: Sequence[Any]) -> int:
        """Settle every batch of one in a transaction of its own; gas of all together."""
        gas = 0
        for group in _groups(placed):
            calls = []
            for receipt in group:
                event = self._book.events.BatchPlaced().process_receipt(receipt)[0]["args"]
                batch, _ = unpack_placed(bytes(event["data"]))
                run = batch.part()
                terms: Any = (event["batch"], 0, run.markets, run.records, list(run.proof))
                calls.append(self._book.functions.settle([terms]))
            gas += sum(int(receipt["gasUsed"]) for receipt in self._block(calls))
        return gas

    def pass_time(self, seconds: int) -> None:
        self._at(self._chain.timestamp_s() + seconds)
        self._chain.mine()

    def _at(self, timestamp_s: int) -> None:
        """The next block is of that time, or a second later than the last one."""
        self._chain.call(
            "evm_setNextBlockTimestamp", max(timestamp_s, self._chain.timestamp_s() + 1)
        )

    def _selector(self, name: str) -> bytes:
        for contract in (self._reader.sportsbook, self._reader.results):
            for item in contract.abi:
                if item["type"] == "function" and item["name"] == name:
                    return bytes(function_abi_to_4byte_selector(item))
        raise RuntimeError(f"no contract has a function {name}")

    def _send(self, transaction: Any) -> None:
        request = {
            "from": transaction["from"],
            "input": Web3.to_hex(transaction["input"]),
            "value": hex(transaction["value"]),
            "gas": hex(transaction["gas"]),
        }
        if transaction.get("to"):
            request["to"] = transaction["to"]
        self._wait(HexBytes(self._chain.call("eth_sendTransaction", request)))

    def _block(self, calls: Sequence[Any], timestamp_s: int = 0) -> list[Any]:
        """A block of these calls, each a transaction; their receipts. Blocks hold many, so that
        the clock, which moves a second a block, does not run away from the receipts' window."""
        self._at(timestamp_s)
        self._chain.call("evm_setAutomine", False)
        try:
            sent = [call.transact({"from": self._sender, "gas": GAS_LIMIT}) for call in calls]
            self._chain.mine()
        finally:
            self._chain.call("evm_setAutomine", True)
        return [self._wait(transaction) for transaction in sent]

    def _wait(self, sent: Any) -> Any:
        receipt = self._web3.eth.wait_for_transaction_receipt(sent, timeout=30, poll_latency=0.01)
        if receipt["status"] != 1:
            raise RuntimeError(f"the second chain reverted transaction {Web3.to_hex(sent)}")
        return receipt


def _waiting(promise: AcceptedSlip) -> WaitingSlip:
    slip = promise.slip
    return WaitingSlip(
        id=uuid.UUID(promise.id),
        account=slip.account,
        nonce=slip.nonce,
        stake_micro=slip.stake_micro,
        min_odds_e4=slip.min_odds_e4,
        deadline_s=slip.deadline_s,
        accepted_at_s=promise.accepted_at_s,
        signature=compact(_bytes(slip.signature)),
        contract_signature=False,
        legs=tuple(
            WaitingLeg(
                fixture_name_hash(leg.words["fixture"]),
                MarketId.unpack(_bytes(leg.market)),
                leg.outcome,
                odds_e4,
            )
            for leg, odds_e4 in zip(slip.legs, promise.odds_e4, strict=True)
        ),
    )


def _groups(items: Sequence[Any]) -> list[Sequence[Any]]:
    return [items[at : at + GROUP] for at in range(0, len(items), GROUP)]


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
