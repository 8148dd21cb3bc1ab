"""Keeps the price of the bankroll's shares as it moves, and reads what was kept."""

from __future__ import annotations

from sqlalchemy import Engine, text

from backend.deployment import Deployment
from backend.mirror.deployment import deployment_key, read_rows
from backend.mirror.liquidity import SHARE_PRICE

# The finest step that is kept, and what is left of prices that are older than `FINE_S`.
STEP_S = 300
FINE_S = 30 * 86_400
_COARSE_STEP_S = 86_400

# Of each step the newest price counts. Rows of a later time are of blocks that a reorg removed, or
# of a clock that was set back.
_CLEAR = text("DELETE FROM backend.share_price WHERE at_s >= :now_s / :step_s * :step_s")
_THIN = text("""
DELETE FROM backend.share_price p WHERE p.at_s < :before_s AND EXISTS (
    SELECT FROM backend.share_price n
    WHERE n.at_s > p.at_s AND n.at_s < :before_s AND n.at_s / :coarse_s = p.at_s / :coarse_s)
""")
_RECORD = text("""
INSERT INTO backend.share_price (at_s, enter_micro, leave_micro)
SELECT :now_s, :enter_micro, :leave_micro
WHERE (CAST(:enter_micro AS numeric), CAST(:leave_micro AS numeric)) IS DISTINCT FROM (
    SELECT (l.enter_micro, l.leave_micro) FROM backend.share_price l ORDER BY l.at_s DESC LIMIT 1)
ON CONFLICT DO NOTHING
""")

# Prices, the newest first, from the one after a cursor's: of each %(every_s)s the last one.
PRICES = """
SELECT DISTINCT ON (p.at_s / %(every_s)s) p.at_s, p.enter_micro::text AS enter_micro,
       p.leave_micro::text AS leave_micro
FROM backend.share_price p
WHERE %(at_s)s::bigint IS NULL OR p.at_s / %(every_s)s < %(at_s)s::bigint / %(every_s)s
ORDER BY p.at_s / %(every_s)s DESC, p.at_s DESC
LIMIT %(limit)s
"""


def record_share_price(engine: Engine, deployment: Deployment) -> None:
    """Keep the price at the mirror's head where it is another one than the last. Nothing is kept
    while the mirror is empty. Safe to run twice, and in several workers."""
    with engine.begin() as connection:
        rows = read_rows(connection, SHARE_PRICE, deployment_key(deployment))
        if not rows:
            return
        [found] = rows
        now_s = found.now_s
        connection.execute(_CLEAR, {"now_s": now_s, "step_s": STEP_S})
        connection.execute(_THIN, {"before_s": now_s - FINE_S, "coarse_s": _COARSE_STEP_S})
        connection.execute(_RECORD, found._asdict())
