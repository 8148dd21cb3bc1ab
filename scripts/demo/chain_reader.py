"""Reads a deployment's whole history from the node, independently of the indexer.

It uses neither the indexer nor its decoders, because they are checked against what is read here.
"""

from __future__ import annotations

import json
import struct
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from web3 import Web3

from scripts.demo.chain_client import ChainClient
from scripts.devnet.paths import ROOT

ABI_FOLDER = ROOT / "contracts" / "abi"


@dataclass(frozen=True, slots=True)
class ChainLeg:
    """A leg: the 32 bytes of its market, number of the outcome, odds x 10^4."""

    market: bytes
    outcome: int
    odds_e4: int


@dataclass(frozen=True, slots=True)
class ChainBet:
    """A bet as its batch's event states it."""

    batch: int
    bet: int
    account: int
    nonce: int
    stake_micro: int
    accepted_at_s: int
    legs: tuple[ChainLeg, ...]


@dataclass(frozen=True, slots=True)
class ChainSkip:
    """A slip that the contract left out."""

    batch: int
    account: int
    nonce: int
    reason: int


@dataclass(frozen=True, slots=True)
class Change:
    """What one event did to an account, the house's pool and the tokens held, in micro-units."""

    block: int
    log_index: int
    kind: str
    account: int = 0
    balance_micro: int = 0
    pool_micro: int = 0
    tokens_micro: int = 0


@dataclass(frozen=True, slots=True)
class ChainAccount:
    """An account: balance in micro-units, and the sequence of its next signed withdrawal."""

    balance_micro: int
    sequence: int


@dataclass
class History:
    """What the events of one deployment report, in their order."""

    head: int
    owners: dict[int, str] = field(default_factory=dict)
    bets: dict[tuple[int, int], ChainBet] = field(default_factory=dict)
    skips: list[ChainSkip] = field(default_factory=list)
    payouts: dict[tuple[int, int], list[int]] = field(default_factory=lambda: defaultdict(list))
    changes: list[Change] = field(default_factory=list)
    gas: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))

    def balances(self) -> dict[int, int]:
        """Micro-units by account."""
        found: dict[int, int] = defaultdict(int)
        for change in self.changes:
            if change.account:
                found[change.account] += change.balance_micro
        return dict(found)


