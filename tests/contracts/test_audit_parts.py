"""Attacks on the code that the sportsbook runs, and on who may call it: what an auditor tried that
earns nothing.

the code that the sportsbook runs
├── does nothing when it is called itself, and is reached by its own names alone
├── obeys the owner of now, who can end what the one before proposed
├── moves money and stores results for the bankroll and the results alone
├── an account of a contract of the house is nobody's
└── a key that is retired before it counts never counts
councils
└── a former council decides nothing that was not bet on
"""

from __future__ import annotations

from typing import Any

import pytest
from brownie import Administration, SelfService, Settling, Sportsbook, accounts, web3
from brownie.exceptions import VirtualMachineError
from eth_utils.crypto import keccak
from web3.exceptions import Web3Exception

from protocol.roles import Role
from protocol.typed_data import Action, Request, Result
from tests.contracts.test_relay import FAR_S
from tests.contracts.world import reverts
from tests.support.people import council, key, key_address
from tests.support.slips import Pick, make_market
from tests.support.terms import BANKROLL_MICRO, NOTICE_S, UNIT

# -- The code that the sportsbook runs


def arguments_of(entry: dict[str, Any], who: str) -> list[Any]:
    def value(spec: dict[str, Any]) -> Any:
        kind = spec["type"]
        if kind.endswith("[]"):
            return []
        if kind == "tuple":
            return [value(part) for part in spec["components"]]
        if kind == "address":
            return who
        if kind == "bool":
            return True
        if kind == "bytes":
            return b""
        if kind.startswith("bytes"):
            return bytes(int(kind[5:]))
        return 1

    return [value(spec) for spec in entry["inputs"]]


@pytest.mark.parametrize("part", [Administration, SelfService, Settling])
def test_part_called_directly_does_nothing(world, alice, part):
    """Everybody with a role calls every function of the code itself."""
    before = [bytes(web3.eth.get_storage_at(world.sportsbook.address, slot)) for slot in range(4)]
    code = part.at(world._contracts[part._name].address)
    passed = set()
    for entry in part.abi:
        if entry["type"] != "function" or entry["stateMutability"] in ("view", "pure"):
            continue
        method = getattr(code, entry["name"])
        for who in (world.owner, world.guardian, accounts[60], accounts[10]):
            try:
                method(*arguments_of(entry, who.address), {"from": who})
                passed.add(entry["name"])
            except (VirtualMachineError, ValueError):
                pass
    # Without a list of results there is nothing to store.
    assert passed == ({"resolve"} if part is Settling else set())
    after = [bytes(web3.eth.get_storage_at(world.sportsbook.address, slot)) for slot in range(4)]
    assert before == after
    for slot in range(4):
        assert not any(web3.eth.get_storage_at(code.address, slot))


def selectors(container: Any) -> dict[bytes, str]:
    def kind(spec: dict[str, Any]) -> str:
        if spec["type"].startswith("tuple"):
            inner = ",".join(kind(part) for part in spec["components"])
            return f"({inner}){spec['type'][5:]}"
        return str(spec["type"])

    found = {}
    for entry in container.abi:
        if entry["type"] == "function":
            text = f"{entry['name']}({','.join(kind(spec) for spec in entry['inputs'])})"
            found[keccak(text=text)[:4]] = text
    return found


def test_function_of_a_part_is_reached_by_its_own_name_alone(world):
    """Selectors of the parts that the sportsbook does not have; and two names of one selector."""
    own = selectors(Sportsbook)
    for part in (Administration, SelfService, Settling):
        for selector, text in selectors(part).items():
            if selector in own:
                assert own[selector] == text
            else:
                with pytest.raises((VirtualMachineError, Web3Exception, ValueError)):
                    web3.eth.call({"to": world.sportsbook.address, "data": selector + bytes(320)})


def test_owner_to_be_has_no_rights_and_a_former_one_none_left(world):
    """Ownership is offered, the offer is replaced, and taken; `Administration` asks."""
    heir, other = accounts[60], accounts[61]
    limits = world.sportsbook.limits()
    acts = (
        (world.sportsbook.setGuardian, (other,)),
        (world.sportsbook.proposeLimits, (limits,)),
        (world.sportsbook.grantKey, ((other, Role.OPERATOR, 1),)),
        (world.sportsbook.pausePlacing, (False,)),
    )
    world.sportsbook.transferOwnership(heir, {"from": world.owner})
    for act, given in acts:
        with reverts("OwnableUnauthorizedAccount|NotGuardian"):
            act(*given, {"from": heir})
    world.sportsbook.transferOwnership(other, {"from": world.owner})
    with reverts("OwnableUnauthorizedAccount"):
        world.sportsbook.acceptOwnership({"from": heir})
    world.sportsbook.acceptOwnership({"from": other})
    for act, given in acts:
        with reverts("OwnableUnauthorizedAccount|NotGuardian"):
            act(*given, {"from": world.owner})
    with reverts("OwnerZero"):
        world.sportsbook.renounceOwnership({"from": other})


