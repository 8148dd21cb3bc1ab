"""Says which tests of the backend `make test` runs on Anvil alone: see
tests/support/ganache_again.py."""

from __future__ import annotations

# Why, and the files below tests/backend, or tests in them.
ANVIL_ALONE = {
    "what the operator and the facts decide": (
        "settlement/test_corrections.py",
        "settlement/test_fixture_verdict.py",
        "settlement/test_publishing.py",
    ),
    "what the API and our queries make of the mirror": (
        "api/test_cash_out_refusals.py",
        *(
            f"api/test_cash_out_attacks.py::test_{name}"
            for name in (
                "signature_of_a_contract_is_not_relayed",
                "offer_that_waits_longest_is_sent_first",
                "two_processes_do_not_offer_the_budget_twice",
                "offers_together_leave_the_reserve",
                "nobody_accepts_or_asks_for_another",
            )
        ),
        *(
            f"api/test_cash_out_price_attacks.py::test_{name}"
            for name in (
                "leg_without_a_result_in_time_is_bought_back_as_void",
                "single_that_is_void_is_not_bought_back",
                "market_that_other_rules_settle_is_not_bought_back",
                "whoever_writes_to_redis_sets_the_price_up_to_the_payout",
            )
        ),
        *(
            f"api/test_quotes.py::test_{name}"
            for name in (
                "asked_twice_it_is_one",
                "slips_keep_off_what_quotes_may_take",
                "refusals",
                "budget_and_life_go_together",
            )
        ),
        "api/test_relay_refusals.py",
        *(
            f"api/test_relay_attacks.py::test_{name}"
            for name in (
                "an_owner_has_so_many_in_an_hour_and_a_day",
                "all_owners_together_stay_within_the_budget",
                "nobody_signs_for_another_or_for_a_fee",
                "owner_whose_deposits_fail_on_the_chain_is_sent_no_more_for_a_day",
            )
        ),
        "api/test_enforceable.py",
        "api/test_enforcement.py",
        "api/test_liquidity.py",
        "api/test_proof.py",
        "api/test_tutorials.py",
        "settlement/test_documented_queries.py",
        "settlement/test_sent_calls.py",
    ),
    "our own processes, and Redis, that die": (
        "transactions/test_killed_process.py",
        "api/test_relays_sent_once.py::test_worker_killed_at_any_line_sends_each_once",
        "batching/test_worker.py::test_worker_killed_between_two_batches_places_each_slip_once",
        "batching/test_worker.py::test_worker_places_each_slip_once_when_redis_loses_everything",
        "batching/test_worker.py::test_worker_names_refused_rows_and_follows_new_starts",
    ),
}
