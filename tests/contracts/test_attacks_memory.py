"""A batch whose own bytes are made to pass, in memory, for what became of a bet.

To prove a whole batch its markets and records are hashed in memory, and stay there: behind the
words of the markets, where the payouts are packed afterwards. An operator chooses the markets of a
batch, those that no slip refers to included, and so what lies there.

settle
└── never takes such bytes for the fate of a bet whose outcome is above three
"""

from __future__ import annotations

import pytest

from indexer.market_id import Kind, MarketId, Period, fixture_id, fixture_name_hash
from indexer.packed import Table, TableFixture, TableMarket, pack_batch
from tests.contracts.world import UNIT, Pick, entry, payouts, settled_bets

HONEST, ACCOMPLICE = "Sunderland v Everton, 2025-05-25", "Arsenal v Brentford, 2025-05-25"
# "2:2" of the scores up to 2:2.
OUTCOME, MOST_LINE_Q = 8, 8
# The word that is taken for a fate ends with kind, period and line of a market; that of a bet which
# won with the last byte of the start before them.
FORGED = {"lost": 0, "won": 1}


def forged_table(base_s, starts_at_s, honest, void):
    """Six markets on fixtures of low numbers, the forged word's last; then those of the bets."""
    fixtures = [TableFixture(n.to_bytes(16, "big") + bytes(16), 0) for n in range(1, 6)]
    fixtures.append(TableFixture(b"\1" + bytes(31), starts_at_s))
    fixtures.append(TableFixture(fixture_name_hash(ACCOMPLICE), void.starts_at_s))
    fixtures.append(TableFixture(fixture_name_hash(HONEST), honest.starts_at_s))
    markets = [TableMarket(n, Kind.MATCH_RESULT, Period.FULL_TIME, 0, True) for n in range(5)]
    markets.append(TableMarket(5, Kind.MATCH_RESULT, Period.FULL_TIME, OUTCOME << 8, False))
    markets.append(TableMarket(6, void.kind, void.period, void.line_q, void.in_play))
    markets.append(TableMarket(7, honest.kind, honest.period, honest.line_q, honest.in_play))
    return Table(base_s, tuple(fixtures), tuple(markets))


@pytest.mark.parametrize("fate", FORGED)
def test_bytes_of_a_batch_are_no_fate_of_a_bet(world, alice, bob, now, fate):
    """Two bets that are void at once put the zeros in place that the forged word begins with; the
    third is on a match that has not been played."""
    assert fixture_name_hash(ACCOMPLICE) < fixture_name_hash(HONEST)
    honest = MarketId(fixture_id(HONEST), now + 3_600, Kind.CORRECT_SCORE, line_q=MOST_LINE_Q)
    void = MarketId(fixture_id(ACCOMPLICE), 0, Kind.MATCH_RESULT, in_play=True)
    signed = [
        world.sign(bob, Pick(void, 0, name=ACCOMPLICE), accepted_at_s=now, nonce=1),
        world.sign(bob, Pick(void, 0, name=ACCOMPLICE), accepted_at_s=now, nonce=2),
        world.sign(
            alice,
            Pick(honest, OUTCOME, 500_000, HONEST),
            accepted_at_s=now,
            stake_micro=10 * UNIT,
        ),
    ]
    table = forged_table(now, FORGED[fate], honest, void)
    number, batch, skips = world.send_batch(pack_batch(table, [entry(s, table) for s in signed]))
    assert not skips
    before = world.balance(alice)
    tx = world.settle(number, batch)
    assert payouts(tx) == {0: UNIT, 1: UNIT}
    assert settled_bets(tx) == [0, 1]
    assert world.balance(alice) == before
    assert world.book()["open_stakes_micro"] == 10 * UNIT
