"""Says which tests of the indexer `make test` runs on Anvil alone: see
tests/support/ganache_again.py."""

from __future__ import annotations

# Why, and the files below tests/indexer, or tests in them.
ANVIL_ALONE = {
    "our own rules about blocks that have changed": (
        "test_finality.py::test_reorg_below_the_final_block_is_refused",
        "test_gas_while_running.py::test_blocks_after_a_shorter_chain_get_their_gas",
        "test_gas_while_running.py::test_replaced_block_gets_its_own_gas_after_a_request_in_flight",
        # On Ganache `make test` runs it while the indexer is running.
        "test_reorgs.py::test_season_played_again_differently_leaves_no_old_rows[ganache-down]",
    ),
    "what our queries make of the mirror": (
        "test_mirror.py::test_cancelled_nonces_are_counted_when_the_contract_counts_them",
        "test_mirror.py::test_decided_markets_owe_what_their_open_bets_are_paid",
        "test_mirror.py::test_share_price_equals_the_previews_of_the_bankroll",
        "test_verify.py::test_verify_reports_false_share_rows",
    ),
    "PostgreSQL, and our own processes beside each other": (
        "test_finality.py::test_sql_refuses_to_roll_back_a_final_block",
        "test_mirror.py::test_indexer_stopped_half_way_resumes_to_the_same_tables",
        "test_mirror.py::test_rebuild_restores_equal_tables",
        "test_process.py::test_standby_takes_over",
        "test_reorgs.py::test_reader_never_sees_a_half_written_range",
    ),
}
