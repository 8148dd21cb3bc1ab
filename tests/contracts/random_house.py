"""Places and settles random slips, and compares the contract with the ledger's model."""

import copy

from protocol.batch_call import Table, pack_batch
from protocol.market_id import fixture_name_hash
from protocol.placed_event import PlacedBatch
from tests.contracts.events import placed, settlements
from tests.contracts.model_values import By, ResultModel
from tests.contracts.oracle import Score
from tests.contracts.random_draw import Draw
from tests.contracts.world import reverts
from tests.support.batches import run
from tests.support.terms import (
    DISPUTE_WINDOW_S,
)


class House(Draw):
    """The contract and its model side by side."""

    # -- Placing

    def place(self, base_s, now_s, count):
        """Make slips up one after the other, each knowing what those before will have changed;
        then place them all and compare."""
        draft = copy.deepcopy(self.model)
        table = Table.build(
            base_s, [(fixture_name_hash(self.names[m.fixture]), m) for m in self.market_ids]
        )
        capacity = draft.capacity(By.OPERATOR, self.operator.left(now_s))
        entries, slips = [], []
        for number in range(count):
            # What fills the capacity of the house comes late, or nothing else would find any.
            is_late = number > count * 3 // 4
            entry, slip = self._draw(draft, table, now_s, capacity, is_late)
            entries.append(entry)
            slips.append(slip)
            # The capacity of a batch is that at its beginning.
            draft.place(0, self.market_ids, base_s, [slip], now_s, capacity=capacity)
        self.world.at(now_s)
        tx = self.world.sportsbook.placeBatch(
            pack_batch(table, entries), {"from": self.world.operator}
        )
        number, batch, skips = placed(tx)
        records, expected = self.model.place(
            number, self.market_ids, base_s, slips, tx.timestamp, key=self.operator
        )
        assert list(skips) == expected
        assert batch == PlacedBatch(
            base_s, tuple(m.pack() for m in self.market_ids), tuple(records)
        )
        if records:
            assert bytes(self.world.sportsbook.batches(number)) == batch.commitment
            self.placed[number] = batch
        self.compare()
        return records, expected

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
        free = self.world.sportsbook.houseFree()
        draft = copy.deepcopy(self.model)
        now_s = self.world.now()
        if not sum(draft.settle(*one, now_s)[0] for one in runs):
            with reverts("NothingToSettle"):
                self.world.sportsbook.settle(made, {"from": self.world.owner})
            return
        tx = self.world.sportsbook.settle(made, {"from": self.world.owner})
        expected = [(one[0], *self.model.settle(*one, tx.timestamp)) for one in runs]
        found = settlements(tx)
        assert found == [one for one in expected if one[1]]
        self.compare()
        assert self.world.sportsbook.houseFree() >= free

    # -- Comparing

    def compare(self):
        world, model = self.world, self.model
        book = world.book()
        assert book | {"batch_count": 0} == {
            "pool_micro": model.pool,
            "owed_micro": model.owed,
            "locked_micro": model.locked,
            "accumulators_micro": model.accumulators,
            "batch_count": 0,
        }
        assert model.pool >= model.owed + model.locked
        assert world.sportsbook.keyOf(world.operator)[4] == self.operator.left(world.clock())
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
