"""Holds the statement on what lies ahead of a local chain's clock."""

from __future__ import annotations

from backend.feed.facts import MATCH_LENGTH_S
from backend.mirror.deployment import DEPLOYMENT
from backend.mirror.fragments import PENDING

# How long an accepted slip may take to be placed.
_PLACED_WITHIN_S = 30
# For how long a match is listed after its start.
_LISTED_S = 2 * 24 * 3_600

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
        AND s.accepted_at_s >= d.head_timestamp_s - {_PLACED_WITHIN_S}) AS waiting,
       (SELECT coalesce(json_agg(json_build_object(
                   'id', '0x' || encode(f.id, 'hex'), 'home', f.home, 'away', f.away,
                   'starts_at_s', coalesce(f.moved_to_s, f.starts_at_s),
                   'result_status', r.status, 'home_goals', r.home_full,
                   'away_goals', r.away_full, 'final_at_s', r.final_at_s)
               ORDER BY coalesce(f.moved_to_s, f.starts_at_s), f.home), '[]')
        FROM backend.fixture f
        LEFT JOIN mirror.result r ON r.deployment = d.id AND r.fixture = f.id
        WHERE coalesce(f.moved_to_s, f.starts_at_s)
              BETWEEN d.head_timestamp_s - {_LISTED_S} AND d.head_timestamp_s) AS matches
FROM d
"""  # noqa: S608 - the fragments are constants of ours
