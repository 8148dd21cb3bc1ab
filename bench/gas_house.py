"""Drives the deployed contracts for the gas bench, one measured transaction at a time.

Bettors sign by keys of their own; funded accounts of the local chain send.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from eth_account import Account
from eth_utils.crypto import keccak
from web3 import HTTPProvider, Web3

from backend.batching.encode import encode_batch
from backend.batching.policy import WaitingLeg, WaitingSlip
from backend.settlement.runs import prove_run, settle_arguments, share_markets
from backend.settlement.sheets import sign_sheet
from protocol.abi import load
from protocol.limits import TRANSACTION_GAS_MAX
from protocol.market_id import Kind, MarketId, Period, fixture_id, fixture_name_hash
from protocol.placed_event import PlacedBatch, unpack_placed
from protocol.signatures import compact, pair, sign
from protocol.typed_data import RESULTS_NAME, Domain, Leg, Receipt, Result, ResultSheet, Slip
from scripts.devnet import Chain
from scripts.devnet.chain import CHAIN_ID, private_key

BETTORS = 100
STAKE_MICRO = 10_000_000
ODDS_E4 = 20_000
DEPOSIT_MICRO = 10_000_000_000
OWNER, OPERATOR, HOUSE = 0, 1, 2
RESULT_KEYS = (20, 21, 22, 23, 24)
THRESHOLD = 3
DAY_S = 24 * 3_600
FIRST_TERM = 1

TEN_MARKETS = (
    (Kind.MATCH_RESULT, 0, Period.FULL_TIME),
    (Kind.DOUBLE_CHANCE, 0, Period.FULL_TIME),
    (Kind.DRAW_NO_BET, 0, Period.FULL_TIME),
    (Kind.TOTAL_GOALS, 6, Period.FULL_TIME),
    (Kind.TOTAL_GOALS, 10, Period.FULL_TIME),
    (Kind.TOTAL_GOALS, 14, Period.FULL_TIME),
    (Kind.ASIAN_HANDICAP, -3, Period.FULL_TIME),
    (Kind.BOTH_TEAMS_TO_SCORE, 0, Period.FULL_TIME),
    (Kind.ODD_EVEN_GOALS, 0, Period.FULL_TIME),
    (Kind.MATCH_RESULT, 0, Period.FIRST_HALF),
)


@dataclass(frozen=True)
class Placed:
    """A batch on the chain and the gas that it took."""

    number: int
    batch: PlacedBatch
    gas: int


@dataclass(frozen=True)
class Sent:
    """A mined transaction: what its sender signed, encoded, and the call data in it."""

    signed: bytes
    call_data: bytes


class House:
    """The deployed contracts, a hundred bettors, and the clock."""

    def __init__(self, chain: Chain, deployment: dict[str, Any]) -> None:
        self.chain = chain
        self.web3 = Web3(HTTPProvider(chain.url))
        self.addresses: dict[str, str] = deployment["contracts"]
        self.sportsbook = self._contract("Sportsbook", "Sportsbook")
        self.results = self._contract("Results", "Results")
        self.token = self._contract("Token", "TestToken")
        self.domain = Domain(CHAIN_ID, self.addresses["Sportsbook"])
        self.results_domain = Domain(CHAIN_ID, self.addresses["Results"], RESULTS_NAME)
        self.keys = [keccak(text=f"bettor {i}") for i in range(BETTORS)]
        self.nonces = [0] * BETTORS
        owner = self.web3.eth.accounts[OWNER]
        self.send(OWNER, self.token.functions.mint(owner, 2 * BETTORS * DEPOSIT_MICRO))
        self.send(OWNER, self.token.functions.approve(self.sportsbook.address, 2**256 - 1))
        for key_ in self.keys:
            address = Account.from_key(key_).address
            self.send(OWNER, self.sportsbook.functions.depositFor(address, DEPOSIT_MICRO))

    def _contract(self, name: str, abi: str) -> Any:
        address = self.web3.to_checksum_address(self.addresses[name])
        return self.web3.eth.contract(address, abi=load(abi))

    def send(self, sender: int, call: Any) -> Any:
        """The receipt of a call by a funded account. Raises RuntimeError when it reverts."""
        account = self.web3.eth.accounts[sender]
        sent = call.transact({"from": account, "gas": TRANSACTION_GAS_MAX})
        self._last_sent = sent
        receipt = self.web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)
        if receipt["status"] != 1:
            raise RuntimeError(f"{call.fn_name} reverted")
        return receipt

    def last_sent(self) -> Sent:
        """The transaction that was sent last."""
        found = self.web3.eth.get_transaction(self._last_sent)
        raw = self.web3.eth.get_raw_transaction(self._last_sent)
        return Sent(bytes(raw), bytes(found["input"]))

    def fixture(self, name: str) -> Callable[[int, int], Leg]:
        """Legs on one of the ten markets of a fixture that starts in a day."""
        starts_at_s = self.chain.timestamp_s() + DAY_S
        name = f"{name}, 2025-05-25"

        def pick(market: int, outcome: int) -> Leg:
            kind, line_q, period = TEN_MARKETS[market]
            # Of a double chance, the two that share the draw only.
            if kind is Kind.DOUBLE_CHANCE:
                outcome *= 2
            packed = MarketId(fixture_id(name), starts_at_s, kind, period, line_q)
            return Leg(name, packed, outcome)

        return pick

    def slip(self, bettor: int, legs: Sequence[Leg], accepted_at_s: int) -> Slip:
        """The bettor's next slip."""
        self.nonces[bettor] += 1
        return Slip(
            account=bettor + 1,
            # Unequal, so that the two sides of a market do not cancel out.
            stake_micro=STAKE_MICRO + bettor % 7 * 1_000_000,
            min_odds_e4=19_000,
            nonce=self.nonces[bettor],
            deadline_s=accepted_at_s + 120,
            legs=tuple(legs),
        )

    def pack(self, bets: Sequence[Sequence[Leg]], accepted_at_s: int) -> tuple[bytes, list[Slip]]:
        """The call data of a batch, one bet per bettor, and its slips."""
        slips = [self.slip(bettor, legs, accepted_at_s) for bettor, legs in enumerate(bets)]
        waiting = [
            self._accepted(slip, self.keys[bettor], accepted_at_s)
            for bettor, slip in enumerate(slips)
        ]
        return encode_batch(waiting), slips

    def _accepted(self, slip: Slip, key: bytes, accepted_at_s: int) -> WaitingSlip:
        """The slip with its bettor's signature, as the backend keeps it until it is placed."""
        return WaitingSlip(
            id=uuid.uuid4(),
            account=slip.account,
            nonce=slip.nonce,
            stake_micro=slip.stake_micro,
            min_odds_e4=slip.min_odds_e4,
            deadline_s=slip.deadline_s,
            accepted_at_s=accepted_at_s,
            signature=compact(sign(self.domain.digest(slip.struct_hash()), key)),
            contract_signature=False,
            receipt_signature=b"",
            left_out=False,
            legs=tuple(
                WaitingLeg(fixture_name_hash(leg.fixture_name), leg.market, leg.outcome, ODDS_E4)
                for leg in slip.legs
            ),
        )

    def place(self, bets: Sequence[Sequence[Leg]]) -> Placed:
        """Place a batch. Raises RuntimeError when a slip was skipped."""
        data, _ = self.pack(bets, self.chain.timestamp_s())
        return self._placed(self.send(OPERATOR, self.sportsbook.functions.placeBatch(data)))

    def enforce(self, legs: Sequence[Leg]) -> Placed:
        """Place one slip by the house's receipt."""
        now_s = self.chain.timestamp_s()
        data, (slip,) = self.pack([legs], now_s)
        receipt = Receipt(slip.struct_hash(), now_s, (ODDS_E4,) * len(legs))
        signature = pair(sign(self.domain.digest(receipt.struct_hash()), private_key(HOUSE)))
        return self._placed(self.send(30, self.sportsbook.functions.enforce(data, signature)))

    def _placed(self, receipt: Any) -> Placed:
        (event,) = self.sportsbook.events.BatchPlaced().process_receipt(receipt)
        batch, skips = unpack_placed(bytes(event["args"]["data"]))
        if skips:
            raise RuntimeError(f"slips were skipped: {skips[:3]}")
        return Placed(event["args"]["batch"], batch, receipt["gasUsed"])

    def settle(self, *spans: tuple[Placed, int, int]) -> int:
        """Gas of settling runs (batch, first bet, number of bets) in one transaction."""
        runs = share_markets(
            prove_run(placed.number, placed.batch, first, bets) for placed, first, bets in spans
        )
        call = self.sportsbook.functions.settle(settle_arguments(runs))
        gas: int = self.send(30, call)["gasUsed"]
        return gas

    def settle_whole(self, placed: Placed) -> int:
        """Gas of settling a batch at once."""
        return self.settle((placed, 0, len(placed.batch.records)))

    def publish(self, names: Sequence[str]) -> int:
        """Gas of a sheet of results, 1:0 each, signed by three; then waits until they are final."""
        self.chain.set_clock(self.chain.timestamp_s() + 2 * DAY_S)
        self.chain.mine()
        now_s = self.chain.timestamp_s()
        results = [Result(fixture_id(name), 1, 1, 0, 1, 0, now_s) for name in names]
        keys = [private_key(index) for index in RESULT_KEYS]
        sheet = ResultSheet(FIRST_TERM, now_s + 3_600, tuple(results))
        signed = sign_sheet(sheet, keys, THRESHOLD, self.results_domain)
        signatures = [pair(signature) for signature in signed.signatures]
        words = [result.word() for result in results]
        call = self.results.functions.publish(words, sheet.term, sheet.deadline_s, signatures)
        gas: int = self.send(30, call)["gasUsed"]
        self.chain.set_clock(now_s + 3_600)
        self.chain.mine()
        return gas
