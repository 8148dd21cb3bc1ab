"""Chooses what happens next in a life of the house, and sends it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from brownie.exceptions import VirtualMachineError

from protocol.batch_call import Table
from protocol.market_id import Kind, MarketId, fixture_id, fixture_name_hash
from protocol.placed_event import PlacedBatch
from protocol.roles import Role
from protocol.typed_data import Result
from tests.contracts.events import placed
from tests.contracts.model import Model
from tests.contracts.model_values import By, Capacity, KeyModel, ResultModel, SlipModel
from tests.contracts.oracle import Score
from tests.contracts.restrictions import AccountModel
from tests.contracts.world import World
from tests.support.batches import entry
from tests.support.people import CASH_OUT_SIGNER, Bettor, key, key_address
from tests.support.slips import Pick, Signed, make_market
from tests.support.terms import (
    BATCH_WINDOW_S,
    NO_CAP,
    NOTICE_S,
    RECEIPT_BUDGET_MICRO,
    RECEIPT_WINDOW_S,
    UNIT,
)

FIXTURES = 3
BETTORS = 4
# Lines of quarter goals both ways: two goals lose "Over" half, a draw wins "Home" half.
KINDS = (
    (Kind.MATCH_RESULT, 0),
    (Kind.DOUBLE_CHANCE, 0),
    (Kind.TOTAL_GOALS, 9),
    (Kind.ASIAN_HANDICAP, 1),
    (Kind.CORRECT_SCORE, 8),
    (Kind.WINNING_MARGIN, 12),
    (Kind.PROPOSITION, 0),
)
PLAYED, VOID, ABANDONED_BEFORE_HALF_TIME, ABANDONED, FRACTION = range(1, 6)
STATUSES = (*(PLAYED,) * 6, VOID, ABANDONED_BEFORE_HALF_TIME, ABANDONED, *(FRACTION,) * 2)
FORGED = b"\7" * 32
# What a second key of each role may commit; the first one has more than a life needs.
BUDGETS = {Role.OPERATOR: 700 * UNIT, Role.RECEIPTS: 300 * UNIT, Role.CASH_OUTS: 200 * UNIT}
SPARE = 90


@dataclass
class Game:
    """A fixture, and the result that was published."""

    name: str
    starts_at_s: int
    result: Result | None = None
    disputed: bool = False

    @property
    def id(self) -> bytes:
        return fixture_id(self.name)


@dataclass
class HouseKey:
    """A key of the house, and the model of its budget."""

    secret: bytes
    model: KeyModel

    @property
    def address(self) -> str:
        return key_address(self.secret)


class Choices:
    """The state of a life, its random choices, and how it sends a transaction."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.random = random.Random(seed)
        # The rule that is at work, and how often each was carried out: sent, and not refused.
        self.rule = ""
        self.done: Counter[str] = Counter()
        self.model = Model(world.book()["pool_micro"])
        self.bettors: list[Bettor] = [world.open_account(10 + i) for i in range(BETTORS)]
        for bettor in self.bettors:
            self.model.accounts[bettor.account] = AccountModel(world.balance(bettor))
        self.games: list[Game] = []
        self.batches: dict[int, PlacedBatch] = {}
        self.exits: dict[int, tuple[int, int]] = {}
        self.sequences = [0] * BETTORS
        self.relayed = [0] * BETTORS
        self.quoted: Counter[bytes] = Counter()
        self.keys = self._second_keys()
        self.donated = world.token.balanceOf(world.sportsbook) - self.model.pool
        self.donated -= sum(account.balance for account in self.model.accounts.values())

    def _second_keys(self) -> dict[Role, list[HouseKey]]:
        """Two keys of each role that has a budget: that of the deployment, and a smaller one."""
        world = self.world
        secrets = {Role.OPERATOR: key(1), Role.RECEIPTS: key(2), Role.CASH_OUTS: CASH_OUT_SIGNER}
        budgets = {Role.RECEIPTS: RECEIPT_BUDGET_MICRO}
        found = {}
        for role, budget in BUDGETS.items():
            secret = key(SPARE + role)
            granted = world.grant(key_address(secret), role, budget)
            second = HouseKey(secret, KeyModel(budget, granted.timestamp + NOTICE_S))
            found[role] = [HouseKey(secrets[role], KeyModel(budgets.get(role, NO_CAP))), second]
        world.travel_to(world.clock() + NOTICE_S)
        return found

    # -- Choices

    def _key(self, role: Role) -> HouseKey:
        return self.random.choice(self.keys[role])

    def _who(self) -> int:
        return self.random.randrange(BETTORS)

    def _amount(self) -> int:
        return self.random.choice((1, 7, 1_000_003, UNIT, 20 * UNIT, 300 * UNIT))

    def _nonce(self, who: int) -> int:
        """The lowest that is open mostly, or one that was used, or is behind or far ahead."""
        account = self.model.accounts[self.bettors[who].account]
        lowest = next(n for n in range(max(1, account.nonce - 8), 2**24) if n not in account.used)
        return max(0, lowest + self.random.choice((*(0,) * 16, -1, -3, -9, 1, 1, 4, 8, 9, 20)))

    def _open(self) -> list[Game]:
        """Fixtures that have not started; there are always three."""
        now_s = self._clock()
        found = [game for game in self.games if game.starts_at_s > now_s]
        while len(found) < FIXTURES:
            name = f"Home {len(self.games)} v Away, 2025-05-25"
            self.games.append(Game(name, now_s + self.random.randrange(1_800, 9_000)))
            found.append(self.games[-1])
        return found

    def _picks(self, legs: int) -> tuple[Pick, ...]:
        games = self._open()
        if self.random.random() < 0.15:
            games = self.games
        return tuple(self._pick(game) for game in self.random.sample(games, legs))

    def _pick(self, game: Game) -> Pick:
        # A match has few markets, so that bets meet: one that is alone on its market locks the same
        # whatever the market nets.
        number = self.games.index(game)
        kind, line_q = self.random.choice((KINDS[0], KINDS[number % 7], KINDS[(number + 4) % 7]))
        market = make_market(
            kind,
            line_q,
            starts_at_s=game.starts_at_s,
            in_play=self.random.random() < (0.5 if number % 3 == 0 else 0.1),
            name=game.name,
        )
        outcome = self.random.randrange(min(len(market.outcomes), self.random.choice((3, 3, 99))))
        return Pick(market, outcome, self.random.randint(10_001, 60_000), game.name)

    def _slip(self, now_s: int) -> Signed:
        who = self._who()
        late_s = self.random.choice(
            (0, 0, 0, 30, BATCH_WINDOW_S - 2, BATCH_WINDOW_S + 2, 500, RECEIPT_WINDOW_S + 60)
        )
        return self.world.sign(
            self.bettors[who],
            *self._picks(self.random.choice((1, 1, 1, 2, 3))),
            stake_micro=self._amount(),
            accepted_at_s=now_s - late_s,
            nonce=self._nonce(who),
            min_odds_e4=self.random.choice((0, 10_001, 30_000)),
        )

    def _forged(self, signed: Signed) -> bytes:
        bettor = next(b for b in self.bettors if b.account == signed.slip.account)
        terms = {
            "stake_micro": signed.slip.stake_micro,
            "accepted_at_s": signed.accepted_at_s,
            "nonce": signed.slip.nonce,
            "min_odds_e4": signed.slip.min_odds_e4,
        }
        return self.world.sign(bettor, *signed.picks, key_=FORGED, **terms).signature

    def _result(self, game: Game) -> Result:
        status = self.random.choice(STATUSES)
        half = (self.random.randrange(3), self.random.randrange(3))
        full = (half[0] + self.random.randrange(3), half[1] + self.random.randrange(2))
        if status == ABANDONED_BEFORE_HALF_TIME:
            full = half
        if status == FRACTION:
            half, full = (half[0], half[1]), (half[0] + half[1] + self.random.randrange(1, 4), 0)
        ended_s = self.random.choice((*(7_000,) * 5, 100, -50))
        return Result(game.id, status, *half, *full, game.starts_at_s + ended_s)

    def _any_game_with_result(self) -> Game | None:
        found = [game for game in self.games if game.result is not None]
        return self.random.choice(found[-3:]) if found else None

    # -- The chain

    def _clock(self) -> int:
        return self.world.clock()

    def _send(self, call: Callable[[], Any]) -> tuple[str | None, Any]:
        """The error's name or None, and the transaction that went through. Either way a block was
        mined, so that the clock tells when it was."""
        try:
            return None, call()
        except VirtualMachineError as error:
            name, _, rest = str(error.revert_msg).partition(": ")
            return (f"SlipRefused: {rest}" if name == "SlipRefused" else name), None

    def _went(self, sent: tuple[str | None, Any], expected: str | None) -> bool:
        assert sent[0] == expected, f"{sent[0]}, and not {expected}"
        if expected is None:
            self.done[self.rule] += 1
        return expected is None

    def _table(self, base_s: int, *signed: Signed) -> Table:
        picks = [pick for s in signed for pick in s.picks]
        return Table.build(base_s, [(fixture_name_hash(p.name), p.market) for p in picks])

    def _as_model(self, signed: Signed, table: Table, is_signed: bool) -> SlipModel:
        packed = entry(signed, table)
        return SlipModel(packed.record, packed.min_odds_e4, packed.deadline_after_s, is_signed)

    def _refusal(self, table: Table, slip: SlipModel, now_s: int, by: By) -> Any:
        capacity: Capacity = self.model.capacity(by)
        return self.model.refusal(slip, markets_of(table), table.base_s, now_s, by, capacity)

    def _placed(
        self, tx: Any, table: Table, slips: list[SlipModel], by: By, key_: KeyModel | None = None
    ) -> None:
        said = placed(tx)
        wanted, skips = self.model.place(
            said.number, markets_of(table), table.base_s, slips, tx.timestamp, by, key_
        )
        assert list(said.batch.records) == wanted
        assert list(said.skips) == skips
        if wanted:
            self.batches[said.number] = said.batch

    def _placed_alone(
        self,
        sent: tuple[str | None, Any],
        table: Table,
        slip: SlipModel,
        by: By,
        signer: HouseKey,
        signed_at_s: int,
        unsigned: str,
        after: str | None = None,
        denied: str | None = None,
    ) -> bool:
        """A slip by a receipt or a quote: it is checked first, then whether its key still counts
        (or else `unsigned`), whether the sender is `denied`, then its budget, and last what is
        refused `after` all that."""
        now_s = self._clock()
        refused = self._refusal(table, slip, now_s, by)
        risk = slip.record.payout_max_micro - slip.record.stake_micro
        expected = None
        if refused is not None:
            expected = f"SlipRefused: {int(refused)}"
        elif not signer.model.from_s <= signed_at_s <= signer.model.until_s:
            expected = unsigned
        elif denied is not None:
            expected = denied
        elif risk > signer.model.left(now_s):
            expected = "BudgetExceeded"
        if not self._went(sent, expected or after):
            return False
        self._placed(sent[1], table, [slip], by)
        signer.model.spend(risk, now_s)
        return True


def modelled(result: Result, published_at_s: int, final_at_s: int) -> ResultModel:
    goals = Score(result.home_half, result.away_half, result.home_full, result.away_full)
    return ResultModel(result.status, goals, result.settled_at_s, published_at_s, final_at_s)


def markets_of(table: Table) -> list[MarketId]:
    return [table.market_id(i) for i in range(len(table.markets))]
