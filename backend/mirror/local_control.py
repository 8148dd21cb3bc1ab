"""Holds the statement on what lies ahead of a local chain's clock."""

from __future__ import annotations

from backend.feed.facts import MATCH_LENGTH_S
from backend.mirror.deployment import DEPLOYMENT
from backend.mirror.fragments import PENDING

# How long an accepted slip may take to be placed.
_PLACED_WITHIN_S = 30

AHEAD = f"""
WITH {DEPLOYMENT}
SELECT d.head_timestamp_s AS now_s,
       (SELECT min(f.starts_at_s) FROM backend.fixture f
        WHERE f.status = 'scheduled' AND f.starts_at_s > d.head_timestamp_s) AS kick_off_s,
       (SELECT max(coalesce(f.moved_to_s, f.starts_at_s)) + {MATCH_LENGTH_S} + 1
        FROM backend.fixture f
        WHERE f.starts_at_s <= d.head_timestamp_s
          AND coalesce(f.moved_to_s, f.starts_at_s) + {MATCH_LENGTH_S} >= d.head_timestamp_s
       ) AS full_time_s,
       (SELECT max(r.final_at_s) + 1 FROM mirror.result r
        WHERE r.deployment = d.id AND r.final_at_s >= d.head_timestamp_s) AS results_final_s,
       (SELECT count(*) FROM backend.slip s WHERE {PENDING}
        AND s.accepted_at_s >= d.head_timestamp_s - {_PLACED_WITHIN_S}) AS waiting
FROM d
"""  # noqa: S608 - the fragments are constants of ours
