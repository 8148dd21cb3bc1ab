"""Draws random slips, valid and broken at the edges of every field."""

from dataclasses import dataclass, replace

from eth_utils.crypto import keccak

from protocol.batch_call import SlipEntry
from protocol.limits import ODDS_ONE_E4
from protocol.market_id import Kind, Period
from protocol.payout import odds_product
from protocol.records import BetRecord, LegRecord
from protocol.signatures import compact, pair, sign
from protocol.typed_data import Leg, Slip
from tests.contracts.model import Model
from tests.contracts.model_values import KeyModel, SlipModel
from tests.contracts.restrictions import AccountModel
from tests.support.deployment import Limits
from tests.support.people import Bettor
from tests.support.signing import flipped
from tests.support.slips import make_market
from tests.support.terms import (
    BANKROLL_MICRO,
    BATCH_WINDOW_S,
    MAX_MICRO,
    NO_CAP,
    RECEIPT_WINDOW_S,
    UNIT,
)

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
    # For accumulators of twelve legs, which are on as many fixtures.
    *((fixture, Kind.MATCH_RESULT, 0, Period.FULL_TIME, False) for fixture in range(4, 13)),
)
FIXTURES = 13
# From the start of the fixture that has begun, which is before the first batch, to that of the
# others; and from that start to each batch. Between batches a notice is over.
LEAD_S = 14_000
FIRST_S, EVERY_S = 60, 4_000


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


@dataclass
class Player:
    """A bettor, and how its account signs."""

    bettor: Bettor
    is_contract: bool = False


