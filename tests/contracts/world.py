"""A deployed house with bettors who sign, for the tests of the contracts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from brownie import (
    Bankroll,
    LibraryHarness,
    Results,
    Sportsbook,
    TestToken,
    accounts,
    chain,
    web3,
)
from brownie.exceptions import VirtualMachineError
from eth_abi.abi import decode
from eth_account import Account
from eth_utils.crypto import keccak

from backend.slips.typed_data import (
    RESULTS_NAME,
    Domain,
    Leg,
    Receipt,
    Result,
    Slip,
    Withdrawal,
    compact,
    result_sheet_hash,
    sign,
)
from indexer.market_id import Kind, MarketId, Period, fixture_id, fixture_name_hash
from indexer.packed import (
    BetRecord,
    LegRecord,
    PlacedBatch,
    SlipEntry,
    Table,
    pack_batch,
    unpack_payouts,
    unpack_placed,
)
from indexer.range_proof import leaf, prove
from scripts.devnet.chain import CHAIN_ID, account_key

UNIT = 1_000_000
BANKROLL_MICRO = 1_000_000 * UNIT
DEPOSIT_MICRO = 1_000 * UNIT
RECEIPT_WINDOW_S, EXIT_DELAY_S, DISPUTE_WINDOW_S = 600, 1_200, 60
VOID_AFTER_S = 7 * 24 * 3_600
MAX_MICRO = 2**63 - 1
NAME = "Arsenal v Brentford, 2025-05-25"
EVEN_E4 = 20_000


@cache
def key(index: int) -> bytes:
    """Private key of a funded account."""
    return bytes.fromhex(account_key(index)[2:])


@contextmanager
def reverts(error: str, *values: Any) -> Iterator[None]:
    """Expects a revert with this custom error (`A|B`: with either), and these values when any are
    given."""
    try:
        yield
    except VirtualMachineError as caught:
        said = str(caught.revert_msg)
        name, _, rest = said.partition(": ")
        assert name in error.split("|"), f"reverted with {said!r}, not with {error}"
        if values:
            assert rest.lower() == ", ".join(map(str, values)).lower(), said
        return
    raise AssertionError(f"did not revert with {error}")


@dataclass(frozen=True)
class Bettor:
    """Somebody with an account; `key` signs, `address` owns."""

    account: int
    address: str
    key: bytes


@dataclass(frozen=True)
class Pick:
    """A leg with the odds that the house gives."""

    market: MarketId
    outcome: int
    odds_e4: int = EVEN_E4
    name: str = NAME


@dataclass(frozen=True)
class Signed:
    """A slip, the terms of its acceptance, and the bettor's signature."""

    slip: Slip
    picks: tuple[Pick, ...]
    accepted_at_s: int
    signature: bytes
    contract_signature: bool = False