class ChainReader(ChainClient):
    """Reads one deployment over JSON-RPC."""

    def __init__(self, rpc_url: str, deployment_file: Path) -> None:
        super().__init__(rpc_url)
        self._gas_used: dict[str, int] = {}
        deployment = json.loads(deployment_file.read_text())
        self.first_block = int(deployment["first_block"])
        self.parameters: dict[str, Any] = deployment["parameters"]
        self.addresses: dict[str, str] = deployment["contracts"]
        self.sportsbook = self._contract("Sportsbook", "Sportsbook")
        self.results = self._contract("Results", "Results")
        self.bankroll = self._contract("Bankroll", "Bankroll")
        self.token = self._contract("Token", "TestToken")

    def history(self, head: int) -> History:
        """Everything up to block `head`."""
        history = History(head)
        logs = self._logs(head)
        self._read_gas(logs)
        for log in logs:
            handler = getattr(self, f"_on_{log['event']}", None)
            if handler is not None:
                handler(history, log)
        return history

    def account(self, number: int) -> ChainAccount:
        """An account's balance and withdrawal sequence at the head."""
        found = self.call_many([self.sportsbook.functions.accountAt(number)])[0]
        return ChainAccount(balance_micro=found[1], sequence=found[4])

    def balance(self, account: int) -> int:
        """An account's balance at the head, in micro-units."""
        return self.account(account).balance_micro

    def balances(self, accounts: Sequence[int], block: int | None = None) -> list[int]:
        """Balances in micro-units, at a block or at the head."""
        calls = [self.sportsbook.functions.accountAt(account) for account in accounts]
        blocks = None if block is None else [block] * len(calls)
        return [int(found[1]) for found in self.call_many(calls, blocks)]

    def _contract(self, name: str, abi: str) -> Any:
        loaded = json.loads((ABI_FOLDER / f"{abi}.json").read_text())
        address = Web3.to_checksum_address(self.addresses[name])
        return self.web3.eth.contract(address=address, abi=loaded)

    def _logs(self, head: int) -> list[Any]:
        events = self.sportsbook.events
        kinds = [
            *(events.AccountOpened, events.Deposited, events.Withdrawn, events.BatchPlaced),
            *(events.BatchSettled, events.HouseFunded, events.HouseReleased),
            *(self.results.events.ResultsPublished, self.token.events.Transfer),
        ]
        logs = [
            log
            for kind in kinds
            for log in kind.get_logs(from_block=self.first_block, to_block=head)
        ]
        return sorted(logs, key=lambda log: (log["blockNumber"], log["logIndex"]))

    def _read_gas(self, logs: Sequence[Any]) -> None:
        """The gas of every transaction that emitted a log."""
        for receipt in self.receipts(sorted({log["transactionHash"].hex() for log in logs})):
            gas = int(receipt["gasUsed"], 16)
            self._gas_used[receipt["transactionHash"].removeprefix("0x")] = gas

    def _gas(self, history: History, kind: str, log: Any) -> None:
        transaction = log["transactionHash"].hex().removeprefix("0x")
        history.gas[kind][transaction] = self._gas_used[transaction]

    def _on_AccountOpened(self, history: History, log: Any) -> None:
        history.owners[log["args"]["account"]] = log["args"]["owner"]

    def _on_Deposited(self, history: History, log: Any) -> None:
        amount = log["args"]["amount"]
        _change(history, log, "deposit", account=log["args"]["account"], balance_micro=amount)
        self._gas(history, "deposit", log)

    def _on_Withdrawn(self, history: History, log: Any) -> None:
        account, amount = divmod(log["args"]["withdrawal"] >> 40, 2**64)
        _change(history, log, "withdrawal", account=account, balance_micro=-amount)
        self._gas(history, "withdraw", log)

    def _on_HouseFunded(self, history: History, log: Any) -> None:
        _change(history, log, "funded", pool_micro=log["args"]["amount"])

    def _on_HouseReleased(self, history: History, log: Any) -> None:
        _change(history, log, "released", pool_micro=-log["args"]["amount"])

    def _on_Transfer(self, history: History, log: Any) -> None:
        book, args = self.sportsbook.address, log["args"]
        moved = args["value"] * ((args["to"] == book) - (args["from"] == book))
        if moved:
            _change(history, log, "transfer", tokens_micro=moved)

    def _on_ResultsPublished(self, history: History, log: Any) -> None:
        self._gas(history, "publish", log)

    def _on_BatchPlaced(self, history: History, log: Any) -> None:
        self._gas(history, "place", log)
        bets, skips = parse_placed(log["args"]["batch"], bytes(log["args"]["data"]))
        history.skips += skips
        for bet in bets:
            history.bets[bet.batch, bet.bet] = bet
            stake = bet.stake_micro
            _change(
                history, log, "stake", account=bet.account, balance_micro=-stake, pool_micro=stake
            )

    def _on_BatchSettled(self, history: History, log: Any) -> None:
        self._gas(history, "settle", log)
        batch, settled = log["args"]["batch"], log["args"]["settled"]
        paid = dict(struct.iter_unpack(">BQ", bytes(log["args"]["payouts"])))
        for bet in range(256):
            if settled >> bet & 1:
                payout = paid.pop(bet, 0)
                history.payouts[batch, bet].append(payout)
                account = history.bets[batch, bet].account
                _change(
                    history,
                    log,
                    "payout",
                    account=account,
                    balance_micro=payout,
                    pool_micro=-payout,
                )
        if paid:
            raise ValueError(f"batch {batch} paid bets {sorted(paid)} that it did not settle")


def parse_placed(batch: int, data: bytes) -> tuple[list[ChainBet], list[ChainSkip]]:
    """Bets and skips of a BatchPlaced event, read by the format that ISportsbook documents."""
    reader = _Bytes(data)
    placed, listed = reader.number(2), reader.number(1)
    base_s = reader.number(5)
    markets = [reader.take(26).ljust(32, b"\0") for _ in range(listed)]
    bets = []
    for bet in range(placed):
        account, nonce, stake = reader.number(4), reader.number(3), reader.number(8)
        accepted_at_s = base_s + reader.number(2)
        legs = tuple(
            ChainLeg(markets[reader.number(1)], reader.number(1), reader.number(4))
            for _ in range(reader.number(1))
        )
        bets.append(ChainBet(batch, bet, account, nonce, stake, accepted_at_s, legs))
    skips = []
    while reader.left:
        skips.append(ChainSkip(batch, reader.number(4), reader.number(3), reader.number(1)))
    return bets, skips


class _Bytes:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise ValueError("the event is cut short")
        self._at += size
        return self._data[self._at - size : self._at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")


def _change(history: History, log: Any, kind: str, **what: int) -> None:
    history.changes.append(Change(log["blockNumber"], log["logIndex"], kind, **what))
