"""Rules that a deployment cannot have, each just outside and just inside of its bounds.

constructor of the sportsbook
├── reverts with RuleOutOfBounds, naming the rule and its bounds
├── bounds the notice and the dispute window of its results too
├── reverts when there is no code for one of its parts
└── creates the bankroll, which nobody can replace
"""

from __future__ import annotations

import pytest
from brownie import Bankroll, Results

from tests.contracts.world import reverts
from tests.support.people import council
from tests.support.terms import (
    BATCH_WINDOW_S,
    BOND_MICRO,
    CASH_OUT_AGE_S,
    DISPUTE_WINDOW_S,
    EXIT_DELAY_S,
    HORIZON_S,
    NOTICE_S,
    RECEIPT_WINDOW_S,
)

HOUR_S, DAY_S = 3_600, 86_400
LAG_S = 300
NAMES = ("batchWindow", "receiptWindow", "exitDelay", "cashOutAge", "notice", "horizon")
USUAL = {
    "batchWindow": BATCH_WINDOW_S,
    "receiptWindow": RECEIPT_WINDOW_S,
    "exitDelay": EXIT_DELAY_S,
    "cashOutAge": CASH_OUT_AGE_S,
    "notice": NOTICE_S,
    "horizon": HORIZON_S,
    "councilNotice": NOTICE_S,
    "disputeWindow": DISPUTE_WINDOW_S,
}
# Each rule with its least and its most, and what else has to change for the others to hold.
BOUNDS = [
    ("batchWindow", 1, 120, {}),
    ("receiptWindow", 2 * BATCH_WINDOW_S, HOUR_S, {"exitDelay": 7 * DAY_S, "cashOutAge": DAY_S}),
    ("exitDelay", 2 * RECEIPT_WINDOW_S + LAG_S, 7 * DAY_S, {}),
    ("cashOutAge", RECEIPT_WINDOW_S + 1, DAY_S, {}),
    ("notice", EXIT_DELAY_S + RECEIPT_WINDOW_S, 30 * DAY_S, {}),
    ("councilNotice", EXIT_DELAY_S + RECEIPT_WINDOW_S, 30 * DAY_S, {}),
    ("disputeWindow", RECEIPT_WINDOW_S, 7 * DAY_S, {}),
    ("horizon", DAY_S, 400 * DAY_S, {}),
]
LONG = {"notice": 30 * DAY_S, "councilNotice": 30 * DAY_S, "disputeWindow": 7 * DAY_S}


def deploy(world, **rules):
    chosen = USUAL | rules
    results = Results.deploy(
        world.owner,
        world.token,
        chosen["disputeWindow"],
        chosen["councilNotice"],
        BOND_MICRO,
        council(world.signer_keys, 2, world.arbiter.address),
        {"from": world.owner},
    )
    return world.deploy_book(results=results, rules=tuple(chosen[name] for name in NAMES))


@pytest.mark.parametrize(
    ("rule", "least", "most", "others"), BOUNDS, ids=[bound[0] for bound in BOUNDS]
)
def test_rule_is_bounded_to_the_second(world, rule, least, most, others):
    longer = {name: value for name, value in (LONG | others).items() if name != rule}
    if rule not in ("receiptWindow", "exitDelay"):
        longer = others
    for value in (least - 1, most + 1):
        with reverts("RuleOutOfBounds", rule, value, least, most):
            deploy(world, **(longer | {rule: value}))
    for value in (least, most):
        deploy(world, **(longer | {rule: value}))


def test_rules_follow_each_other(world):
    """A longer receipt window asks for a longer way out, and that for a longer notice."""
    longer = RECEIPT_WINDOW_S + 1
    way_out = 2 * longer + LAG_S
    rules = {"receiptWindow": longer, "disputeWindow": longer, "exitDelay": way_out}
    with reverts("RuleOutOfBounds", "exitDelay", way_out - 1, way_out, 7 * DAY_S):
        deploy(world, **(rules | {"exitDelay": way_out - 1}))
    with reverts("RuleOutOfBounds", "notice", way_out + longer - 1, way_out + longer, 30 * DAY_S):
        deploy(world, **(rules | {"notice": way_out + longer - 1}))
    with reverts("RuleOutOfBounds", "disputeWindow", longer - 1, longer, 7 * DAY_S):
        deploy(world, **(rules | {"disputeWindow": longer - 1}))
    with reverts("RuleOutOfBounds", "cashOutAge", longer, longer + 1, DAY_S):
        deploy(world, **(rules | {"cashOutAge": longer}))
    deploy(world, **rules)


@pytest.mark.parametrize("part", range(3), ids=["settling", "self-service", "administration"])
def test_constructor_reverts_without_code_for_a_part(world, alice, part):
    """A delegatecall to nobody succeeds, and does nothing."""
    parts = list(world.parts)
    parts[part] = alice.address
    with reverts("CodeMissing", alice.address):
        world.deploy_book(parts=parts)


def test_bankroll_is_created_with_the_sportsbook(world):
    book = world.deploy_book(commission=(500, world.partner.address))
    bank = Bankroll.at(book.BANKROLL())
    assert bank.SPORTSBOOK() == book.address
    assert bank.asset() == world.token.address
    assert (bank.COMMISSION_BPS(), bank.COMMISSION_TO()) == (500, world.partner.address)
    assert not any(
        "ankroll" in item["name"]
        for item in book.abi
        if item["type"] == "function" and item["stateMutability"] == "nonpayable"
    )