class World:
    """Contracts with roles and money in them. Accounts 0 to 7 hold the roles of a deployment."""

    def __init__(self) -> None:
        self.owner, self.operator, self.house_signer, self.guardian = accounts[:4]
        self.arbiter = accounts[7]
        self.signer_keys = sorted((key(i) for i in (4, 5, 6)), key=_address)
        self.token = TestToken.deploy({"from": self.owner})
        self.results = Results.deploy(
            self.owner,
            DISPUTE_WINDOW_S,
            [_address(k) for k in self.signer_keys],
            2,
            {"from": self.owner},
        )
        self.sportsbook = Sportsbook.deploy(
            self.owner,
            self.token,
            self.results,
            RECEIPT_WINDOW_S,
            EXIT_DELAY_S,
            {"from": self.owner},
        )
        self.bankroll = Bankroll.deploy(self.token, self.sportsbook, {"from": self.owner})
        self.harness = LibraryHarness.deploy({"from": self.owner})
        by = {"from": self.owner}
        self.sportsbook.setBankroll(self.bankroll, by)
        self.sportsbook.setOperator(self.operator, True, by)
        self.sportsbook.setSigner(self.house_signer, True, by)
        self.sportsbook.setGuardian(self.guardian, by)
        self.results.setArbiter(self.arbiter, by)
        self.token.mint(self.owner, 10**6 * BANKROLL_MICRO, by)
        self.token.approve(self.sportsbook, 2**255, by)
        self.token.approve(self.bankroll, 2**255, by)
        self.bankroll.deposit(BANKROLL_MICRO, self.owner, by)

    # -- People

    def open_account(self, index: int, deposit_micro: int = DEPOSIT_MICRO) -> Bettor:
        """An account of a funded key, from 10 on; opened when it is not yet."""
        return self.open_for(_address(key(index)), key(index), deposit_micro)

    def open_for(self, address: str, key_: bytes, deposit_micro: int = DEPOSIT_MICRO) -> Bettor:
        self.sportsbook.depositFor(address, deposit_micro, {"from": self.owner})
        return Bettor(self.sportsbook.accountOf(address), address, key_)

    def stranger(self, number: int, deposit_micro: int = DEPOSIT_MICRO) -> Bettor:
        """A bettor who never sends a transaction."""
        key_ = keccak(text=f"stranger {number}")
        return self.open_for(_address(key_), key_, deposit_micro)

    def balance(self, bettor: Bettor) -> int:
        return self.sportsbook.accountAt(bettor.account)[1]

    # -- Time

    def now(self) -> int:
        """Time of a new block: what happens next happens at this second or soon after."""
        chain.mine()
        return chain[-1].timestamp

    def at(self, timestamp_s: int) -> None:
        """The next block carries this time, to the second where the node can promise that."""
        answer = web3.provider.make_request("evm_setNextBlockTimestamp", [timestamp_s])
        if "error" in answer:
            web3.provider.make_request("evm_setTime", [timestamp_s * 1000])

    def travel_to(self, timestamp_s: int) -> None:
        """A block of this time is mined; the clock goes on from there."""
        self.at(timestamp_s)
        chain.mine()
        assert chain[-1].timestamp >= timestamp_s

    # -- Slips

    @property
    def domain(self) -> Domain:
        return Domain(CHAIN_ID, self.sportsbook.address)

    @property
    def results_domain(self) -> Domain:
        return Domain(CHAIN_ID, self.results.address, RESULTS_NAME)

    def market(
        self,
        kind: Kind = Kind.MATCH_RESULT,
        line_q: int = 0,
        period: Period = Period.FULL_TIME,
        *,
        starts_at_s: int,
        in_play: bool = False,
        name: str = NAME,
    ) -> MarketId:
        return MarketId(fixture_id(name), starts_at_s, kind, period, line_q, in_play)

    def sign(
        self,
        bettor: Bettor,
        *picks: Pick,
        stake_micro: int = UNIT,
        accepted_at_s: int,
        nonce: int = 1,
        min_odds_e4: int = 10_001,
        deadline_s: int | None = None,
        key_: bytes | None = None,
        domain: Domain | None = None,
    ) -> Signed:
        """A slip that the bettor signed and the house accepted."""
        slip = Slip(
            account=bettor.account,
            stake_micro=stake_micro,
            min_odds_e4=min_odds_e4,
            nonce=nonce,
            deadline_s=accepted_at_s + 120 if deadline_s is None else deadline_s,
            legs=tuple(Leg(pick.name, pick.market, pick.outcome) for pick in picks),
        )
        digest = (domain or self.domain).digest(slip.struct_hash())
        signature = compact(sign(digest, key_ or bettor.key))
        return Signed(slip, picks, accepted_at_s, signature)

    def pack(self, *signed: Signed, base_s: int | None = None) -> bytes:
        """The argument of placeBatch."""
        base_s = min(s.accepted_at_s for s in signed) if base_s is None else base_s
        picks = [pick for s in signed for pick in s.picks]
        table = Table.build(base_s, [(fixture_name_hash(p.name), p.market) for p in picks])
        return pack_batch(table, [entry(s, table) for s in signed])

    def place(self, *signed: Signed, base_s: int | None = None) -> tuple[int, PlacedBatch]:
        """Place a batch; returns its number and what the event says."""
        return placed(
            self.sportsbook.placeBatch(self.pack(*signed, base_s=base_s), {"from": self.operator})
        )

    def receipt(self, signed: Signed, key_: bytes | None = None) -> bytes:
        """The house's signature on the acceptance."""
        odds = tuple(pick.odds_e4 for pick in signed.picks)
        receipt = Receipt(signed.slip.struct_hash(), signed.accepted_at_s, odds)
        return sign(self.domain.digest(receipt.struct_hash()), key_ or key(2))

    def countersign(
        self, bettor: Bettor, amount_micro: int, deadline_s: int, sequence: int, by: int = 2
    ) -> bytes:
        """The house's consent to a withdrawal."""
        withdrawal = Withdrawal(bettor.account, amount_micro, deadline_s, sequence)
        return sign(self.domain.digest(withdrawal.struct_hash()), key(by))

    # -- Results

    def sheet(self, results: Sequence[Result], keys: Sequence[bytes]) -> list[bytes]:
        digest = self.results_domain.digest(result_sheet_hash(results))
        return [sign(digest, key_) for key_ in keys]

    def publish(self, *results: Result) -> Any:
        signatures = self.sheet(results, self.signer_keys[:2])
        return self.results.publish(
            [row(result) for result in results], signatures, {"from": self.owner}
        )

    def publish_final(self, *results: Result) -> None:
        """Publish and wait until it is final."""
        published = self.publish(*results)
        self.travel_to(published.timestamp + DISPUTE_WINDOW_S)

    # -- Settling

    def settle(self, number: int, batch: PlacedBatch, first: int = 0, bets: int = 0) -> Any:
        return self.sportsbook.settle([run(number, batch, first, bets)], {"from": self.owner})

    def book(self) -> dict[str, int]:
        """pool_micro, open_stakes_micro, locked_micro, batch_count, paused."""
        names = ("pool_micro", "open_stakes_micro", "locked_micro", "batch_count", "paused")
        return dict(zip(names, self.sportsbook.book(), strict=True))


