"""Random slips and runs, valid and broken at the edges of every field, against the ledger's model.

place_batch
├── places and skips as the model says: each reason, in the order of the slips
├── leaves accounts, exposures, fixtures and book as the model has them
└── emits and commits to the bets that the model has
settle
├── settles and pays the bets of any runs as the model says, in one transaction or several
├── leaves accounts, exposures and book as the model has them
└── ends with an empty book

Nearly every slip that is placed, and every single bet that is won or lost, takes a way of its own
through the contract (PlainSlips, PlainBets, in hand-written assembly). The slips here differ from
such plain ones by one field or two, so that both ways see the same slips and must agree with one
model: nonces above and below the highest, keys and contract wallets, one leg and several, outcomes
with a place of their own and beyond, markets of all three modes, accounts excluded and not.
"""

import copy
import random
from dataclasses import dataclass, replace

import pytest
from brownie import network
from eth_abi.abi import decode
from eth_utils.crypto import keccak

from protocol.batch_call import SlipEntry, Table, pack_batch
from protocol.market_id import Kind, Period, fixture_name_hash
from protocol.placed_batch import PlacedBatch, SkipReason, unpack_payouts
from protocol.records import BetRecord, LegRecord
from protocol.signatures import compact, pair, sign
from protocol.typed_data import Leg, Slip
from tests.contracts.model import AccountModel, Model, ResultModel, SlipModel
from tests.contracts.oracle import Score
from tests.contracts.world import (
    BANKROLL_MICRO,
    DISPUTE_WINDOW_S,
    MAX_MICRO,
    NO_CAP,
    RECEIPT_WINDOW_S,
    UNIT,
    VOID_AFTER_S,
    Bettor,
    World,
    flipped,
    placed,
    reverts,
    run,
    score,
)

# Seconds from the first market's start back to the time that records count from.
BACK_S = 700
BATCHES = 3
RICH_MICRO = 10 * BANKROLL_MICRO
# (fixture, kind, line, period, in play)
MARKETS = (
    (0, Kind.MATCH_RESULT, 0, Period.FULL_TIME, False),
    (0, Kind.DOUBLE_CHANCE, 0, Period.FULL_TIME, False),
    (0, Kind.TOTAL_GOALS, 9, Period.FULL_TIME, False),
    (0, Kind.ASIAN_HANDICAP, -2, Period.FIRST_HALF, False),
    (0, Kind.MATCH_RESULT, 0, Period.FULL_TIME, True),
    (1, Kind.MATCH_RESULT, 0, Period.SECOND_HALF, False),
    (1, Kind.BOTH_TEAMS_TO_SCORE, 0, Period.FULL_TIME, True),
    (1, Kind.CORRECT_SCORE, 8, Period.FULL_TIME, False),
    (1, Kind.WINNING_MARGIN, 12, Period.FULL_TIME, False),
    (2, Kind.PROPOSITION, 0, Period.FULL_TIME, False),
    (2, Kind.PROPOSITION, 0, Period.FULL_TIME, True),
    (3, Kind.MATCH_RESULT, 0, Period.FULL_TIME, False),
    (3, Kind.TOTAL_GOALS, 10, Period.FULL_TIME, True),
)


def rounds():
    """Ganache runs the same code a hundred times slower."""
    return 1 if "ganache" in network.show_active() else 8


@dataclass
class Player:
    """A bettor, and how its account signs."""

    bettor: Bettor
    is_contract: bool = False


