"""Plays one round: bets and faults, recovery, checks, in some rounds results and withdrawals."""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import psycopg

from backend.feed.facts import MATCH_LENGTH_S
from scripts.chaos import checks
from scripts.chaos.bettors import ANSWER_LIMIT_S, Client
from scripts.chaos.faults import Fault, ended, faults_of, strike_while
from scripts.chaos.house import House
from scripts.chaos.plan import BET_S, Kind, RoundPlan, Turn
from scripts.chaos.recovery import wait_until_well
from scripts.chaos.sent import SentSlip
from scripts.demo.audit import SHOWN_DIFFERENCES
from scripts.devnet import DevnetError
from scripts.devnet.clock import travel_to
from scripts.devnet.rpc import RpcError
from scripts.devnet.sample import fixtures

SETTLE_LIMIT_S = 150.0
_PAUSE_S = 0.3
Say = Callable[[str], None]


@dataclass
class RoundResult:
    """What happened in a round. `recovered_s` is the time from the end of the last fault, or from
    the last answer to a bettor if that was later, until the house was well."""

    number: int
    seed: int
    chain: str
    faults: list[str] = field(default_factory=list)
    settled: bool = False
    slips: int = 0
    requests: int = 0
    accepted: int = 0
    refused: int = 0
    on_chain: int = 0
    refused_on_chain: int = 0
    unseen: int = 0
    longest_wait_s: float = 0.0
    recovered_s: list[float] = field(default_factory=list)
    seconds: float = 0.0
    delays: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    logs: str = ""

    @property
    def passed(self) -> bool:
        return not self.failures


class Round:
    """A round of the plan in a house that is well."""

    def __init__(self, house: House, plan: RoundPlan, number: int, say: Say) -> None:
        self._house = house
        self._plan = plan
        self._say = say
        self._ending = threading.Event()
        self._struck: list[Fault] = []
        self.result = RoundResult(number, plan.seed, house.kind, logs=str(house.logs))

    def play(self) -> RoundResult:
        """What fails is in the result; only Ctrl-C is raised."""
        started = time.monotonic()
        house, result = self._house, self.result
        before, sent_before = house.restarts(), len(house.sent)
        try:
            self._bet()
            if self._plan.settles:
                self._settle()
            self._count_on_chain(self._check(), house.sent[sent_before:])
            self._services_lived(before)
        except (DevnetError, OSError, RpcError, psycopg.Error, RuntimeError) as error:
            result.failures.append(str(error) or repr(error))
        self._count_answers(house.sent[sent_before:])
        result.faults = [str(fault) for fault in self._struck]
        result.failures += [fault.complaint for fault in self._struck if fault.complaint]
        result.seconds = time.monotonic() - started
        return result

    def _bet(self) -> None:
        clients = [
            Client(self._house, number, self._plan.seed, self._ending)
            for number in range(len(self._plan.turns))
        ]
        actors = [
            functools.partial(self._play, client, turns)
            for client, turns in zip(clients, self._plan.turns, strict=True)
        ]
        limit_s = BET_S + max(len(turns) for turns in self._plan.turns) * 2 * ANSWER_LIMIT_S
        self._strike(faults_of(self._plan.faults, self._house), actors, limit_s)

    def _play(self, client: Client, turns: tuple[Turn, ...]) -> None:
        try:
            client.play(turns)
        finally:
            self._house.sent += client.sent

    def _settle(self) -> None:
        """The match day is played while the planned faults strike; then some bettors withdraw."""
        house, result = self._house, self.result
        house.played = result.settled = True
        self._say("the match day is played")
        faults = faults_of(self._plan.settling_faults, house)
        self._strike(faults, [self._play_match_day], SETTLE_LIMIT_S + BET_S)
        wallets = house.day.betting.wallets[: self._plan.leaving]
        house.day.leave_with_the_house(wallets)
        for wallet in wallets:
            if left := house.day.reader.balance(wallet.account):
                result.failures.append(f"account {wallet.account} still has {left} after leaving")
        wait_until_well(house)

    def _strike(
        self, faults: list[Fault], actors: Sequence[Callable[[], None]], limit_s: float
    ) -> None:
        """Strikes the faults while the actors do their part, and waits until the house is well."""
        self._struck += faults
        pool = ThreadPoolExecutor(len(actors))
        try:
            with ended(faults):
                for fault in faults:
                    fault.prepare()
                futures: list[Future[None]] = [pool.submit(actor) for actor in actors]
                last = strike_while(
                    faults, lambda: not all(f.done() for f in futures), self._say, limit_s
                )
            for future in futures:
                future.result()
            ailed = wait_until_well(self._house)
            self.result.recovered_s.append(time.monotonic() - last)
            seconds = self.result.recovered_s[-1]
            self._say(f"well {seconds:.1f} s after the last fault{ailed and f'; last: {ailed}'}")
        finally:
            self._ending.set()
            pool.shutdown(wait=False)
        self._ending.clear()

    def _play_match_day(self) -> None:
        """Moves the clock past the last match and past the dispute window, again and again, since
        a reorg may set it back, until every bet is settled."""
        house = self._house
        over_s = max(fixture.starts_at_s for fixture in fixtures()) + MATCH_LENGTH_S + 1
        until = time.monotonic() + SETTLE_LIMIT_S
        while time.monotonic() < until and not self._ending.is_set():
            with contextlib.suppress(psycopg.Error, OSError, RpcError, DevnetError):
                travel_to(house.chain, over_s)
                results, final_s = house.day.mirror.select(
                    "SELECT count(*), max(final_at_s) FROM mirror.result"
                )[0]
                if results == len(fixtures()):
                    travel_to(house.chain, final_s + 1)
                    if _all_settled(house):
                        return
            self._ending.wait(_PAUSE_S)
        raise DevnetError(f"Not every bet was settled within {SETTLE_LIMIT_S:.0f} s.")

    def _check(self) -> checks.Found:
        found = checks.check(self._house)
        for one in found.checks:
            shown = one.differences[:SHOWN_DIFFERENCES]
            self.result.failures += [f"{one.title}: {difference}" for difference in shown]
        return found

    def _count_answers(self, sent: Sequence[SentSlip]) -> None:
        result = self.result
        result.slips = len(sent)
        result.requests = sum(one.requests for one in sent)
        result.accepted = sum(bool(one.receipts) for one in sent)
        result.refused = sum(not one.receipts and bool(one.refusals) for one in sent)
        result.longest_wait_s = max((one.waited_s for one in sent), default=0.0)
        result.delays = sorted({code for one in sent for code in one.delays})

    def _count_on_chain(self, found: checks.Found, sent: Sequence[SentSlip]) -> None:
        result = self.result
        keys = {(one.slip.account, one.slip.nonce) for one in sent}
        result.on_chain = len(found.placed & keys)
        result.refused_on_chain = len(found.left_out & keys)
        seen = {(one.slip.account, one.slip.nonce) for one in sent if one.receipts}
        result.unseen = len(found.accepted & keys - seen)

    def _services_lived(self, before: dict[str, int]) -> None:
        """No service ended that was not killed."""
        kills = [f.plan.target for f in self._struck if f.plan.kind is Kind.KILL]
        for name, restarts in self._house.restarts().items():
            ends = restarts - before[name] - kills.count(name)
            if ends > 0:
                self.result.failures.append(f"{name} ended by itself {ends} times: see its log")


def _all_settled(house: House) -> bool:
    query = """SELECT (SELECT count(*) FROM mirror.bet)
        - (SELECT count(DISTINCT (batch, bet)) FROM mirror.settlement)"""
    return house.day.mirror.number(query) == 0
