"""What the benchmark of the app computes from its samples."""

from __future__ import annotations

from backend.feed.reading import load_facts
from bench.web import latencies, latencies_ms, more_fixtures, p95
from scripts.devnet.sample import FACTS_FILE


def test_p95_is_the_value_that_19_of_20_do_not_exceed() -> None:
    assert p95(range(1, 22)) == 20
    assert p95([7.0]) == 7.0


def test_a_tick_counts_to_the_first_paint_of_its_fixture_before_the_next_tick() -> None:
    ticks = [("a", 0.0), ("b", 10.0), ("a", 100.0), ("a", 200.0)]
    painted = [("a", 30.0), ("a", 40.0), ("b", 5.0), ("b", 70.0), ("a", 250.0)]
    # Nothing was painted for the second tick of a.
    assert latencies_ms(ticks, painted) == [30.0, 60.0, 50.0]


def test_latencies_are_medians_of_the_runs() -> None:
    runs = [[1.0, 1.0, 1.0], [2.0, 2.0, 9.0], [3.0, 3.0, 3.0]]
    assert latencies("x", runs) == {"x_ms_p50": 2.0, "x_ms_p95": 3.0}


def test_the_large_board_has_as_many_fixtures_as_it_says() -> None:
    made = more_fixtures(load_facts(FACTS_FILE), 490)
    assert len({fixture.key for fixture in made}) == 490
    assert len({fixture.fixture_id for fixture in made}) == 490
