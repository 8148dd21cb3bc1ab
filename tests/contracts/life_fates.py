"""What becomes of bets in a house that is played with by dice: results, settling, cash-out."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from eth_abi.abi import decode

from backend.slips.typed_data import CashOut, Result, compact
from indexer.packed import PlacedBatch, unpack_batch, unpack_payouts
from tests.contracts.life_bets import SOMEBODY_ELSE, Betting
from tests.contracts.oracle import Score
from tests.contracts.shadow import Shadow
from tests.contracts.world import DISPUTE_WINDOW_S, EXIT_DELAY_S, VOID_AFTER_S, run, score

# Status, then goals of the halves and the match, or the parts of a proposition.
RESULTS = (
    (1, (0, 0, 0, 0)),
    (1, (1, 0, 2, 1)),
    (1, (0, 1, 1, 3)),
    (1, (2, 2, 2, 2)),
    (1, (0, 0, 5, 0)),
    (2, (0, 0, 0, 0)),
    (3, (1, 1, 1, 1)),
    (4, (1, 0, 2, 2)),
    (5, (1, 1, 3, 0)),
    (5, (1, 0, 1, 0)),
)


class Fates(Betting):
    """Adds what ends bets."""

    # -- Results

    def pass_time(self, dice: Random) -> None:
        moments = [*self.starts.values(), *(r.final_at_s for r in self.shadow.results.values())]
        ahead = [moment for moment in moments if moment > self.now]
        if ahead and dice.random() < 0.5:
            self.wait(dice.choice(ahead) - self.now + dice.choice((-1, 0, 1)))
            return
        weights = (4, 4, 2, 2, 0.3)
        steps = (9, DISPUTE_WINDOW_S, 3 * DISPUTE_WINDOW_S, EXIT_DELAY_S, VOID_AFTER_S)
        (step,) = dice.choices(steps, weights)
        self.wait(step)

    def _result(self, dice: Random, fixture: bytes) -> Result:
        status, (home_half, away_half, home, away) = dice.choice(RESULTS)
        ended_s = dice.choice((self.starts[fixture] + 90, self.starts[fixture] - 1, self.now))
        return score(
            home,
            away,
            max(0, min(self.now, ended_s)),
            home_half=home_half,
            away_half=away_half,
            name=self.names[fixture],
            status=status,
        )

    def publish(self, dice: Random) -> None:
        """Mostly of a match that has begun; at times of one that has a result."""
        waiting = [f for f in self.starts if f not in self.shadow.results]
        begun = [f for f in waiting if self.starts[f] <= self.now]
        if not self.starts:
            return
        if waiting and not begun:
            self.wait(self.starts[waiting[0]] + 100 - self.now)
            begun = waiting[:1]
        chosen = begun if begun and dice.random() < 0.9 else list(self.starts)
        result = self._result(dice, dice.choice(chosen))
        self.send(
            "publish",
            lambda: self.world.publish(result),
            lambda shadow, now: shadow.publish(*terms(result), now),
        )

    def _published(self, dice: Random) -> bytes | None:
        """A fixture, mostly one whose result is not final."""
        if not self.starts:
            return None
        results = self.shadow.results
        fresh = [f for f, result in results.items() if result.final_at_s > self.now]
        return dice.choice(fresh if fresh and dice.random() < 0.8 else list(self.starts))

    def correct(self, dice: Random) -> None:
        """The arbiter rules: otherwise, or the same."""
        fixture = self._published(dice)
        if fixture is None:
            return
        held = self.shadow.results.get(fixture)
        result = self._result(dice, fixture)
        if held is not None and dice.random() < 0.5:
            home_half, away_half, home, away = held.score
            result = Result(
                fixture, held.status, home_half, away_half, home, away, held.settled_at_s
            )
        self.send(
            "rule",
            lambda: self.world.rule(result),
            lambda shadow, now: shadow.rule(*terms(result), now),
        )

    def dispute(self, dice: Random) -> None:
        fixture = self._published(dice)
        if fixture is None:
            return
        by = self.disputer
        self.send(
            "dispute",
            lambda: self.world.results.dispute(fixture, {"from": by}),
            lambda shadow, now: shadow.dispute(fixture, by.address, now),
        )

    def close_dispute(self, dice: Random) -> None:
        fixture = self._published(dice)
        if self.shadow.disputes and dice.random() < 0.8:
            fixture = dice.choice(list(self.shadow.disputes))
            if dice.random() < 0.7:
                final_at_s = self.shadow.results[fixture].final_at_s
                self.wait(max(0, final_at_s - self.now + dice.choice((-1, 0))))
        if fixture is None:
            return
        self.send(
            "close dispute",
            lambda: self.world.results.closeDispute(fixture, self.stranger),
            lambda shadow, now: shadow.close_dispute(fixture, now),
        )

    # -- Settling

    def settle(self, dice: Random, most: int, *, whole: bool = False) -> None:
        """Runs of any batches, decided or not, settled before or not, some of them twice."""
        if not self.batches:
            return
        runs = []
        for _ in range(dice.randint(1, most)):
            number = dice.choice(list(self.batches))
            width = len(self.batches[number].records)
            first = 0 if whole else dice.randrange(width)
            runs.append((number, first, width if whole else dice.randint(1, width - first)))
        if dice.random() < 0.2:
            runs.append(dice.choice(runs))
        expected: list[tuple[int, int, dict[int, int]]] = []

        def effect(shadow: Shadow, now: int) -> str | None:
            settled = [(one[0], *shadow.settle(*one, now)) for one in runs]
            expected[:] = [one for one in settled if one[1]]
            return None if expected else "NothingToSettle"

        made = [run(n, self.batches[n], first, bets) for n, first, bets in runs]
        sent = self.send("settle", lambda: self.book.settle(made, self.stranger), effect)
        if sent is None:
            return
        found = []
        for log in sent.logs:
            settled, packed = decode(["uint256", "bytes"], bytes(log["data"]))
            number = int.from_bytes(bytes(log["topics"][1]), "big")
            found.append((number, settled, unpack_payouts(packed)))
        # 3: once, and what the formula says.
        assert found == expected
        self.done["bet settled"] += sum(settled.bit_count() for _, settled, _ in found)
        self.done["bet paid"] += sum(len(paid) for _, _, paid in found)

    def cash_out(self, dice: Random) -> None:
        """All of a bet or a part; some offers bad in their terms, some in a signature."""
        if not self.batches:
            return
        number = dice.choice(list(self.batches)[-12:])
        batch = self.batches[number]
        place = dice.randrange(len(batch.records))
        record = batch.records[place]
        stake = dice.choice((record.stake_micro, record.stake_micro, record.stake_micro // 2, 1))
        if dice.random() < 0.1:
            stake = dice.choice((0, record.stake_micro + 1))
        most = record.payout_max_micro * stake // record.stake_micro
        price = dice.choice((0, stake, min(most, 2 * stake), most // 2, most + 2))
        deadline_s = self.now + dice.choice((-1, 0, 60, 60, 60))
        bettor = self.players[record.account]
        offer = CashOut(record.account, number, place, stake, price, deadline_s)
        flaw = dice.choice(("house", "bettor")) if dice.random() < 0.15 else ""
        house = self.world.sign_cash_out(offer, SOMEBODY_ELSE if flaw == "house" else None)
        signature = self.world.sign_raw(offer, SOMEBODY_ELSE if flaw == "bettor" else bettor.key)
        if record.account not in self.wallets:
            signature = compact(signature)

        def effect(shadow: Shadow, now: int) -> str | None:
            error = shadow.cash_out(number, place, stake, price, deadline_s, now)
            # The signatures are looked at behind the terms and before the bankroll.
            if flaw and error in (None, "BankrollLocked"):
                return "CashOutUnsigned"
            return error

        sent = self.send(
            "cash-out",
            lambda: self.world.cash_out(
                bettor,
                number,
                batch,
                place,
                price_micro=price,
                stake_micro=stake,
                deadline_s=deadline_s,
                house=house,
                signature=signature,
            ),
            effect,
        )
        if sent is None:
            return
        event = sent.events["CashedOut"]
        rest = record.stake_micro - stake
        assert (event["price"], event["rest"]) == (price, rest)
        assert event["next"] == (self.shadow.batch_count if rest else 0)
        if rest:
            self.done["cash-out of a part"] += 1
            self._keep(event["next"], rest_of(event, rest))


def rest_of(event: Any, rest: int) -> PlacedBatch:
    """The batch of the one bet that goes on, from what the event says."""
    batch = unpack_batch(bytes(event["markets"]), bytes(event["record"]))
    (record,) = batch.records
    return replace(batch, records=(replace(record, stake_micro=rest),))


def terms(result: Result) -> tuple[bytes, int, Score, int]:
    """A result as the shadow takes it."""
    goals = Score(result.home_half, result.away_half, result.home_full, result.away_full)
    return result.fixture, result.status, goals, result.settled_at_s
