"""Who may do what on the sportsbook.

set_operator, set_signer, set_guardian, set_bankroll, set_caps
├── revert for anybody but the owner
├── take effect and say so
├── revert for nobody as a signer
└── set the bankroll once
resolve, amend, fund, release
└── revert for anybody but results, or bankroll
pause_placing
├── stops for guardian and owner
├── resumes for the owner alone
└── reverts for anybody else
ownership
├── moves in two steps
└── is not given up
what cannot change
└── is there to be read
"""

from brownie import ZERO_ADDRESS, accounts

from scripts.devnet.chain import CHAIN_ID
from tests.contracts.world import reverts
from tests.support.terms import (
    BOND_MICRO,
    DISPUTE_WINDOW_S,
    EXIT_DELAY_S,
    NO_CAP,
    NOTICE_S,
    RECEIPT_WINDOW_S,
    UNIT,
    VOID_AFTER_S,
)


def test_roles_belong_to_owner(world):
    stranger = accounts[41]
    by = {"from": stranger}
    for call in (
        lambda: world.sportsbook.setOperator(stranger, True, by),
        lambda: world.sportsbook.setSigner(stranger, True, by),
        lambda: world.sportsbook.setGuardian(stranger, by),
        lambda: world.sportsbook.setBankroll(stranger, by),
        lambda: world.sportsbook.setCaps(0, 0, by),
    ):
        with reverts("OwnableUnauthorizedAccount", stranger.address):
            call()


def test_roles_take_effect(world):
    by, someone = {"from": world.owner}, accounts[41]
    tx = world.sportsbook.setOperator(someone, True, by)
    assert dict(tx.events["OperatorSet"]) == {"operator": someone.address, "allowed": True}
    assert world.sportsbook.isOperator(someone)
    world.sportsbook.setOperator(someone, False, by)
    assert not world.sportsbook.isOperator(someone)
    tx = world.sportsbook.setSigner(someone, True, by)
    assert dict(tx.events["SignerSet"]) == {"signer": someone.address, "allowed": True}
    assert world.sportsbook.isSigner(someone)
    tx = world.sportsbook.setSigner(someone, False, by)
    assert dict(tx.events["SignerSet"]) == {"signer": someone.address, "allowed": False}
    assert not world.sportsbook.isSigner(someone)
    assert world.sportsbook.caps() == (NO_CAP, NO_CAP)
    tx = world.sportsbook.setCaps(UNIT, 2 * UNIT, by)
    assert dict(tx.events["CapsSet"]) == {"market": UNIT, "fixture": 2 * UNIT}
    assert world.sportsbook.caps() == (UNIT, 2 * UNIT)
    tx = world.sportsbook.setGuardian(someone, by)
    assert dict(tx.events["GuardianSet"]) == {"guardian": someone.address}


def test_operator_cannot_place_after_dismissal(world):
    world.sportsbook.setOperator(world.operator, False, {"from": world.owner})
    with reverts("NotOperator", world.operator.address):
        world.sportsbook.placeBatch(b"", {"from": world.operator})


def test_set_signer_reverts_for_nobody(world):
    with reverts("OwnerZero"):
        world.sportsbook.setSigner(ZERO_ADDRESS, True, {"from": world.owner})


def test_results_and_house_money_change_through_their_contracts_alone(world, now):
    """Not even the owner may publish, or move what belongs to the house."""
    for caller in (world.owner, world.operator, world.arbiter):
        by = {"from": caller}
        with reverts("NotResults", caller.address):
            world.sportsbook.resolve([1 << 128], now, by)
        with reverts("NotResults", caller.address):
            world.sportsbook.amend(1 << 128, now, by)
        with reverts("NotBankroll", caller.address):
            world.sportsbook.fund(UNIT, by)
        with reverts("NotBankroll", caller.address):
            world.sportsbook.release(caller, UNIT, by)


def test_set_bankroll_only_once(world):
    with reverts("BankrollAlreadySet", world.bankroll.address):
        world.sportsbook.setBankroll(accounts[41], {"from": world.owner})


def test_pause_placing_stops_for_guardian_and_resumes_for_owner(world):
    tx = world.sportsbook.pausePlacing(True, {"from": world.guardian})
    assert dict(tx.events["PlacingPaused"]) == {"paused": True}
    assert world.book()["paused"]
    with reverts("NotGuardian", world.guardian.address):
        world.sportsbook.pausePlacing(False, {"from": world.guardian})
    world.sportsbook.pausePlacing(False, {"from": world.owner})
    assert not world.book()["paused"]
    world.sportsbook.pausePlacing(True, {"from": world.owner})
    for caller in (world.operator, accounts[41]):
        for paused in (True, False):
            with reverts("NotGuardian", caller.address):
                world.sportsbook.pausePlacing(paused, {"from": caller})


def test_ownership_cannot_be_renounced(world):
    for contract in (world.sportsbook, world.results):
        with reverts("OwnableUnauthorizedAccount", world.operator.address):
            contract.renounceOwnership({"from": world.operator})
        with reverts("OwnerZero"):
            contract.renounceOwnership({"from": world.owner})
        assert contract.owner() == world.owner.address


def test_ownership_moves_in_two_steps(world):
    new = accounts[41]
    for contract in (world.sportsbook, world.results):
        contract.transferOwnership(new, {"from": world.owner})
        assert contract.owner() == world.owner
        with reverts("OwnableUnauthorizedAccount", accounts[42].address):
            contract.acceptOwnership({"from": accounts[42]})
        contract.acceptOwnership({"from": new})
        assert contract.owner() == new


def test_contracts_say_what_they_are_bound_to(world):
    book, results = world.sportsbook, world.results
    assert (book.TOKEN(), book.RESULTS(), book.SETTLING()) == (
        world.token.address,
        results.address,
        world.settling.address,
    )
    assert (book.RECEIPT_WINDOW(), book.EXIT_DELAY(), book.VOID_AFTER()) == (
        RECEIPT_WINDOW_S,
        EXIT_DELAY_S,
        VOID_AFTER_S,
    )
    assert (results.TOKEN(), results.sportsbook()) == (world.token.address, book.address)
    assert (results.DISPUTE_WINDOW(), results.NOTICE(), results.BOND()) == (
        DISPUTE_WINDOW_S,
        NOTICE_S,
        BOND_MICRO,
    )
    _, name, version, chain_id, address, _, _ = world.settling.eip712Domain()
    assert (name, version, chain_id) == ("Fairline", "1", CHAIN_ID)
    assert address == world.settling.address
