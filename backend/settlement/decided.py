"""Owns reading from the mirror what can be published and settled now; changes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import Connection, Engine, bindparam, text

from backend.transactions.deployment import Mirror
from backend.transactions.store import LIVE_SQL
from protocol.placed_batch import PlacedBatch, unpack_batch

_LIVE = LIVE_SQL.replace(":mirror_head", "d.head_block")

# The open fixtures without a result on the chain, and none on its way.
_UNPUBLISHED = text(f"""
SELECT f.id FROM backend.fixture f JOIN mirror.deployment d ON d.id = :deployment
WHERE f.starts_at_s <= :started_s
  AND NOT EXISTS (SELECT FROM mirror.result r WHERE r.deployment = d.id AND r.fixture = f.id)
  AND NOT EXISTS (SELECT FROM backend.publication p
                  JOIN backend.chain_transaction t ON t.id = p.transaction
                  WHERE p.fixture = f.id AND {_LIVE})
""")  # noqa: S608 - the fragment is a constant of ours

# The same rule as payout.leg_fraction: a market is decided when its fixture's result is final, or
# when no result came within VOID_AFTER of the start that stands in the market's own id.
_STARTS_AT = "('x' || encode(substr(l.market, 17, 5), 'hex'))::bit(40)::bigint"
_DECIDED = text(f"""
SELECT b.batch, b.bet FROM mirror.bet b JOIN mirror.deployment d ON d.id = b.deployment
WHERE d.id = :deployment
  AND NOT EXISTS (SELECT FROM mirror.settlement s
                  WHERE s.deployment = d.id AND s.batch = b.batch AND s.bet = b.bet)
  AND NOT EXISTS (
      SELECT FROM mirror.leg l
      LEFT JOIN mirror.result r ON r.deployment = d.id AND r.fixture = l.fixture
      WHERE l.deployment = d.id AND l.batch = b.batch AND l.bet = b.bet
        AND NOT CASE WHEN r.fixture IS NULL THEN :now_s > {_STARTS_AT} + :void_after_s
                     ELSE r.published_at_s > {_STARTS_AT} + :void_after_s
                          OR :now_s >= r.final_at_s END)
  AND NOT EXISTS (SELECT FROM backend.settlement_run u
                  JOIN backend.chain_transaction t ON t.id = u.transaction
                  WHERE u.batch = b.batch AND b.bet >= u.first AND b.bet < u.first + u.bets
                    AND {_LIVE})
ORDER BY b.batch, b.bet
LIMIT :most
""")  # noqa: S608 - the fragments are constants of ours

_BATCHES = text("""
SELECT batch, markets, records FROM mirror.batch
WHERE deployment = :deployment AND batch IN :batches
""").bindparams(bindparam("batches", expanding=True))

_PUBLICATIONS = text("SELECT count(*) FROM backend.publication WHERE fixture = :fixture")
_RUNS = text("SELECT count(*) FROM backend.settlement_run WHERE batch = :batch")


def unpublished_fixtures(engine: Engine, mirror: Mirror, started_s: int) -> set[bytes]:
    """Open fixtures that started by `started_s` and have no result, on the chain or on its way."""
    with engine.connect() as connection:
        rows = connection.execute(
            _UNPUBLISHED, {"deployment": mirror.deployment, "started_s": started_s}
        )
        return {bytes(row.id) for row in rows}


def decided_bets(
    engine: Engine, mirror: Mirror, now_s: int, void_after_s: int, most: int
) -> dict[int, list[int]]:
    """Up to `most` bets by batch whose legs are all decided at `now_s`, and which are neither
    settled nor in a transaction that settles them."""
    bets: dict[int, list[int]] = defaultdict(list)
    with engine.connect() as connection:
        rows = connection.execute(
            _DECIDED,
            {
                "deployment": mirror.deployment,
                "now_s": now_s,
                "void_after_s": void_after_s,
                "most": most,
            },
        )
        for row in rows:
            bets[row.batch].append(row.bet)
    return dict(bets)


def placed_batches(
    engine: Engine, mirror: Mirror, numbers: Iterable[int]
) -> dict[int, PlacedBatch]:
    """Batches as the mirror keeps them, by number."""
    with engine.connect() as connection:
        rows = connection.execute(
            _BATCHES, {"deployment": mirror.deployment, "batches": list(numbers)}
        )
        return {row.batch: unpack_batch(bytes(row.markets), bytes(row.records)) for row in rows}


def publications(connection: Connection, fixture: bytes) -> int:
    """In how many transactions a fixture's result has been so far."""
    return int(connection.execute(_PUBLICATIONS, {"fixture": fixture}).scalar_one())


def runs_of(connection: Connection, batch: int) -> int:
    """In how many runs bets of a batch have been so far."""
    return int(connection.execute(_RUNS, {"batch": batch}).scalar_one())