def entry(signed: Signed, table: Table) -> SlipEntry:
    """The slip as the batch call takes it."""
    ids = [table.market_id(i) for i in range(len(table.markets))]
    slip = signed.slip
    record = BetRecord(
        account=slip.account,
        nonce=slip.nonce,
        stake_micro=slip.stake_micro,
        accepted_after_s=signed.accepted_at_s - table.base_s,
        legs=tuple(LegRecord(ids.index(p.market), p.outcome, p.odds_e4) for p in signed.picks),
    )
    return SlipEntry(
        record,
        slip.min_odds_e4,
        slip.deadline_s - table.base_s,
        signed.signature,
        signed.contract_signature,
    )


def placed(transaction: Any) -> tuple[int, PlacedBatch]:
    event = transaction.events["BatchPlaced"]
    return event["batch"], unpack_placed(bytes(event["data"]))


def payouts(transaction: Any) -> dict[int, int]:
    """Payouts by bet of a transaction that settled one run."""
    # Read from the log: Brownie shows empty bytes as one zero.
    _, packed = decode(["uint256", "bytes"], bytes(transaction.logs[0]["data"]))
    return unpack_payouts(packed)


def settled_bets(transaction: Any) -> list[int]:
    bits = transaction.events["BatchSettled"]["settled"]
    return [i for i in range(256) if bits >> i & 1]


def run(number: int, batch: PlacedBatch, first: int = 0, bets: int = 0) -> tuple[Any, ...]:
    """A run as `settle` takes it; all bets from `first` on when `bets` is 0."""
    bets = bets or len(batch.record_bytes) - first
    records = b"".join(batch.record_bytes[first : first + bets])
    proof = prove([leaf(r) for r in batch.record_bytes], first, bets)
    return (number, first, batch.table_bytes, records, proof)


def score(
    home_full: int,
    away_full: int,
    settled_at_s: int,
    *,
    home_half: int = 0,
    away_half: int = 0,
    name: str = NAME,
    status: int = 1,
) -> Result:
    return Result(
        fixture_id(name), status, home_half, away_half, home_full, away_full, settled_at_s
    )


def row(result: Result) -> tuple[Any, ...]:
    """A result as the contract's struct."""
    return (
        result.fixture,
        result.status,
        result.home_half,
        result.away_half,
        result.home_full,
        result.away_full,
        result.settled_at_s,
    )


def with_signature(signed: Signed, signature: bytes, *, contract: bool = False) -> Signed:
    return replace(signed, signature=signature, contract_signature=contract)


def _address(key_: bytes) -> str:
    return str(Account.from_key(key_).address)
