"""Measures the gas of the same bets, placed and settled one by one on a second chain.

The second chain replays the deployment and the deposits of the first, so that contracts, accounts
and signatures are the same. Every slip is then placed alone by its receipt, as a bettor without an
operator does it, and every bet is settled alone. Each is a transaction of its own; many of them
share a block, and are sent in one request, which changes nothing of their gas.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_abi.abi import decode
from eth_utils.abi import function_abi_to_4byte_selector

from backend.batching.encode import encode_batch
from backend.batching.policy import WaitingLeg, WaitingSlip
from backend.settlement.runs import prove_run, settle_arguments
from protocol.abi import topic
from protocol.calls import encode_call
from protocol.market_id import MarketId, fixture_name_hash
from protocol.placed_event import unpack_placed
from protocol.signatures import compact, pair
from scripts.demo.chain_reader import ChainReader
from scripts.demo.slips import AcceptedSlip
from scripts.devnet import Chain, rpc

GROUP = 50  # transactions of a block
GAS_LIMIT = 500_000
NOT_REPLAYED = ("placeBatch", "enforce", "settle", "withdrawGranted", "requestExit", "exit")
BATCH_PLACED = topic("BatchPlaced(uint256 indexed,bytes)")

# A transaction as a node returns it, and the time of its block.
Sent = tuple[dict[str, Any], int]


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
    """Sends the slips alone, in the order of their acceptance. Raises RuntimeError when the second
    chain refuses what the first one accepted."""
    start_s = int(reader.web3.eth.get_block(0)["timestamp"])
    chain = Chain("anvil", state=state / "one-by-one", start_s=start_s, persist=False)
    chain.start()
    try:
        second = _SecondChain(chain, reader)
        results = second.replay(head)
        ordered = sorted(accepted, key=lambda receipt: receipt.accepted_at_s)
        say(f"placing {len(ordered)} bets one by one")
        placed = second.enforce(ordered)
        for transaction, timestamp_s in results:
            second.repeat([transaction], timestamp_s)
        second.pass_time(int(reader.parameters["dispute_window_s"]) + 1)
        say(f"settling {len(ordered)} bets one by one")
        settled = second.settle(placed)
        return OneByOne(len(ordered), place_gas=_gas(placed), settle_gas=_gas(settled))
    finally:
        chain.stop()


class _SecondChain:
    def __init__(self, chain: Chain, reader: ChainReader) -> None:
        self._chain = chain
        self._reader = reader
        self._book = reader.sportsbook
        self._sender = chain.call("eth_accounts")[0]
        chain.call("anvil_autoImpersonateAccount", True)
        chain.call("evm_setAutomine", False)

    def replay(self, head: int) -> list[Sent]:
        """Sends what the first chain has, block by block and from the same senders, except the
        bets' own transactions; returns those that publish results."""
        left_out = {_selector(self._book, name) for name in NOT_REPLAYED}
        publish = _selector(self._reader.results, "publish")
        publications = []
        for block in self._blocks(head):
            timestamp_s, again = int(block["timestamp"], 16), []
            for transaction in block["transactions"]:
                selector = transaction["input"][2:10]
                if selector == publish:
                    publications.append((transaction, timestamp_s))
                elif selector not in left_out:
                    again.append(transaction)
            if again:
                self.repeat(again, timestamp_s)
        return publications

    def repeat(self, transactions: Sequence[dict[str, Any]], timestamp_s: int) -> None:
        """Sends transactions of the first chain in a block, in their order."""
        self._at(timestamp_s)
        hashes = []
        for transaction in transactions:
            kept = ("from", "to", "input", "value", "gas")
            request = {name: transaction[name] for name in kept if transaction.get(name)}
            hashes.append(self._chain.call("eth_sendTransaction", request))
        self._mined(hashes)

    def enforce(self, accepted: Sequence[AcceptedSlip]) -> list[Any]:
        """Places every slip by its receipt, each in a transaction of its own; their receipts."""
        receipts = []
        for group in _groups(accepted):
            calls = [
                encode_call(
                    "Sportsbook",
                    "enforce",
                    encode_batch([_waiting(receipt)]),
                    pair(_bytes(receipt.receipt_signature)),
                )
                for receipt in group
            ]
            receipts += self._block(calls, max(receipt.accepted_at_s for receipt in group))
        return receipts

    def settle(self, placed: Sequence[Any]) -> list[Any]:
        """Settles every batch of one bet in a transaction of its own; their receipts."""
        receipts = []
        for group in _groups(placed):
            calls = []
            for receipt in group:
                number, data = self._placed(receipt)
                batch, _ = unpack_placed(data)
                run = prove_run(number, batch, 0, len(batch.records))
                calls.append(encode_call("Sportsbook", "settle", settle_arguments([run])))
            receipts += self._block(calls)
        return receipts

    def pass_time(self, seconds: int) -> None:
        """Mines a block that is later by so much."""
        self._at(self._chain.timestamp_s() + seconds)
        self._chain.mine()

    def _blocks(self, head: int) -> list[Any]:
        """The blocks of the first chain, with their transactions."""
        url, blocks = self._reader.url, []
        for first in range(1, head + 1, GROUP):
            numbers = range(first, min(first + GROUP, head + 1))
            blocks += rpc.batch(url, [("eth_getBlockByNumber", [hex(n), True]) for n in numbers])
        return blocks

    def _placed(self, receipt: Any) -> tuple[int, bytes]:
        """Number and data of the batch that a transaction placed."""
        log = next(log for log in receipt["logs"] if log["topics"][0] == BATCH_PLACED)
        return int(log["topics"][1], 16), decode(["bytes"], _bytes(log["data"]))[0]

    def _at(self, timestamp_s: int) -> None:
        """The next block has that time, or a second after the latest one if that is later."""
        self._chain.call(
            "evm_setNextBlockTimestamp", max(timestamp_s, self._chain.timestamp_s() + 1)
        )

    def _block(self, calls: Sequence[bytes], timestamp_s: int = 0) -> list[Any]:
        """A block of these calls, each a transaction; their receipts. Blocks hold many, because
        the clock moves by a second per block and must not leave the receipts' window."""
        self._at(timestamp_s)
        terms = {"from": self._sender, "to": self._book.address, "gas": hex(GAS_LIMIT)}
        asked: list[rpc.Call] = [
            ("eth_sendTransaction", [{**terms, "input": "0x" + data.hex()}]) for data in calls
        ]
        return self._mined(self._chain.batch(asked))

    def _mined(self, hashes: Sequence[str]) -> list[Any]:
        """The receipts of sent transactions, once they are mined."""
        self._chain.mine()
        receipts = self._chain.batch([("eth_getTransactionReceipt", [text]) for text in hashes])
        for text, receipt in zip(hashes, receipts, strict=True):
            if receipt is None or int(receipt["status"], 16) != 1:
                raise RuntimeError(f"the second chain refused transaction {text}")
        return receipts