def test_what_a_former_owner_proposed_is_gone_by_one_word(world):
    """He proposes limits and a council, grants a key, and sells; all of it would count later."""
    heir, limits = accounts[60], (1, 1, 1, 1)
    theirs = council(world.signer_keys, 3, accounts[61].address)
    thief = accounts[61]
    world.grant(thief.address, Role.RECEIPTS, 10**12)
    world.sportsbook.proposeLimits(limits, {"from": world.owner})
    proposed = world.results.propose(theirs, {"from": world.owner})
    for contract in (world.sportsbook, world.results):
        contract.transferOwnership(heir, {"from": world.owner})
        contract.acceptOwnership({"from": heir})
    ours = council(world.signer_keys, 2, world.arbiter.address)
    world.sportsbook.proposeLimits(world.sportsbook.limits(), {"from": heir})
    world.results.propose(ours, {"from": heir})
    world.sportsbook.retireKey(thief, {"from": heir})
    world.travel_to(proposed.timestamp + NOTICE_S)
    with reverts("LimitsNotProposed"):
        world.sportsbook.applyLimits(limits, {"from": world.owner})
    with reverts("CouncilNotProposed"):
        world.results.appoint(theirs, {"from": world.owner})
    assert world.sportsbook.keyOf(thief)[2] < proposed.timestamp + NOTICE_S


def test_house_money_is_moved_by_the_bankroll_alone(world):
    """Others call what only the bankroll and the results may."""
    for who in (world.owner, world.guardian, world.operator, accounts[60]):
        with reverts("NotBankroll", who.address):
            world.sportsbook.release(who, UNIT, {"from": who})
        with reverts("NotBankroll", who.address):
            world.sportsbook.fund(UNIT, {"from": who})
        for method, given in (
            (world.sportsbook.resolve, ([], 1, 1)),
            (world.sportsbook.amend, (1, 1)),
            (world.sportsbook.setTerm, (9,)),
        ):
            with reverts("NotResults", who.address):
                method(*given, {"from": who})


@pytest.mark.parametrize("name", ["Sportsbook", "Results", "Bankroll", "Administration"])
def test_account_of_a_contract_of_the_house_is_nobodys(world, name):
    """An account is opened for a contract that cannot sign; anybody asks on its behalf."""
    owner = world._contracts[name].address
    poor = world.open_for(owner, key(60), 5 * UNIT)
    for length in (0, 64, 65):
        asked = Request(poor.account, Action.REQUEST_EXIT, 5 * UNIT, 0, 0, FAR_S)
        with reverts("RequestUnsigned"):
            world.sportsbook.relay(asked.arguments(), bytes(length), {"from": accounts[60]})
    assert world.balance(poor) == 5 * UNIT
    assert world.sportsbook.house() == BANKROLL_MICRO


def test_key_that_is_retired_before_it_counts_never_counts(world, alice, match):
    """A receipt of the very second from which it would have counted."""
    granted = world.grant(key_address(key(30)), Role.RECEIPTS, 10**12)
    world.retire(key_address(key(30)))
    at_s = granted.timestamp + NOTICE_S
    world.travel_to(at_s)
    game = make_market(starts_at_s=at_s + 3_600, name="Left v Right, 2025-05-25")
    pick = Pick(game, 0, 20_000, "Left v Right, 2025-05-25")
    for accepted_s in (granted.timestamp, at_s - 1, at_s):
        slip = world.sign(alice, pick, accepted_at_s=accepted_s)
        with reverts("ReceiptInvalid|SlipRefused"):
            world.enforce(slip, world.receipt(slip, key(30)))
    assert world.sportsbook.keyOf(key_address(key(30)))[4] == 10**12


# -- Councils


def test_former_council_decides_nothing_that_was_not_bet_on(world):
    """Signed before, published after: the fixture is the standing council's."""
    world.change_council(world.signer_keys, 3, world.arbiter.address)
    result = Result(b"\x05" * 16, 1, 0, 0, 1, 0, world.clock())
    with reverts("TermInvalid"):
        world.publish(result)
