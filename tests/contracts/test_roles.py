"""Who may do what on the sportsbook.

grantKey, setGuardian, proposeLimits
├── revert for anybody but the owner
└── take effect and say so (keys: test_keys.py, limits: test_limits.py)
retireKey
└── is the owner's and the guardian's
resolve, amend, setTerm, fund, release
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

from brownie import accounts

from protocol.roles import Role
from scripts.devnet.chain import CHAIN_ID
from tests.contracts.world import reverts
from tests.support.deployment import RULES
from tests.support.terms import BOND_MICRO, DISPUTE_WINDOW_S, NOTICE_S, UNIT, VOID_AFTER_S


def test_roles_belong_to_owner(world):
    book = world.sportsbook
    for stranger in (accounts[41], world.guardian, world.operator):
        for function, argument in (
            (book.grantKey, (stranger, Role.OPERATOR, 1)),
            (book.setGuardian, stranger),
            (book.proposeLimits, (0, 0, 0, 0)),
        ):
            with reverts("OwnableUnauthorizedAccount", stranger.address):
                function(argument, {"from": stranger})


def test_guardian_is_named_by_the_owner(world):
    someone = accounts[41]
    tx = world.sportsbook.setGuardian(someone, {"from": world.owner})
    assert dict(tx.events["GuardianSet"]) == {"guardian": someone.address}
    assert world.sportsbook.guardian() == someone


def test_keys_are_retired_by_owner_and_guardian_alone(world):
    operator, signer = world.operator.address, world.receipt_signer.address
    for caller in (world.operator, accounts[41]):
        with reverts("NotGuardian", caller.address):
            world.sportsbook.retireKey(operator, {"from": caller})
    world.sportsbook.retireKey(operator, {"from": world.guardian})
    world.sportsbook.retireKey(signer, {"from": world.owner})


def test_results_and_house_money_change_through_their_contracts_alone(world, now):
    """Not even the owner may publish, or move what belongs to the house."""
    for caller in (world.owner, world.operator, world.arbiter):
        by = {"from": caller}
        with reverts("NotResults", caller.address):
            world.sportsbook.resolve([1 << 128], now, 1, by)
        with reverts("NotResults", caller.address):
            world.sportsbook.setTerm(2, by)
        with reverts("NotResults", caller.address):
            world.sportsbook.amend(1 << 128, now, by)
        with reverts("NotBankroll", caller.address):
            world.sportsbook.fund(UNIT, by)
        with reverts("NotBankroll", caller.address):
            world.sportsbook.release(caller, UNIT, by)


def test_pause_placing_stops_for_guardian_and_resumes_for_owner(world):
    tx = world.sportsbook.pausePlacing(True, {"from": world.guardian})
    assert dict(tx.events["PlacingPaused"]) == {"paused": True}
    assert world.sportsbook.placingPaused()
    with reverts("NotGuardian", world.guardian.address):
        world.sportsbook.pausePlacing(False, {"from": world.guardian})
    world.sportsbook.pausePlacing(False, {"from": world.owner})
    assert not world.sportsbook.placingPaused()
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
    assert [book.SETTLING(), book.SELF_SERVICE(), book.ADMINISTRATION()] == world.parts
    assert (book.BANKROLL(), world.bankroll.SPORTSBOOK()) == (
        world.bankroll.address,
        book.address,
    )
    rules = (
        *(book.BATCH_WINDOW(), book.RECEIPT_WINDOW(), book.EXIT_DELAY()),
        *(book.CASH_OUT_AGE(), book.NOTICE(), book.HORIZON()),
    )
    assert rules == RULES
    assert book.VOID_AFTER() == VOID_AFTER_S
    assert (results.TOKEN(), results.sportsbook()) == (world.token.address, book.address)
    assert (results.DISPUTE_WINDOW(), results.NOTICE(), results.BOND()) == (
        DISPUTE_WINDOW_S,
        NOTICE_S,
        BOND_MICRO,
    )
    _, name, version, chain_id, address, _, _ = world.settling.eip712Domain()
    assert (name, version, chain_id) == ("Fairline", "1", CHAIN_ID)
    assert address == world.settling.address
