"""A house that plays everything the contracts can emit, on a real chain, without a backend."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from eth_account import Account

from indexer.decode.batch_reader import with_stake
from protocol.batch_call import SlipEntry, Table, pack_batch, table_length
from protocol.market_id import Kind, MarketId, fixture_id, fixture_name_hash
from protocol.outcomes import ResultStatus
from protocol.placed_batch import PlacedBatch, unpack_batch, unpack_placed
from protocol.records import BetRecord, LegRecord
from protocol.signatures import compact, pair, sign
from protocol.typed_data import CashOut, Leg, Quote, Result, Slip, Withdrawal, result_sheet_hash
from tests.support.sportsbook import HOUSE, OPERATOR, OWNER, RESULT_SIGNERS, Bettor, Book
from tests.support.terms import DISPUTE_WINDOW_S, EXIT_DELAY_S, NOTICE_S, UNIT

ODDS_E4 = 20_000


@dataclass(frozen=True)
class Pick:
    """An outcome of a market on a fixture."""

    name: str
    market: MarketId
    outcome: int
    odds_e4: int = ODDS_E4


@dataclass(frozen=True)
class Wanted:
    """A slip that somebody wants placed; a `nonce` of 0 is the next one."""

    bettor: Bettor
    picks: tuple[Pick, ...]
    stake_micro: int = UNIT
    nonce: int = 0
    signer: bytes = b""


def market(
    name: str, starts_at_s: int, kind: Kind = Kind.MATCH_RESULT, line_q: int = 0
) -> MarketId:
    return MarketId(fixture_id(name), starts_at_s, kind, line_q=line_q)


@dataclass
class House:
    """Operator, arbiter, result signers and owner in one."""

    book: Book
    batches: dict[int, PlacedBatch] = field(default_factory=dict)

    def place(self, *wanted: Wanted) -> int:
        """Place slips in one batch; returns its number."""
        batch = self._batch(wanted)
        receipt = self._send(OPERATOR, "Sportsbook", "placeBatch", batch)
        return self._placed(receipt)

    def place_with_junk_market(self, wanted: Wanted) -> int:
        """Place a slip in a batch whose table also lists a market of a kind that is none."""
        batch = self._batch((wanted,))
        end = table_length(batch)
        data = bytearray(batch[:end])
        fixtures_end = 6 + 37 * data[5]
        data[fixtures_end] += 1
        data += bytes((0, 200, 9, 0, 0, 7))
        receipt = self._send(OPERATOR, "Sportsbook", "placeBatch", bytes(data) + batch[end:])
        return int(self._event(receipt, "BatchPlaced")["args"]["batch"])

    def settle(self, *runs: tuple[int, int, int]) -> None:
        """Settle runs (batch, first bet, bets) in one transaction."""
        self._send(OPERATOR, "Sportsbook", "settle", [self._run(*run) for run in runs])

    def publish(self, *results: Result) -> None:
        digest = self.book.deployment.result_domain.digest(result_sheet_hash(results))
        keys = sorted(RESULT_SIGNERS, key=lambda k: int(Account.from_key(k).address, 16))
        words = [result.word() for result in results]
        self._send(OWNER, "Results", "publish", words, [pair(sign(digest, key)) for key in keys])

    def rule(self, result: Result) -> None:
        self._send(OWNER, "Results", "rule", result.word())

    def cash_out(self, bettor: Bettor, batch: int, bet: int, stake: int, price: int) -> int:
        """End a bet, or the part of it that staked `stake`; the batch of what is left, or 0."""
        deadline_s = self.book.now_s() + 600
        offer = CashOut(bettor.account, batch, bet, stake, price, deadline_s)
        digest = self.book.deployment.slip_domain.digest(offer.struct_hash())
        house, own = sign(digest, HOUSE), compact(sign(digest, bettor.key))
        receipt = self._send(
            *(OPERATOR, "Sportsbook", "cashOut", self._run(batch, bet, 1)),
            *((stake, price, deadline_s), pair(house), own),
        )
        said = self._event(receipt, "CashedOut")["args"]
        if said["next"]:
            self.batches[said["next"]] = unpack_batch(
                said["markets"], with_stake(said["record"], said["rest"])
            )
        return int(said["next"])

    def place_quoted(self, bettor: Bettor, pick: Pick, stake_micro: int) -> int:
        """A bettor places a bet at odds that the house quoted to anyone."""
        self._fund(bettor)
        bettor.nonce += 1
        deadline_s = self.book.now_s() + 600
        legs = (Leg(pick.name, pick.market, pick.outcome),)
        quote = Quote(0, 0, 10 * stake_micro, deadline_s, (pick.odds_e4,), legs)
        digest = self.book.deployment.slip_domain.digest(quote.struct_hash())
        table = Table.build(0, [(fixture_name_hash(pick.name), pick.market)])
        record = BetRecord(
            *(bettor.account, bettor.nonce, stake_micro, 0),
            (LegRecord(0, pick.outcome, pick.odds_e4),),
        )
        unsigned = pack_batch(table, [SlipEntry(record, 10_001, 2**16 - 1, bytes(64))])[:-64]
        terms = (0, 0, 10 * stake_micro, deadline_s)
        signature = pair(sign(digest, HOUSE))
        receipt = self._send(*(bettor.key, "Sportsbook", "placeQuoted", unsigned, terms, signature))
        return self._placed(receipt)

    def exclude(self, bettor: Bettor, seconds: int) -> None:
        self._fund(bettor)
        until_s = self.book.now_s() + seconds
        self._send(bettor.key, "Sportsbook", "excludeSelf", until_s)

    def final(self) -> None:
        self.book.travel(DISPUTE_WINDOW_S + 1)

    def withdraw(self, bettor: Bettor, amount_micro: int) -> None:
        sequence = self.book.call("Sportsbook", "accountAt", bettor.account)[4]
        deadline = self.book.now_s() + 600
        wanted = Withdrawal(bettor.account, amount_micro, deadline, sequence)
        digest = self.book.deployment.slip_domain.digest(wanted.struct_hash())
        self._fund(bettor)
        self._send(
            bettor.key,
            *("Sportsbook", "withdrawGranted"),
            pair(sign(digest, HOUSE)),
            wanted.word(),
        )

    def request_exit(self, bettor: Bettor, amount_micro: int) -> None:
        self._fund(bettor)
        self._send(bettor.key, "Sportsbook", "requestExit", amount_micro)

    def exit(self, bettor: Bettor) -> None:
        self.book.travel(EXIT_DELAY_S + 1)
        self._send(bettor.key, "Sportsbook", "exit")

    def own(self, contract: str, function: str, *arguments: Any) -> None:
        """A call that only the owner may make."""
        self._send(OWNER, contract, function, *arguments)

    def play(self) -> None:
        """A short season in which every kind of event happens at least once."""
        owner = Account.from_key(OWNER).address
        council = ([Account.from_key(k).address for k in RESULT_SIGNERS], 2, owner)
        self.own("Results", "propose", council)
        self.book.travel(NOTICE_S + 1)
        self.own("Results", "appoint", council)
        self.own("Sportsbook", "setGuardian", owner)
        self.own("Sportsbook", "setCaps", 500_000 * UNIT, 2**64 - 1)
        self.own("Sportsbook", "transferOwnership", owner)
        self.own("Sportsbook", "acceptOwnership")
        self.own("Bankroll", "withdraw", 1_000 * UNIT, owner, owner)
        self.own("Bankroll", "transfer", Account.from_key(OPERATOR).address, UNIT)
        self.own("Bankroll", "approve", Account.from_key(OPERATOR).address, 2**256 - 1)
        ann, bob, cy = (self.book.open_account() for _ in range(3))
        self.own("Sportsbook", "depositFor", ann.address, 5 * UNIT)
        start_s = self.book.now_s() + 2_000
        first, second = "Home v Away, 2025-05-25", "Left v Right, 2025-05-25"
        home = Pick(first, market(first, start_s), 0)
        double = Pick(first, market(first, start_s, Kind.DOUBLE_CHANCE), 1, 13_000)
        quarter = Pick(first, market(first, start_s, Kind.ASIAN_HANDICAP, -1), 0, 19_500)
        over = Pick(second, market(second, start_s, Kind.TOTAL_GOALS, 10), 0, 18_000)
        one = self.place(
            Wanted(ann, (home,)),
            Wanted(bob, (Pick(first, home.market, 2, 31_000),), 3 * UNIT),
            Wanted(cy, (home, over), 2 * UNIT),
            Wanted(cy, (quarter,)),
            Wanted(ann, (double,), 7 * UNIT + 1),
            Wanted(bob, (home,), 10_000 * UNIT),
            Wanted(cy, (over,), signer=OWNER),
        )
        either = Pick(first, double.market, 0, 12_000)
        neither = Pick(first, double.market, 2, 21_000)
        # Both bets on the double chance stay open: what they lock is not the worse of them alone.
        two = self.place(
            Wanted(bob, (either,), nonce=12),
            Wanted(bob, (over,), nonce=10),
            Wanted(bob, (neither,), nonce=11),
        )
        three = self.place(Wanted(ann, (home,), 10**12))
        assert not self.batches[three].records
        self.place_with_junk_market(Wanted(ann, (over,)))
        self.own("Sportsbook", "pausePlacing", True)
        self.own("Sportsbook", "pausePlacing", False)
        score = Pick(second, market(second, start_s, Kind.CORRECT_SCORE, 12), 17, 80_000)
        quoted = self.place_quoted(bob, score, 2 * UNIT)
        rest = self.cash_out(bob, quoted, 0, UNIT // 2, UNIT // 3)
        self.cash_out(cy, one, 3, UNIT, UNIT // 2)
        self.exclude(cy, 3_600)
        self.exclude(cy, 7_200)
        self.own("Sportsbook", "pausePlacing", True)
        self.request_exit(ann, 100 * UNIT)
        self.request_exit(ann, 20 * UNIT)
        self.request_exit(cy, 2**64 - 1)
        self.own("Sportsbook", "setSigner", Account.from_key(OWNER).address, True)
        self.own("Sportsbook", "setSigner", Account.from_key(OWNER).address, False)
        self.withdraw(bob, 50 * UNIT)
        self.book.travel(3_000)
        over_s = start_s
        played, void = ResultStatus.PLAYED, ResultStatus.VOID
        self.publish(Result(fixture_id(first), played, 0, 0, 1, 0, over_s))
        self.own("Results", "dispute", fixture_id(first))
        self.rule(Result(fixture_id(first), played, 1, 0, 2, 1, over_s))
        self.final()
        self.settle((one, 0, 2))
        self.settle((one, 2, 3))
        third = fixture_id("North v South, 2025-05-25")
        self.publish(
            Result(fixture_id(second), void, 0, 0, 0, 0, over_s),
            Result(third, played, 0, 0, 0, 0, over_s),
        )
        self.own("Results", "dispute", third)
        self.rule(Result(third, played, 0, 0, 0, 0, over_s))
        self.own("Results", "dispute", third)
        for _ in range(3):
            self.final()
        self.own("Results", "closeDispute", third)
        self.settle((one, 0, 5))
        self.settle((two, 1, 1))
        self.settle((rest, 0, 1))
        self.own("Bankroll", "takeCommission")
        self.exit(ann)
        self.request_exit(bob, 5 * UNIT)
        self.request_exit(bob, 0)
        self.own("Sportsbook", "pausePlacing", False)

    def _fund(self, bettor: Bettor) -> None:
        """Give a bettor what a transaction costs."""
        method = "anvil_setBalance" if self.book.node.kind == "anvil" else "evm_setAccountBalance"
        self.book.node.rpc(method, bettor.address, hex(10**20))

    def _batch(self, wanted: tuple[Wanted, ...]) -> bytes:
        base_s = self.book.now_s()
        pairs = {(fixture_name_hash(p.name), p.market) for w in wanted for p in w.picks}
        table = Table.build(base_s, pairs)
        indexes = {table.market_id(i).pack(): i for i in range(len(table.markets))}
        return pack_batch(table, [self._entry(w, indexes, base_s) for w in wanted])

    def _entry(self, wanted: Wanted, indexes: dict[bytes, int], base_s: int) -> SlipEntry:
        bettor = wanted.bettor
        nonce = wanted.nonce or bettor.nonce + 1
        bettor.nonce = max(bettor.nonce, nonce)
        legs = tuple(Leg(p.name, p.market, p.outcome) for p in wanted.picks)
        slip = Slip(bettor.account, wanted.stake_micro, 10_001, nonce, base_s + 120, legs)
        digest = self.book.deployment.slip_domain.digest(slip.struct_hash())
        record = BetRecord(
            *(bettor.account, nonce, wanted.stake_micro, 0),
            tuple(LegRecord(indexes[p.market.pack()], p.outcome, p.odds_e4) for p in wanted.picks),
        )
        signature = compact(sign(digest, wanted.signer or bettor.key))
        return SlipEntry(record, 10_001, 120, signature)

    def _placed(self, receipt: Any) -> int:
        arguments = self._event(receipt, "BatchPlaced")["args"]
        placed = unpack_placed(arguments["data"])
        number = int(arguments["batch"])
        self.batches[number], _ = placed
        return number

    def _run(self, batch: int, first: int, bets: int) -> tuple[Any, ...]:
        part = self.batches[batch].part(first, bets)
        return batch, first, part.markets, part.records, list(part.proof)

    def _event(self, receipt: Any, name: str) -> Any:
        return self.book.contracts["Sportsbook"].events[name]().process_receipt(receipt)[0]

    def _send(self, sender: bytes, contract: str, function: str, *arguments: Any) -> Any:
        call = getattr(self.book.contracts[contract].functions, function)(*arguments)
        return self.book.transact(sender, call)