class House:
    """The contract and its model side by side."""

    def __init__(self, world, dice, seed):
        self.world, self.dice = world, dice
        self.match_names = [f"Home {seed}/{i} v Away {seed}/{i}, 2025-05-25" for i in range(4)]
        book = world.book()
        self.model = Model(book["pool_micro"], book["open_stakes_micro"], book["locked_micro"])
        self.players = {}
        for number in range(3):
            self._add(Player(world.stranger(100 * seed + number, 1_000 * UNIT)), 1_000 * UNIT)
        self._add(Player(world.stranger(100 * seed + 3, 1_000)), 1_000)
        self.rich = self._add(Player(world.stranger(100 * seed + 4, RICH_MICRO)), RICH_MICRO)
        key_ = keccak(text=f"wallet {seed}")
        _, bettor = world.open_wallet(key_, 1_000 * UNIT)
        self._add(Player(bettor, is_contract=True), 1_000 * UNIT)
        self.excluded = self._add(
            Player(world.stranger(100 * seed + 5, 1_000 * UNIT)), 1_000 * UNIT
        )
        self.starts_at_s = world.now() + 5_000
        self.market_ids = sorted(
            (self._market(*terms) for terms in MARKETS), key=lambda market: market.pack()
        )
        self.names = {self._market(*terms).fixture: self.match_names[terms[0]] for terms in MARKETS}
        self.placed = {}

    def _add(self, player, balance):
        self.players[player.bettor.account] = player
        self.model.accounts[player.bettor.account] = AccountModel(balance)
        return player

    def _market(self, fixture, kind, line_q, period, in_play):
        # The last fixture has begun when the first batch is placed.
        starts_at_s = self.starts_at_s if fixture < 3 else self.starts_at_s - 4_300
        return self.world.market(
            kind,
            line_q,
            period,
            starts_at_s=starts_at_s,
            in_play=in_play,
            name=self.match_names[fixture],
        )

    def exclude(self, from_s, seconds):
        self.world.at(from_s)
        self.world.exclude(self.excluded.bettor, from_s + seconds)
        account = self.model.accounts[self.excluded.bettor.account]
        account.excluded_from_s, account.excluded_until_s = self.world.sportsbook.exclusionOf(
            self.excluded.bettor.account
        )

    def set_caps(self, market, fixture):
        self.world.sportsbook.setCaps(market, fixture, {"from": self.world.owner})
        self.model.market_cap, self.model.fixture_cap = market, fixture

    # -- Placing

    def place(self, base_s, now_s, count):
        """Make slips up one after the other, each knowing what those before will have changed;
        then place them all and compare."""
        draft = copy.deepcopy(self.model)
        table = Table.build(
            base_s, [(fixture_name_hash(self.names[m.fixture]), m) for m in self.market_ids]
        )
        room = max(0, draft.pool - draft.open_stakes)
        entries, slips = [], []
        for number in range(count):
            # What fills the room of the house comes late, or nothing else would find any.
            is_late = number > count * 3 // 4
            entry, slip = self._draw(draft, table, now_s, room, is_late)
            entries.append(entry)
            slips.append(slip)
            held = draft.pool, draft.open_stakes
            draft.place(0, self.market_ids, base_s, [slip], now_s)
            # The room of a batch is that at its beginning.
            draft.pool, draft.open_stakes = held
        self.world.at(now_s)
        tx = self.world.sportsbook.placeBatch(
            pack_batch(table, entries), {"from": self.world.operator}
        )
        number, batch, skips = placed(tx)
        records, expected = self.model.place(number, self.market_ids, base_s, slips, tx.timestamp)
        assert list(skips) == expected
        assert batch == PlacedBatch(
            base_s, tuple(m.pack() for m in self.market_ids), tuple(records)
        )
        if records:
            assert bytes(self.world.sportsbook.batches(number)) == batch.commitment
            self.placed[number] = batch
        self.compare()
        return records, expected

    def _draw(self, draft, table, now_s, room, is_late):
        dice = self.dice
        account = dice.choice(list(self.players))
        edges = 0 if dice.random() < 0.4 else 1 if dice.random() < 0.8 else 2
        edge = set(dice.sample(EDGES, edges))
        if is_late and dice.random() < 0.3:
            edge = {"risk"}
        if "risk" in edge:
            account = self.rich.bettor.account
        held = draft.accounts[account]
        legs = 1 if dice.random() < 0.75 else dice.choice((2, 3, 12))
        if "legs" in edge:
            legs = dice.choice((0, 1, 12, 13, 255))
        accepted_s = now_s - dice.choice((0, 1, 5, RECEIPT_WINDOW_S - 1, RECEIPT_WINDOW_S))
        if "accepted" in edge:
            accepted_s = dice.choice(
                (
                    now_s + 1,
                    now_s + 600,
                    now_s - RECEIPT_WINDOW_S - 1,
                    table.base_s,
                    self.starts_at_s - 4_300,
                    self.starts_at_s - 4_301,
                    self.model.accounts[self.excluded.bettor.account].excluded_from_s - 1,
                    self.model.accounts[self.excluded.bettor.account].excluded_from_s,
                    self.model.accounts[self.excluded.bettor.account].excluded_until_s - 1,
                    self.model.accounts[self.excluded.bettor.account].excluded_until_s,
                )
            )
            account = dice.choice((account, self.excluded.bettor.account))
            held = draft.accounts[account]
        after_s = max(0, min(2**16 - 1, accepted_s - table.base_s))
        deadline_s = after_s + 120
        if "deadline" in edge:
            deadline_s = dice.choice((after_s, max(0, after_s - 1), 0, 2**16 - 1))
        stake = dice.randint(1, 50)
        if "stake" in edge:
            stake = dice.choice(
                (0, 1, held.balance, held.balance + 1, MAX_MICRO, MAX_MICRO + 1, 2**64 - 1)
            )
        nonce = held.nonce + dice.choice((1, 1, 1, 2, 7, 8, 9, 10, 300))
        if "nonce" in edge:
            near = held.nonce - dice.randint(0, 10)
            nonce = dice.choice((0, max(0, near), max(0, near), held.nonce, 2**24 - 1))
            # Once only: no slip could follow.
            if nonce == 2**24 - 1 and dice.random() < 0.7:
                nonce = held.nonce + 1
        nonce = min(nonce, 2**24 - 1)
        record = BetRecord(
            account, nonce, stake, after_s, tuple(self._leg(edge, table) for _ in range(legs))
        )
        if "risk" in edge and record.legs:
            record = self._at_the_edge_of_risk(draft, record, room)
        if "account" in edge:
            record = replace(record, account=dice.choice((0, max(self.players) + 1, 2**32 - 1)))
        odds, one = 1, 1
        for leg in record.legs:
            odds, one = odds * leg.odds_e4, one * 10_000
        floor = min(2**40 - 2, odds * 10_000 // one)
        min_odds_e4 = floor if dice.random() < 0.3 else 0
        if "min_odds" in edge:
            min_odds_e4 = dice.choice((floor, floor + 1, 0, 2**40 - 1))
        return self._signed(edge, table, record, min_odds_e4, deadline_s)

    def _leg(self, edge, table):
        dice = self.dice
        # Bets of the match that has begun are for the edges of time.
        index = dice.randrange(len(self.market_ids))
        outcome = dice.randrange(len(self.market_ids[index].outcomes))
        odds_e4 = dice.randint(10_001, 60_000)
        if "market" in edge:
            index = dice.choice((index, len(self.market_ids), 255))
        if "outcome" in edge:
            known = self.market_ids[index] if index < len(self.market_ids) else None
            count = len(known.outcomes) if known else 3
            outcome = dice.choice((0, count - 1, count, 2, 3, 4, 255))
        if "odds" in edge:
            odds_e4 = dice.choice((0, 1, 9_999, 10_000, 10_001, 2**32 - 1))
        return LegRecord(index, outcome, odds_e4)

    def _at_the_edge_of_risk(self, draft, record, room):
        """The largest stake that the house can bear, or one more."""
        if (
            any(leg.market >= len(self.market_ids) or leg.odds_e4 <= 10_000 for leg in record.legs)
            or not 0 < len(record.legs) <= 12
        ):
            return record

        def fits(stake):
            tried = replace(record, stake_micro=stake)
            return draft._refused_risk(tried, self.market_ids, room) is None

        low, high = 0, draft.accounts[record.account].balance
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if fits(middle) else (low, middle - 1)
        return replace(record, stake_micro=low + self.dice.choice((0, 1)))

    def _signed(self, edge, table, record, min_odds_e4, deadline_s):
        dice = self.dice
        player = self.players.get(record.account)
        domain = self.world.domain
        key_ = player.bettor.key if player else keccak(text="nobody")
        is_contract = player is not None and player.is_contract
        flaw = dice.choice(FLAWS) if "signature" in edge else None
        if flaw == "key":
            key_ = keccak(text="somebody else")
        if flaw == "chain":
            domain = replace(domain, chain_id=1)
        if flaw == "contract":
            domain = replace(domain, contract=self.world.results.address)
        digest = domain.digest(self._struct_hash(record, table, min_odds_e4, deadline_s))
        whole = sign(digest, key_)
        if flaw == "flipped":
            r, vs = flipped(pair(whole))
            short = r + vs
            whole = whole[:64] + bytes((55 - whole[64],))
        else:
            short = compact(whole)
        if flaw == "zeros":
            short, whole = bytes(64), bytes(65)
        if flaw == "ones":
            short, whole = b"\xff" * 64, b"\xff" * 65
        announced = not is_contract if flaw == "form" else is_contract
        entry = SlipEntry(record, min_odds_e4, deadline_s, whole if announced else short, announced)
        return entry, SlipModel(record, min_odds_e4, deadline_s, flaw is None)

    def _struct_hash(self, record, table, min_odds_e4, deadline_s):
        try:
            legs = tuple(
                Leg(
                    self.names[self.market_ids[leg.market].fixture],
                    self.market_ids[leg.market],
                    leg.outcome,
                )
                for leg in record.legs
            )
        except (IndexError, ValueError):
            legs = ()
        return Slip(
            record.account,
            record.stake_micro,
            min_odds_e4,
            record.nonce,
            table.base_s + deadline_s,
            legs,
        ).struct_hash()

    # -- Settling

    def publish(self, *results):
        published = self.world.publish(*results).timestamp
        for result in results:
            goals = (result.home_half, result.away_half, result.home_full, result.away_full)
            self.model.results[result.fixture] = ResultModel(
                result.status,
                Score(*goals),
                result.settled_at_s,
                published,
                published + DISPUTE_WINDOW_S,
            )
        self.world.travel_to(published + DISPUTE_WINDOW_S)

    def settle(self, *runs):
        """Settle runs (batch, first, bets) in one transaction."""
        made = [run(n, self.placed[n], first, bets) for n, first, bets in runs]
        draft = copy.deepcopy(self.model)
        now_s = self.world.now()
        if not sum(draft.settle(*one, now_s)[0] for one in runs):
            with reverts("NothingToSettle"):
                self.world.sportsbook.settle(made, {"from": self.world.owner})
            return
        tx = self.world.sportsbook.settle(made, {"from": self.world.owner})
        expected = [(one[0], *self.model.settle(*one, tx.timestamp)) for one in runs]
        found = []
        for log in tx.logs:
            settled, packed = decode(["uint256", "bytes"], bytes(log["data"]))
            number = int.from_bytes(bytes(log["topics"][1]), "big")
            found.append((number, settled, unpack_payouts(packed)))
        assert found == [one for one in expected if one[1]]
        self.compare()

    # -- Comparing

    def compare(self):
        world, model = self.world, self.model
        book = world.book()
        assert (book["pool_micro"], book["open_stakes_micro"], book["locked_micro"]) == (
            model.pool,
            model.open_stakes,
            model.locked,
        )
        for account, held in model.accounts.items():
            owner = self.players[account].bettor.address
            found = world.sportsbook.accountAt(account)
            assert found == (owner, held.balance, held.nonce, held.window, 0)
        for market in self.market_ids:
            *payouts, stakes = model.exposures.get(market, (0, 0, 0, 0))
            found = world.sportsbook.exposureOf(int.from_bytes(market.pack(), "big"))
            assert found == (tuple(payouts), stakes)
        for fixture in self.names:
            assert world.sportsbook.lockedOf(fixture) == model.fixtures.get(fixture, 0)


EDGES = (
    "account",
    "nonce",
    "stake",
    "accepted",
    "deadline",
    "legs",
    "market",
    "outcome",
    "odds",
    "min_odds",
    "signature",
)
FLAWS = ("key", "chain", "contract", "flipped", "zeros", "ones", "form")


def play(world, seed, batches=BATCHES, slips=60):
    """A house with random batches in it; returns it and what became of the slips."""
    dice = random.Random(seed)
    house = House(world, dice, seed)
    counts = {}
    caps = [(40_000, NO_CAP), (NO_CAP, 60_000), (NO_CAP, NO_CAP)]
    for number in range(batches):
        now_s = house.starts_at_s - 4_300 + 200 + 100 * number
        if number == 0:
            house.exclude(now_s - 60, 50)
        house.set_caps(*caps[number % 3])
        records, skips = house.place(now_s - BACK_S, now_s, slips)
        counts[None] = counts.get(None, 0) + len(records)
        for skip in skips:
            counts[skip.reason] = counts.get(skip.reason, 0) + 1
    return house, counts


def test_place_batch_equals_model(world):
    """Every reason occurs, and many slips are placed."""
    total = {}
    for seed in range(rounds()):
        _, counts = play(world if seed == 0 else World(), seed)
        for reason, count in counts.items():
            total[reason] = total.get(reason, 0) + count
    assert total[None] > 60 * rounds()
    if rounds() > 1:
        assert set(total) == {None, *SkipReason}


RESULTS = (
    (1, (1, 0, 2, 1)),
    (1, (0, 0, 0, 0)),
    (3, (1, 1, 1, 1)),
    (4, (1, 0, 2, 2)),
    (2, (0, 0, 0, 0)),
    (5, (1, 0, 3, 0)),
    (5, (1, 1, 2, 0)),
    (5, (1, 0, 1, 0)),
)


@pytest.mark.parametrize("seed", range(6))
def test_settle_equals_model(world, seed):
    """Fixture by fixture, runs that overlap, come twice, or come too early."""
    if seed >= rounds():
        pytest.skip("the same code on both chains")
    house, _ = play(world, 1_000 + seed)
    dice = house.dice
    fixtures = list(house.names)
    dice.shuffle(fixtures)
    world.travel_to(house.starts_at_s + 8_000)
    for fixture in fixtures[:-1]:
        status, (home_half, away_half, home, away) = dice.choice(RESULTS)
        if house.names[fixture] == house.match_names[2]:
            status, (home_half, away_half, home, away) = dice.choice(RESULTS[5:])
        # Bets count up to a time between those at which bets in play were accepted.
        settled_at_s = dice.choice((house.starts_at_s - 4_050, house.starts_at_s + 7_000))
        house.publish(
            score(
                home,
                away,
                settled_at_s,
                home_half=home_half,
                away_half=away_half,
                name=house.names[fixture],
                status=status,
            )
        )
        for _ in range(3):
            house.settle(*random_runs(dice, house))
    house.settle(*[(n, 0, len(batch.records)) for n, batch in house.placed.items()])
    world.travel_to(house.starts_at_s + VOID_AFTER_S + 1)
    house.settle(*[(n, 0, len(batch.records)) for n, batch in house.placed.items()])
    assert (house.model.open_stakes, house.model.locked) == (0, 0)
    for number in house.placed:
        assert int(str(world.sportsbook.batches(number)), 16) == 0
        assert world.sportsbook.settledBits(number) == 0


def random_runs(dice, house):
    runs = []
    for _ in range(dice.randint(1, 4)):
        number = dice.choice(list(house.placed))
        width = len(house.placed[number].records)
        first = dice.randrange(width)
        bets = dice.randint(1, width - first)
        if dice.random() < 0.2:
            first, bets = 0, width
        runs.append((number, first, bets))
    return runs