class Draw:
    """The people and markets of a house with a model beside it, and random slips for them."""

    def __init__(self, world, dice, seed):
        self.world, self.dice = world, dice
        self.match_names = [
            f"Home {seed}/{i} v Away {seed}/{i}, 2025-05-25" for i in range(FIXTURES)
        ]
        self.model = Model(world.book()["pool_micro"])
        self.operator = KeyModel(NO_CAP)
        self.players = {}
        for number in range(3):
            self._add(Player(world.stranger(100 * seed + number, 1_000 * UNIT)), 1_000 * UNIT)
        self._add(Player(world.stranger(100 * seed + 3, 1_000)), 1_000)
        self.rich = self._add(Player(world.stranger(100 * seed + 4, RICH_MICRO)), RICH_MICRO)
        key_ = keccak(text=f"wallet {seed}")
        _, bettor = world.open_wallet(key_, 1_000 * UNIT)
        self._add(Player(bettor, is_contract=True), 1_000 * UNIT)
        # One whose exclusion is just over, one who is excluded, and one who has cancelled nonces.
        self.was_excluded, self.excluded, self.canceller = (
            self._add(Player(world.stranger(100 * seed + number, 1_000 * UNIT)), 1_000 * UNIT)
            for number in (5, 6, 7)
        )
        self.begun_at_s = world.now() + 6_000
        self.starts_at_s = self.begun_at_s + LEAD_S
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
        starts_at_s = self.begun_at_s if fixture == 3 else self.starts_at_s
        return make_market(
            kind,
            line_q,
            period,
            starts_at_s=starts_at_s,
            in_play=in_play,
            name=self.match_names[fixture],
        )

    def restrict(self, now_s):
        """Before a batch of this time: an exclusion ends within its window, another one begins, and
        nonces are cancelled."""
        for player, from_s in (
            (self.was_excluded, now_s - RECEIPT_WINDOW_S - 40),
            (self.excluded, now_s - 60),
        ):
            self.world.sender(player.bettor)
            self.world.at(from_s)
            self.world.exclude(player.bettor, from_s + RECEIPT_WINDOW_S)
            account = self.model.accounts[player.bettor.account]
            assert account.exclude(from_s + RECEIPT_WINDOW_S, from_s) is None
        by = self.world.sender(self.canceller.bettor)
        self.world.at(now_s - 30)
        self.world.sportsbook.cancelNonces(5, by)
        account = self.model.accounts[self.canceller.bettor.account]
        assert account.cancel(5, now_s - 30) is None

    def set_limits(self, **limits):
        self.world.set_limits(**limits)
        self.model.limits = Limits(**limits)

    # -- Slips

    def _draw(self, draft, table, now_s, capacity, is_late):
        dice = self.dice
        everybody = list(self.players)
        if dice.random() < 0.8:
            everybody = [one for one in everybody if one not in self._restricted()]
        account = dice.choice(everybody)
        edges = 0 if dice.random() < 0.4 else 1 if dice.random() < 0.8 else 2
        edge = set(dice.sample(EDGES, edges))
        if is_late and dice.random() < 0.3:
            edge = {"risk"}
        if "risk" in edge:
            account = self.rich.bettor.account
        legs = 1 if dice.random() < 0.75 else dice.choice((2, 3, 12))
        if "legs" in edge:
            legs = dice.choice((0, 1, 2, 12, 13, 255))
        accepted_s = now_s - dice.choice((0, 1, 5, BATCH_WINDOW_S - 1, BATCH_WINDOW_S))
        if "accepted" in edge:
            accepted_s = self._acceptance_at_an_edge(table, now_s)
            account = dice.choice((account, *self._restricted()))
        held = draft.accounts[account]
        after_s = max(0, min(2**16 - 1, accepted_s - table.base_s))
        deadline_s = after_s + 120
        if "deadline" in edge:
            deadline_s = dice.choice((after_s, max(0, after_s - 1), 0, 2**16 - 1))
        stake = self._stake(edge, held)
        nonce = self._nonce(edge, held)
        record = BetRecord(account, nonce, stake, after_s, self._legs(edge, legs))
        if "risk" in edge and record.legs:
            record = self._at_the_edge_of_risk(draft, record, capacity)
        if "account" in edge:
            record = replace(record, account=dice.choice((0, max(self.players) + 1, 2**32 - 1)))
        return self._signed(edge, table, record, self._min_odds_e4(edge, record), deadline_s)

    def _acceptance_at_an_edge(self, table, now_s):
        restricted = [self.model.accounts[number] for number in self._restricted()]
        edges = [
            now_s + 1,
            now_s + 600,
            now_s - BATCH_WINDOW_S - 1,
            table.base_s,
            self.begun_at_s,
        ]
        for account in restricted:
            edges += [account.excluded_from_s, account.excluded_until_s, account.cancelled_at_s]
        return max(0, self.dice.choice(edges) - self.dice.choice((0, 1)))

    def _restricted(self):
        players = (self.was_excluded, self.excluded, self.canceller)
        return [player.bettor.account for player in players]

    def _stake(self, edge, held):
        stake = self.dice.randint(1, 50)
        if "stake" in edge:
            stake = self.dice.choice(
                (0, 1, held.balance, held.balance + 1, MAX_MICRO, MAX_MICRO + 1, 2**64 - 1)
            )
        return stake

    def _nonce(self, edge, held):
        dice = self.dice
        # The lowest that is open mostly: with one far ahead, those before it have to come first.
        lowest = next(n for n in range(max(1, held.nonce - 8), 2**24) if n not in held.used)
        nonce = lowest + dice.choice((*(0,) * 8, 1, 1, 2, 7))
        if "nonce" in edge:
            near = max(0, held.nonce - dice.randint(0, 10))
            nonce = dice.choice((0, near, held.nonce, lowest + 8, lowest + 9, 2**24 - 1))
        return nonce

    def _min_odds_e4(self, edge, record):
        dice = self.dice
        odds, one = odds_product(leg.odds_e4 for leg in record.legs)
        floor = min(2**40 - 2, odds * ODDS_ONE_E4 // one)
        min_odds_e4 = floor if dice.random() < 0.3 else 0
        if "min_odds" in edge:
            min_odds_e4 = dice.choice((floor, floor + 1, 0, 2**40 - 1))
        return min_odds_e4

    def _legs(self, edge, count):
        """On fixtures of their own, unless the legs are broken."""
        indexes = list(range(len(self.market_ids)))
        if 1 < count <= FIXTURES and ("legs" not in edge or self.dice.random() < 0.5):
            on = {}
            self.dice.shuffle(indexes)
            for index in indexes:
                market = self.market_ids[index]
                # The match that has begun would close nearly all of them.
                if market.in_play or market.starts_at_s != self.begun_at_s:
                    on.setdefault(market.fixture, index)
            chosen = list(on.values())[:count]
            if len(chosen) == count:
                return tuple(self._leg(edge, index) for index in chosen)
        return tuple(self._leg(edge, self.dice.choice(indexes)) for _ in range(count))

    def _leg(self, edge, index):
        dice = self.dice
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

    def _at_the_edge_of_risk(self, draft, record, capacity):
        """The largest stake that the house can bear, or one more."""
        if (
            any(leg.market >= len(self.market_ids) or leg.odds_e4 <= 10_000 for leg in record.legs)
            or not 0 < len(record.legs) <= 12
            or any(leg.outcome >= len(self.market_ids[leg.market].outcomes) for leg in record.legs)
        ):
            return record

        def fits(stake):
            tried = replace(record, stake_micro=stake)
            return draft.refused_risk(tried, self.market_ids, capacity) is None

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
