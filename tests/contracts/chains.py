"""Says which contract tests `make test` runs on both chains, and which on Anvil alone.

Both chains execute the same virtual machine, so a test of the contracts' own rules proves on
Ganache what it has proved on Anvil, and takes several times as long there. `make test` runs on
Ganache what depends on the chain; `make test-ganache` runs every contract test on it.
tests/architecture/test_chains.py fails when a file is in neither table, or in both.
"""

from __future__ import annotations

# The mark of what `make test` leaves to `make test-ganache`.
MARK = "anvil_alone"

# Why a file runs on both chains, and the files: test_NAME.py.
ON_BOTH = {
    "deployment, gas estimates, answers of a node": ("deploy", "deployment_check", "silent_node"),
    "reverts and how they are decoded": ("malformed", "settle_reverts"),
    "the time of blocks": ("fates",),
    "signatures, precompiles, hashes": ("passkeys", "signatures", "typed_data"),
    "events, memory, the limits of call data and of a block": ("layouts", "settle"),
    "tokens, and calls in the middle of calls": ("accounts", "reentrancy"),
    "the whole contract, in lives of random bets": ("random_slips", "state_machine"),
}

# Why a file runs on Anvil alone, and the files.
ANVIL_ALONE = {
    "attacks, which try our own rules": (
        "attacks",
        "attacks_by_accumulators",
        "attacks_by_hindsight",
        "attacks_by_operators",
        "attacks_by_relaying",
        "attacks_by_replacing",
        "attacks_by_rounding",
        "attacks_by_the_owner",
        "attacks_on_providers",
        "attacks_on_receipts",
        "attacks_with_receipts",
        "attacks_with_stolen_keys",
        *(
            "audit_bets",
            "audit_bets_by_receipt",
            "audit_bonds",
            "audit_bonds_owed",
            "audit_budgets",
            "audit_cash_outs",
        ),
        *("audit_commission", "audit_commission_again", "audit_commission_in_tokens"),
        *("audit_commission_receiver", "audit_markets"),
        *("audit_money", "audit_parts", "audit_receipts", "audit_requests", "audit_scales"),
        *("audit_settling_early", "audit_vault"),
        "open_limits_of_bets",
        "open_limits_of_money",
    ),
    "arithmetic: payouts, shares, scales, what is locked": (
        *(
            "bankroll",
            "commission",
            "decimals",
            "decimals_of_shares",
            "marking",
            "netting_proof",
            "outcomes",
        ),
        *("settle_cut", "settle_memory", "settle_shared"),
    ),
    "who may do what, and when that changes": (
        *(
            "constructor",
            "council",
            "disputes",
            "exclusion",
            "keys",
            "key_budgets",
            "limits",
            "results",
            "roles",
        ),
    ),
    "the life of a bet by our own rules": (
        *(
            "cancellation",
            "cash_out",
            "cash_out_offers",
            "enforce",
            "enforce_instead",
            "every_kind",
        ),
        *("place", "place_skips", "quotes", "relay", "withdraw"),
    ),
    "programs that ask no chain": ("compiled_contracts", "deploy_settings"),
}
