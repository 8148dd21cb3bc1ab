"""Draws from a seed what happens in a round: who bets when and how, and which faults strike."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum

SERVICES = ("indexer", "api", "odds", "worker", "beat")
API = "api"
POOL = "worker's pool"
POSTGRES, REDIS, NODE = "postgres", "redis", "node"
BETTORS = 6
BET_S = 10.0  # the bets of a round begin in this time
SETTLE_S = 4.0  # the faults while bets are settled strike in this time
_SHORT_S, _LONG_S = (1.0, 5.0), (8.0, 14.0)
_LONG = 0.15
_SETTLES = 0.34


class Kind(StrEnum):
    """What a fault does to its target."""

    KILL = "kill"  # SIGKILL; the supervisor starts it again
    FREEZE = "freeze"  # SIGSTOP of all its processes, later SIGCONT
    RESTART = "restart"  # stopped in order, later started
    CRASH = "crash"  # a server that loses what it had not yet written, later started
    FAILOVER = "failover"  # it becomes a replica that takes no writes, later the primary again
    REORG = "reorg"  # the blocks of this time are replaced by others
    DOUBLE = "double"  # a second process of the same kind, later killed; clients use both APIs


TARGETS: dict[Kind, tuple[str, ...]] = {
    Kind.KILL: (*SERVICES, POOL),
    Kind.FREEZE: (*SERVICES, POSTGRES, REDIS, NODE),
    Kind.RESTART: (POSTGRES, REDIS, NODE),
    Kind.CRASH: (POSTGRES, REDIS, NODE),
    Kind.FAILOVER: (REDIS,),
    Kind.REORG: (NODE,),
    Kind.DOUBLE: SERVICES,
}
_ALL = [(kind, target) for kind, targets in TARGETS.items() for target in targets]


class Habit(StrEnum):
    """How a bettor sends a slip. Each asks again while there is no answer that settles it."""

    PLAIN = "plain"
    TWICE = "twice"  # the same slip in two requests at the same time, and once more
    IMPATIENT = "impatient"  # hangs up at once, and asks again


@dataclass(frozen=True, slots=True)
class Turn:
    """A bettor sends a slip so many seconds after the round's start."""

    at_s: float
    habit: Habit
    patience_s: float  # before an impatient bettor hangs up


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """A fault, from `at_s` to `at_s` + `lasts_s` after the start of its part of the round."""

    kind: Kind
    target: str
    at_s: float
    lasts_s: float

    def __str__(self) -> str:
        lasts = "" if self.kind is Kind.KILL else f" for {self.lasts_s:.1f} s"
        return f"{self.kind} {self.target} at {self.at_s:.1f} s{lasts}"


@dataclass(frozen=True, slots=True)
class RoundPlan:
    """The turns of each bettor, and the faults meanwhile. A round that settles plays the match day
    afterwards, with faults of its own, and `leaving` bettors withdraw."""

    seed: int
    turns: tuple[tuple[Turn, ...], ...]
    faults: tuple[PlannedFault, ...]
    settles: bool
    settling_faults: tuple[PlannedFault, ...]
    leaving: int


def plan_round(seed: int) -> RoundPlan:
    """The same seed gives the same plan."""
    drawn = random.Random(f"chaos {seed}")
    turns = tuple(_turns(drawn) for _ in range(BETTORS))
    faults = _faults(drawn, drawn.choice((1, 2, 2)), BET_S)
    settles = drawn.random() < _SETTLES
    later = _faults(drawn, 1, SETTLE_S)
    leaving = drawn.randint(1, 3)
    return RoundPlan(seed, turns, faults, settles, later if settles else (), leaving)


def _turns(drawn: random.Random) -> tuple[Turn, ...]:
    times = sorted(drawn.uniform(0, BET_S) for _ in range(drawn.randint(1, 4)))
    return tuple(Turn(at_s, drawn.choice(list(Habit)), drawn.uniform(0.005, 0.2)) for at_s in times)


def _faults(drawn: random.Random, number: int, within_s: float) -> tuple[PlannedFault, ...]:
    """Faults with different targets: what one does cannot keep another from ending."""
    chosen: list[PlannedFault] = []
    while len(chosen) < number:
        kind, target = drawn.choice(_ALL)
        length = _LONG_S if drawn.random() < _LONG else _SHORT_S
        fault = PlannedFault(kind, target, drawn.uniform(0, within_s), drawn.uniform(*length))
        if all(_process(fault.target) != _process(other.target) for other in chosen):
            chosen.append(fault)
    return tuple(sorted(chosen, key=lambda fault: fault.at_s))


def _process(target: str) -> str:
    return "worker" if target == POOL else target
