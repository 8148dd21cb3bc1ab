"""Random sequences of slips, bets, blocks and reorgs: two API processes answer each slip as a slow
reference implementation does, which sums up all that ever happened.

Slips are submitted several at once, of few accounts, nonces, keys and markets, so that they meet
one another in one group. Between them bets are placed as their receipts say or at other terms, time
passes, blocks are confirmed and removed, and the running totals are moved on, or are behind.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from backend.services import Services
from protocol.typed_data import Slip
from tests.backend.api.bettors import ALPHA, GAMMA, LEGS, UNIT, body_of
from tests.backend.api.client import client
from tests.backend.api.fake_chain import FakeChain
from tests.backend.api.open_house import open_house
from tests.backend.api.reference_house import Accepted, Placed, ReferenceHouse
from tests.backend.api.test_reserves import differences, move
from tests.backend.api.world import World

ODDS = {
    ALPHA.result.pack(): (20_000, 32_000, 41_000),
    ALPHA.total.pack(): (19_000, 19_000),
    GAMMA.result.pack(): (20_000, 32_000, 41_000),
    GAMMA.total.pack(): (19_000, 19_000),
}
ACCOUNTS = (11, 12, 13)
SEEN: Counter[str] = Counter()
EXPECTED = {
    *("accepted", "accepted before", "balance-insufficient", "cap-exceeded", "deadline-too-far"),
    *("exposure-exceeded", "idempotency-conflict", "nonce-too-far", "nonce-used", "odds-moved"),
    *("receipt-budget", "receipt-too-large", "slip-expired", "stake-too-large"),
    *("stake-too-small", "too-many-pending"),
}

Spec = tuple[int, int, int, int, str | None, int, int]
SLIPS = st.tuples(
    st.sampled_from(ACCOUNTS),
    st.sampled_from((*range(1, 10), *range(1, 10), 14)),
    st.sampled_from((*[UNIT] * 6, *[2 * UNIT] * 3, 5 * UNIT, 30 * UNIT, 9, 900 * UNIT)),
    st.integers(0, len(LEGS) - 1),
    st.sampled_from((*[None] * 10, "one", "two")),
    st.sampled_from((*[10_001] * 12, 90_000)),
    st.sampled_from((*[60] * 14, 0, 500)),
)
STEPS = st.one_of(
    st.tuples(st.just("submit"), st.lists(SLIPS, min_size=6, max_size=24)),
    st.tuples(st.just("submit"), st.lists(SLIPS, min_size=6, max_size=24)),
    st.tuples(st.just("place"), st.integers(0, 40)),
    st.tuples(st.just("place"), st.integers(0, 40)),
    st.tuples(st.just("place otherwise"), st.integers(0, 40)),
    st.tuples(st.just("later"), st.sampled_from((1, 40, 300, 601))),
    st.tuples(st.just("read"), st.just(0)),
    st.tuples(st.just("move"), st.just(0)),
    st.tuples(st.just("reorg"), st.integers(0, 4)),
)
# In tokens: the reserve for receipts, what the bankroll has above it, the caps of a market, of a
# fixture and of accumulators, what the key's budget has left, and the balances. In each another
# limit is the tightest.
RICH = (1_000, 1_000, 1_000)
LIMITS = st.sampled_from(
    (
        (200, 20, 1_000, 1_000, 1_000, 1_000, RICH),
        (1_000, 1_000, 1_000, 1_000, 1_000, 12, RICH),
        (14, 1_000, 1_000, 1_000, 1_000, 1_000, RICH),
        (1_000, 1_000, 9, 1_000, 1_000, 1_000, RICH),
        (1_000, 1_000, 1_000, 12, 8, 1_000, RICH),
        (1_000, 1_000, 1_000, 1_000, 1_000, 1_000, (6, 20, 40)),
        (1_000, 1_000, 1_000, 1_000, 1_000, 1_000, RICH),
        (1_000, 1_000, 1_000, 1_000, 1_000, 1_000, RICH),
        (60, 70, 25, 35, 15, 40, (60, 80, 1_000)),
    )
)


class Run:
    """One sequence, in the real house and in the reference."""

    def __init__(self, world: World, limits: Any) -> None:
        reserve, free, market, fixture, accumulators, left, balances = limits
        world.empty()
        open_house(world)
        world.redis.delete(*(f"rate:account:{account}" for account in ACCOUNTS))
        self.world, self.chain = world, FakeChain()
        self.bettors = {
            number: world.open_account(number, micro * UNIT)
            for number, micro in zip(ACCOUNTS, balances, strict=True)
        }
        world.execute("UPDATE mirror.book SET pool_micro = %s", (reserve + free) * UNIT)
        self.chain.set_limits(
            receipt_reserve_micro=reserve * UNIT,
            market_cap_micro=market * UNIT,
            fixture_cap_micro=fixture * UNIT,
            accumulator_cap_micro=accumulators * UNIT,
        )
        self.chain.set_receipt_key(left_micro=left * UNIT, budget_micro=90 * UNIT)
        self.house = ReferenceHouse(
            odds=ODDS,
            balances={n: micro * UNIT for n, micro in zip(ACCOUNTS, balances, strict=True)},
            pool=(reserve + free) * UNIT,
            reserve=reserve * UNIT,
            market_cap=market * UNIT,
            fixture_cap=fixture * UNIT,
            accumulator_cap=accumulators * UNIT,
            budget=90 * UNIT,
            budget_left=left * UNIT,
        )

    async def play(self, steps: list[tuple[str, Any]]) -> None:
        """Take the steps; the answers of each are compared."""
        both = [Services.from_settings(self.world.settings()) for _ in range(2)]
        for services in both:
            self.chain.serve(services)
        async with (
            both[0].running(),
            both[1].running(),
            client(both[0]) as one,
            client(both[1]) as two,
        ):
            for number, (step, argument) in enumerate(steps):
                if step == "submit":
                    await self._submit((one, two)[number % 2], argument)
                elif step == "move":
                    await move(both[number % 2])
                else:
                    self._change(step, argument)
            assert differences(self.world, both[0]) == []

    async def _submit(self, api: Any, specs: list[Spec]) -> None:
        sent = [(self._slip(spec), spec[4]) for spec in specs]
        expected = [self.house.submit(slip, key) for slip, key in sent]
        answers = await asyncio.gather(
            *(
                api.post(
                    "/v1/slips",
                    json=body_of(slip, self.bettors[slip.account].sign_slip(slip)),
                    headers={} if key is None else {"Idempotency-Key": key},
                )
                for slip, key in sent
            )
        )
        found = [_shown(answer, want) for answer, want in zip(answers, expected, strict=True)]
        for place, (slip, _) in enumerate(sent):
            # Of slips that come together, one may be refused for its terms before another has
            # its key.
            if expected[place]["code"] == "idempotency-conflict":
                terms = self.house.terms(slip)
                found[place] = expected[place] if found[place] == terms else found[place]
        assert found == expected
        SEEN.update(one["code"] for one in expected)

    def _slip(self, spec: Spec) -> Slip:
        account, nonce, stake_micro, legs, _, min_odds_e4, ahead_s = spec
        deadline_s = self.house.now_s + ahead_s
        return Slip(account, stake_micro, min_odds_e4, nonce, deadline_s, LEGS[legs])

    def _change(self, step: str, argument: int) -> None:
        house, world = self.house, self.world
        if step == "read":
            house.read_block = house.head
            self.chain.state = replace(self.chain.state, block=house.head)
        elif step == "later":
            house.now_s += argument
            self._next_block()
        elif step == "reorg":
            self._reorg(max(house.confirmed - argument + 2, 21))
        else:
            placed = {id(bet.of) for bet in house.bets}
            nonces = {(bet.of.slip.account, bet.of.slip.nonce) for bet in house.bets}
            waiting = [
                one
                for one in house.slips
                if id(one) not in placed
                and (one.slip.account, one.slip.nonce) not in nonces
                and one.at_s >= house.now_s - 600
            ]
            if waiting:
                self._place(waiting[argument % len(waiting)], as_receipt=step == "place")
        world.execute("UPDATE backend.house_report SET reported_at = now() + interval '1 hour'")

    def _place(self, one: Accepted, as_receipt: bool) -> None:
        house, block = self.house, self.house.head + 1
        odds_e4 = one.odds_e4 if as_receipt else (one.odds_e4[0] - 1, *one.odds_e4[1:])
        self.world.place(one.slip, block - 10, accepted_at_s=one.at_s, odds_e4=odds_e4)
        house.bets.append(Placed(one, block, as_receipt))
        house.balances[one.slip.account] -= one.slip.stake_micro
        self._next_block()

    def _next_block(self) -> None:
        house = self.house
        for block in range(house.confirmed + 1, house.head + 2):
            house.times_s[block] = house.now_s
        house.head, house.confirmed = house.head + 1, house.confirmed + 1
        self.world.confirm(house.confirmed, house.now_s)
        self.world.clock(house.now_s)

    def _reorg(self, first: int) -> None:
        """Other blocks from this one on, without the bets."""
        house, world = self.house, self.world
        gone = [bet for bet in house.bets if bet.block >= first]
        house.bets = [bet for bet in house.bets if bet.block < first]
        for bet in gone:
            house.balances[bet.of.slip.account] += bet.of.slip.stake_micro
            world.execute(
                "UPDATE mirror.balance SET balance_micro = balance_micro + %s WHERE account = %s",
                *(bet.of.slip.stake_micro, bet.of.slip.account),
            )
        for table in ("leg", "bet", "batch"):
            world.execute(f"DELETE FROM mirror.{table} WHERE block >= %s", first)
        world.execute("UPDATE mirror.block SET hash = sha256(hash) WHERE number >= %s", first)


def _shown(answer: Any, expected: dict[str, Any]) -> dict[str, Any]:
    """The answer, with the members that are expected."""
    if answer.status_code in (200, 201):
        return {"code": "accepted" if answer.status_code == 201 else "accepted before"}
    body = answer.json()
    return {name: body.get(name) for name in expected}


@settings(
    max_examples=36,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)
@given(limits=LIMITS, steps=st.lists(STEPS, min_size=10, max_size=30))
def test_house_answers_as_the_reference_does(
    world: World, limits: Any, steps: list[tuple[str, Any]]
) -> None:
    asyncio.run(Run(world, limits).play(steps))


def test_sequences_ran_into_every_answer() -> None:
    assert EXPECTED - set(SEEN) == set()
