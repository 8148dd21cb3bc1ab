"""Long lives of the book, in any order of any actions, against a shadow ledger in Python.

Actions: deposit, for others and for those who are new; place, in batches with singles, accumulators
and slips of every flaw; enforce, place_quoted; publish, correct, dispute and its end; settle, whole
batches, runs, twice, too early; cash-out, full and partial; exit, announced and taken; withdraw,
countersigned; self-exclusion; the bankroll's deposits and withdrawals; caps and the pause; time.

After every action, numbered as in ARCHITECTURE.md:
1 tokens held are all balances and the pool, to the unit, and open bets can be paid at their worst
2 every balance, nonce and wallet is what its owner's own actions and settled bets make it
3 a settlement says and pays what the model says, once
4 whoever announced an exit long enough ago can leave
5 at the end of a life all bets end without anybody's help, and everybody takes everything out
6 a slip that comes again, late, early, with another's signature or at worse odds is refused

The shadow says beforehand which error an action must meet, and each is compared. A life is a seeded
walk, repeated by its number. (Hypothesis would begin with some twenty lives of a step or two, in
which nothing can go wrong, and each life has a house to build up and to wind up.) LIVES, STEPS and
SEED in the environment make more and longer lives, or others:
    LIVES=200 STEPS=150 SEED=1000 python -m scripts.devnet.brownie test \
        tests/contracts/test_state_machine.py --network development -o timeout=0
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from random import Random

from brownie import chain

from tests.contracts.life import is_slow
from tests.contracts.life_fates import Fates

Action = Callable[[Fates, Random], None]

# Weights: a life is mostly bets, their ends, and time that passes.
ACTIONS: dict[str, tuple[int, Action]] = {
    "place good slips": (5, lambda life, dice: life.place(dice, 6, flaws=0)),
    "place some bad slips": (4, lambda life, dice: life.place(dice, 10, flaws=0.2)),
    "place bad slips": (2, lambda life, dice: life.place(dice, 6, flaws=0.8)),
    "enforce": (3, Fates.enforce),
    "place quoted": (3, Fates.place_quoted),
    "publish": (4, Fates.publish),
    "correct": (2, Fates.correct),
    "dispute": (2, Fates.dispute),
    "close dispute": (1, Fates.close_dispute),
    "settle a run": (3, lambda life, dice: life.settle(dice, 1)),
    "settle runs": (3, lambda life, dice: life.settle(dice, 6)),
    "settle whole": (2, lambda life, dice: life.settle(dice, 3, whole=True)),
    "cash out": (5, Fates.cash_out),
    "deposit": (2, Fates.deposit),
    "withdraw": (2, Fates.withdraw),
    "request exit": (1, Fates.request_exit),
    "exit": (2, Fates.exit),
    "exclude": (1, Fates.exclude),
    "move bankroll": (2, Fates.move_bankroll),
    "set terms": (1, Fates.set_terms),
    "pass time": (4, Fates.pass_time),
}


def number_of(name: str, default: int) -> int:
    return int(os.environ.get(name, default))


def live(world, seed, steps):
    """One life; returns what was done in it, and how often."""
    chain.revert()
    dice = Random(seed)
    life = Fates(world)
    weights = [weight for weight, _ in ACTIONS.values()]
    walk = []
    try:
        for step in range(steps):
            (name,) = dice.choices(list(ACTIONS), weights)
            walk.append(name)
            # Dice of its own: what one action draws must not move all that comes behind it.
            ACTIONS[name][1](life, Random(f"{seed}/{step}"))
            life.check()
            if step % 10 == 0:
                life.check_exposures()
            life.wait(dice.choice((1, 1, 2, 20)))
        life.end()
    except Exception as error:
        error.add_note(f"life {seed}, step {len(walk)}: {', '.join(walk[-12:])}")
        raise
    return life.done


def test_book_keeps_its_promises(world):
    lives = number_of("LIVES", 2 if is_slow() else 10)
    steps = number_of("STEPS", 25 if is_slow() else 60)
    first = number_of("SEED", 0)
    done = Counter()
    for seed in range(first, first + lives):
        done += live(world, seed, steps)
    print(*(f"{number:6} {what}" for what, number in sorted(done.items())), sep="\n")
    if is_slow() or lives * steps < 600:
        return
    # A walk that is refused everywhere would prove nothing.
    assert {what: done[what] for what in OFTEN if done[what] < 5} == {}
    assert done["bet placed"] > 200
    assert done["bet settled"] > 150
    assert done["bet paid"] > 40


OFTEN = (
    *("deposit done", "withdraw done", "exit done", "request exit done", "exclude done"),
    *("provide done", "take done", "place done", "enforce done", "place quoted done"),
    *("publish done", "rule done", "dispute done", "settle done", "settle NothingToSettle"),
    *("cash-out done", "cash-out of a part", "cash-out BetNotOpen", "enforce SlipRefused"),
    *("skip NONCE_USED", "skip SIGNATURE_INVALID", "skip EXPOSURE_EXCEEDED"),
    *("skip CAP_EXCEEDED", "skip MARKET_CLOSED"),
)