def _selector(contract: Any, function: str) -> str:
    """The first four bytes of a call in hex, without 0x; `contract` is web3's."""
    return bytes(function_abi_to_4byte_selector(contract.functions[function].abi)).hex()


def _gas(receipts: Sequence[Any]) -> int:
    return sum(int(receipt["gasUsed"], 16) for receipt in receipts)


def _waiting(receipt: AcceptedSlip) -> WaitingSlip:
    slip = receipt.slip
    return WaitingSlip(
        id=uuid.UUID(receipt.id),
        account=slip.account,
        nonce=slip.nonce,
        stake_micro=slip.stake_micro,
        min_odds_e4=slip.min_odds_e4,
        deadline_s=slip.deadline_s,
        accepted_at_s=receipt.accepted_at_s,
        signature=compact(_bytes(slip.signature)),
        contract_signature=False,
        receipt_signature=_bytes(receipt.receipt_signature),
        left_out=True,
        legs=tuple(
            WaitingLeg(
                fixture_name_hash(leg.words["fixture"]),
                MarketId.unpack(_bytes(leg.market)),
                leg.outcome,
                odds_e4,
            )
            for leg, odds_e4 in zip(slip.legs, receipt.odds_e4, strict=True)
        ),
    )


def _groups(items: Sequence[Any]) -> list[Sequence[Any]]:
    return [items[at : at + GROUP] for at in range(0, len(items), GROUP)]


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
