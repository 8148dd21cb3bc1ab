"""Attacks on tokens of few and many decimals, on the code that is run for the sportsbook, on
shares and on bonds.

bonds
├── a critic who burns all gas stops no ruling
├── a dispute within a refund, and a ruling within a dispute, take no bond of others
├── a lost bond of a token that is not the house's stops no ruling
└── the allowance of a lost bond is nobody's
the code that the sportsbook runs
├── does nothing when it is called itself, and is reached by its own names alone
├── obeys the owner of now, who can end what the one before proposed
├── moves money and stores results for the bankroll and the results alone
├── an account of a contract of the house is nobody's
└── a key that is retired before it counts never counts
tokens of other decimals
├── a bond lost on purpose makes no share so dear that the next provider loses a unit
├── small steps at an odd price, exits in parts, fractions that are staked: nobody gains
├── a fee that rounds to nothing lets in no more than arrived
├── a permit counts for its amount, an authorization for its fee
├── a pause leaves everything as it was
└── the limits that the bankroll names hold, with commission due and bets open
councils
└── a former council decides nothing that was not bet on
payments
└── who is paid a fee and provides in the middle of it finds whole books
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from brownie import (
    Administration,
    Bankroll,
    FeeToken,
    Results,
    ScaledToken,
    SelfService,
    Settling,
    Sportsbook,
    accounts,
    web3,
)
from brownie.exceptions import VirtualMachineError
from eth_utils.crypto import keccak
from web3.exceptions import Web3Exception

from protocol.market_id import fixture_id
from protocol.roles import Role
from protocol.scale import Scale
from protocol.signatures import compact
from protocol.typed_data import RESULTS_NAME, Action, Domain, Request, Result
from scripts.devnet.chain import CHAIN_ID
from tests.contracts.test_decimals import check_solvent, leave, win
from tests.contracts.test_disputes import OtherHouse
from tests.contracts.test_reentrancy import do, intrude, prepare
from tests.contracts.test_relay import FAR_S
from tests.contracts.token_signatures import authorization, permit
from tests.contracts.world import World, reverts, set_code
from tests.support import calls
from tests.support.people import council, key, key_address
from tests.support.signing import score, sign_raw, won_at_home
from tests.support.slips import NAME, Pick, make_market
from tests.support.terms import (
    BANKROLL_MICRO,
    BOND_MICRO,
    DISPUTE_WINDOW_S,
    EVERYTHING,
    EXIT_DELAY_S,
    NOBODY,
    NOTICE_S,
    UNIT,
)

SENDING, RECEIVING = 1, 2


def worth(house: Any, holder: Any) -> int:
    return int(house.bankroll.previewRedeem(house.bankroll.balanceOf(holder)))


def profit_of(house: World, micro: int, number: int) -> None:
    """A stranger loses a bet of so much."""
    name, now_s = f"Home {number} v Away, 2025-05-25", house.now()
    game = make_market(starts_at_s=now_s + 3_600, name=name)
    loser = house.stranger(number, micro)
    pick = Pick(game, 0, 20_000, name)
    bets = house.place(house.sign(loser, pick, stake_micro=micro, accepted_at_s=now_s))
    house.travel_to(game.starts_at_s + 7_200)
    house.publish_final(score(0, 1, game.starts_at_s + 7_000, name=name))
    house.settle(bets.number, bets.batch)


# -- Bonds


@pytest.fixture
def hooked() -> World:
    return World(token_contract="HookToken")


@pytest.fixture
def disputed(hooked: World) -> tuple[Any, Any, Result]:
    match = make_market(starts_at_s=hooked.now() + 3_600)
    hooked.travel_to(match.starts_at_s + 7_200)
    result = won_at_home(match)
    hooked.publish(result)
    return intrude(hooked), match, result


@pytest.mark.parametrize("gas", [500_000, 2_000_000, 8_000_000])
def test_critic_who_burns_gas_cannot_stop_the_ruling(hooked, disputed, gas):
    """The critic's hook uses up all that a call leaves it, instead of refusing."""
    intruder, match, result = disputed
    do(hooked, intruder, hooked.results.dispute, match.fixture)
    set_code(intruder.address, b"\xfe")
    ruling = replace(result, home_full=0)
    tx = hooked.results.rule(ruling.word(), {"from": hooked.arbiter, "gas_limit": gas})
    assert tx.events["DisputeClosed"]["refunded"] is True
    assert hooked.results.bondsOwed(intruder) == BOND_MICRO
    assert hooked.sportsbook.resultOf(match.fixture)[3] == 0


def test_dispute_that_is_opened_while_the_last_is_refunded_has_its_bond(hooked, disputed):
    """A critic who was right disputes the ruling while his bond comes back."""
    intruder, match, result = disputed
    do(hooked, intruder, hooked.results.dispute, match.fixture)
    prepare(hooked, intruder, RECEIVING, hooked.results.dispute, match.fixture)
    hooked.rule(replace(result, home_full=0))
    assert intruder.succeeded()
    bond = hooked.results.disputeOf(match.fixture)[1]
    assert hooked.token.balanceOf(hooked.results) == bond
    hooked.rule(replace(result, home_full=0))
    assert hooked.token.balanceOf(hooked.results) == 0
    held = hooked.token.balanceOf(intruder) + hooked.sportsbook.house()
    assert held == 1_000 * UNIT + BANKROLL_MICRO


def test_arbiter_who_rules_within_his_own_dispute_takes_no_bond_of_others(hooked):
    """The arbiter is a contract: he disputes, and rules while his bond is on its way."""
    intruder = intrude(hooked)
    hooked.change_council(hooked.signer_keys, 2, intruder.address)
    match = make_market(starts_at_s=hooked.now() + 3_600)
    hooked.travel_to(match.starts_at_s + 7_200)
    result = won_at_home(match)
    hooked.publish(result, term=2)
    right = replace(result, home_full=0)
    prepare(hooked, intruder, SENDING, hooked.results.rule, right.word())
    do(hooked, intruder, hooked.results.dispute, match.fixture)
    # He has lost his own bond: the dispute was closed before it arrived.
    assert intruder.succeeded()
    assert hooked.results.disputeOf(match.fixture) == (NOBODY, BOND_MICRO)
    hooked.dispute(by=accounts[21])
    hooked.travel_to(hooked.sportsbook.resultOf(match.fixture)[7])
    hooked.results.closeDispute(match.fixture, {"from": accounts[60]})
    assert hooked.token.balanceOf(accounts[21]) == BOND_MICRO


def test_allowances_of_results_and_bankroll_are_nobodys():
    """They have no end. The token blocks the sportsbook while a bond is lost, so that there is
    something to take: others deposit it."""
    house = World(token_contract="DollarToken")
    game = make_market(starts_at_s=house.now() + 3_600)
    house.travel_to(game.starts_at_s + 7_200)
    result = score(1, 0, game.starts_at_s + 7_000)
    house.publish(result)
    house.dispute()
    house.token.setBlocked(house.sportsbook, True, {"from": house.owner})
    house.rule(result)
    house.token.setBlocked(house.sportsbook, False, {"from": house.owner})
    assert house.results.bondsOwed(house.sportsbook) == BOND_MICRO
    house.token.mint(house.bankroll, BOND_MICRO, {"from": house.owner})
    by = {"from": accounts[60]}
    for holder in (house.results.address, house.bankroll.address):
        for v in (0, 27, 28):
            terms = (holder, BOND_MICRO, FAR_S, v, bytes(32), bytes(32))
            with reverts("PermitInvalid"):
                house.sportsbook.depositWithPermit(*terms, by)
    house.results.payBonds(house.sportsbook, by)
    assert house.sportsbook.house() == BANKROLL_MICRO + BOND_MICRO


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


# -- Decimals


@pytest.fixture(params=[0, 2, 18])
def house(request: Any) -> World:
    return World(token_contract="ScaledToken", decimals=request.param)


def test_bond_lost_on_purpose_makes_no_later_provider_lose_a_unit(world):
    """A sole provider of one unit of a token without decimals loses a bond of a hundred, so that
    the share is dear; the next provider's deposit must not round to his."""
    token = ScaledToken.deploy(0, {"from": world.owner})
    other = OtherHouse(world, token)
    bank = Bankroll.at(other.book.BANKROLL())
    thief, victim = accounts[70], accounts[71]
    for who in (thief, victim):
        token.mint(who, 1_000, {"from": world.owner})
        for spender in (bank, other.results):
            token.approve(spender, EVERYTHING, {"from": who})
    bank.deposit(1, thief, {"from": thief})
    now_s = world.now()
    for i in range(3):
        result = Result(bytes([i + 1]) * 16, 1, 0, 0, 1, 0, now_s)
        other.publish(result)
        other.results.dispute(result.fixture, {"from": thief})
        other.results.rule(result.word(), {"from": world.arbiter})
    assert other.book.house() == 301 * UNIT
    for amount in (1, 3, 149, 150):
        before = bank.balanceOf(victim)
        bank.deposit(amount, victim, {"from": victim})
        got = bank.previewRedeem(bank.balanceOf(victim) - before)
        assert got >= amount - 1
    wealth = token.balanceOf(thief) + bank.previewRedeem(bank.balanceOf(thief))
    assert wealth < 1_000


@pytest.mark.parametrize("house", [0, 2], indirect=True)
def test_provider_gains_nothing_by_many_small_steps_at_an_odd_price(house):
    """The pool holds fractions of a unit; a provider comes and goes by a unit and by a share."""
    win(house, house.open_account(10), 1, 3 * UNIT, 123_457)
    house.set_limits(receipt_reserve_micro=0)
    thief, bank = accounts[70], house.bankroll
    house.token.mint(thief, house.scale.to_units(1_000 * UNIT), {"from": house.owner})
    house.token.approve(bank, EVERYTHING, {"from": thief})
    units, by = house.scale.to_units(UNIT), {"from": thief}
    start = house.token.balanceOf(thief)
    price = bank.previewRedeem(10 ** (bank.decimals() + 6))
    one = 10**6
    steps = (
        lambda: bank.deposit(1, thief, by),
        lambda: bank.mint(one + 1, thief, by),
        lambda: bank.mint(one - 1, thief, by),
        lambda: bank.withdraw(1, thief, thief, by),
        lambda: bank.deposit(7 * units + 1, thief, by),
        lambda: bank.withdraw(1, thief, thief, by),
        lambda: bank.redeem(3 * one + 1, thief, thief, by),
        lambda: bank.withdraw(2, thief, thief, by),
        lambda: bank.redeem(one, thief, thief, by),
        lambda: bank.redeem(bank.balanceOf(thief), thief, thief, by),
    )
    for step in steps:
        step()
        wealth = house.token.balanceOf(thief) + worth(house, thief)
        assert wealth <= start
        check_solvent(house)
    assert bank.previewRedeem(10 ** (bank.decimals() + 6)) >= price


@pytest.mark.parametrize("house", [0, 2], indirect=True)
def test_bettor_gains_no_fraction_by_leaving_in_parts(house):
    """Exits of parts that are no whole units, one after the other, and a fee for each."""
    alice = house.open_account(10, UNIT * 3)
    total = 3 * UNIT + win(house, alice, 1, UNIT, 13_337) - UNIT
    assert house.balance(alice) == total
    for asked in (1, UNIT - 1, UNIT + 1, UNIT + UNIT // 2, 2**63):
        leave(house, alice, asked)
        got = house.token.balanceOf(alice.address) * house.scale.micro_per_unit
        assert got + house.balance(alice) == total
    assert house.balance(alice) < house.scale.micro_per_unit


def test_fee_that_rounds_to_nothing_lets_in_no_more_than_arrived(world):
    """A token of two decimals keeps a hundredth, rounded down: deposits of 99 units pay none."""
    token = FeeToken.deploy(2, {"from": world.owner})
    book = world.deploy_book(token)
    bank, by = Bankroll.at(book.BANKROLL()), {"from": world.owner}
    token.mint(world.owner, 10**9, by)
    for spender in (book, bank):
        token.approve(spender, EVERYTHING, by)
    book.deposit(UNIT - 10_000, by)
    assert book.accountAt(1)[1] == UNIT - 10_000
    book.deposit(UNIT, by)
    assert book.accountAt(1)[1] == 2 * UNIT - 20_000
    bank.deposit(99, world.owner, by)
    with reverts("ERC20InsufficientBalance"):
        bank.deposit(100, world.owner, by)
    token.mint(bank, 50, by)
    with reverts("TokenTakesFee", 100, 99):
        bank.deposit(100, world.owner, by)
    held = book.accountAt(1)[1] + book.house()
    assert token.balanceOf(book) * 10_000 == held


def test_permit_counts_for_its_own_amount_alone(house):
    """What she permitted in units is taken for another amount in micro-units, and in part."""
    carol, sender = key(12), accounts[61]
    owner, unit = key_address(carol), house.scale.micro_per_unit
    units = house.scale.to_units(10 * UNIT)
    house.token.mint(owner, 3 * units, {"from": house.owner})
    signed = permit(house, carol, units)
    for amount in (UNIT, 20 * UNIT, 10 * UNIT + unit, 10 * UNIT + 1):
        with reverts("PermitInvalid|AmountUneven"):
            house.sportsbook.depositWithPermit(owner, amount, FAR_S, *signed, {"from": sender})
    # One that is not whole micro-units is for nothing.
    if house.scale.units_per_micro > 1:
        odd = permit(house, carol, units + 1)
        with reverts("PermitInvalid"):
            house.sportsbook.depositWithPermit(owner, 10 * UNIT, FAR_S, *odd, {"from": sender})
    house.sportsbook.depositWithPermit(owner, 10 * UNIT, FAR_S, *signed, {"from": sender})
    with reverts("PermitInvalid"):
        house.sportsbook.depositWithPermit(owner, 10 * UNIT, FAR_S, *signed, {"from": sender})
    assert house.token.allowance(owner, house.sportsbook) == 0
    check_solvent(house)


def test_fee_of_an_authorization_is_the_one_she_signed(house):
    """Who sends it asks for more, for less of the deposit, and for all of it."""
    carol, sender, salt = key(12), accounts[61], b"\x09" * 32
    owner, units = key_address(carol), house.scale.to_units
    house.token.mint(owner, units(20 * UNIT), {"from": house.owner})
    signed = authorization(house, carol, units(10 * UNIT), UNIT, salt)
    for amount, fee in ((10 * UNIT, 2 * UNIT), (9 * UNIT, UNIT), (10 * UNIT, 0), (11 * UNIT, UNIT)):
        with reverts("AuthorizationInvalid"):
            terms = (owner, amount, fee, 0, FAR_S, salt, *signed)
            house.sportsbook.depositWithAuthorization(*terms, {"from": sender})
    all_of_it = authorization(house, carol, units(10 * UNIT), 10 * UNIT, salt)
    with reverts("AmountZero"):
        terms = (owner, 10 * UNIT, 10 * UNIT, 0, FAR_S, salt, *all_of_it)
        house.sportsbook.depositWithAuthorization(*terms, {"from": sender})
    before = house.token.balanceOf(sender)
    house.sportsbook.depositWithAuthorization(
        owner, 10 * UNIT, UNIT, 0, FAR_S, salt, *signed, {"from": sender}
    )
    assert house.token.balanceOf(sender) - before == units(UNIT)
    check_solvent(house)


# -- Councils


def test_former_council_decides_nothing_that_was_not_bet_on(world):
    """Signed before, published after: the fixture is the standing council's."""
    world.change_council(world.signer_keys, 3, world.arbiter.address)
    result = Result(b"\x05" * 16, 1, 0, 0, 1, 0, world.clock())
    with reverts("TermInvalid"):
        world.publish(result)


# -- Within a payment


def test_relayer_who_is_a_provider_finds_whole_books_while_it_is_paid(hooked):
    """While an exit's fee is paid, who sent it deposits into the bankroll and the sportsbook."""
    intruder = intrude(hooked)
    alice = hooked.open_account(10, 50 * UNIT)
    asked = hooked.sportsbook.requestExit(50 * UNIT, hooked.sender(alice))
    hooked.travel_to(asked.timestamp + EXIT_DELAY_S)
    leave_ = Request(alice.account, Action.EXIT, 0, 5 * UNIT, 0, FAR_S)
    signed = compact(sign_raw(hooked.domain, leave_, alice.key))
    prepare(hooked, intruder, RECEIVING, hooked.bankroll.deposit, 100 * UNIT, intruder)
    do(hooked, intruder, hooked.sportsbook.relay, leave_.arguments(), signed)
    assert intruder.succeeded()
    assert hooked.token.balanceOf(alice.address) == 45 * UNIT
    assert hooked.sportsbook.house() == BANKROLL_MICRO + 100 * UNIT
    assert hooked.token.balanceOf(hooked.sportsbook) == BANKROLL_MICRO + 100 * UNIT


# -- What the bankroll says of itself


@pytest.mark.parametrize("decimals", [0, 6, 18])
def test_limits_of_the_bankroll_hold_with_commission_due_and_bets_open(decimals):
    """Everybody takes exactly what the views name, while a fifth of the profit is due."""
    house = World(2_000, token_contract="ScaledToken", decimals=decimals)
    profit_of(house, 9_999 * UNIT, 41)
    now_s, name = house.now(), "Left v Right, 2025-05-25"
    game = make_market(starts_at_s=now_s + 3_600, name=name)
    bettor = house.stranger(42, 700_000 * UNIT)
    pick = Pick(game, 0, 10_100, name)
    house.place(house.sign(bettor, pick, stake_micro=700_000 * UNIT - 7, accepted_at_s=now_s))
    bank, by, late = house.bankroll, {"from": house.owner}, accounts[70]
    units = house.scale.to_units
    house.token.mint(late, units(5_000 * UNIT), by)
    house.token.approve(bank, EVERYTHING, {"from": late})
    before = house.token.balanceOf(late)
    asked = bank.previewMint(7 * 10 ** bank.decimals() + 1)
    bank.mint(7 * 10 ** bank.decimals() + 1, late, {"from": late})
    assert before - house.token.balanceOf(late) == asked
    assert bank.profitTaken() > 0
    check_solvent(house)
    free = bank.maxWithdraw(house.owner)
    shares = bank.maxRedeem(house.owner)
    with reverts("ERC4626ExceededMaxWithdraw"):
        bank.withdraw(free + house.scale.units_per_micro, house.owner, house.owner, by)
    with reverts("ERC4626ExceededMaxRedeem"):
        bank.redeem(shares + 1, house.owner, house.owner, by)
    before = house.token.balanceOf(house.owner)
    bank.redeem(shares, house.owner, house.owner, by)
    assert free == house.token.balanceOf(house.owner) - before
    assert bank.maxWithdraw(late) == 0 == bank.maxRedeem(late)
    check_solvent(house)


def test_bond_of_another_token_than_the_house_stops_no_ruling(world, now):
    """Results are deployed with bonds of another token, which no constructor refuses: a lost bond
    stays where it is, and the ruling counts."""
    token, by = ScaledToken.deploy(2, {"from": world.owner}), {"from": world.owner}
    first = council(world.signer_keys, 2, world.arbiter.address)
    terms = (DISPUTE_WINDOW_S, NOTICE_S, BOND_MICRO, first)
    results = Results.deploy(world.owner, token, *terms, by)
    book = world.deploy_book(world.token, results)
    results.setSportsbook(book, by)
    world.token.mint(results, BOND_MICRO, by)
    token.mint(world.owner, Scale.of_decimals(2).to_units(BOND_MICRO), by)
    token.approve(results, EVERYTHING, by)
    world.travel_to(now + 9_000)
    result = Result(fixture_id(NAME), 1, 0, 0, 1, 0, now)
    domain = Domain(CHAIN_ID, results.address, RESULTS_NAME)
    results.publish(*calls.publish(domain, [result], world.signer_keys[:2]), by)
    results.dispute(result.fixture, by)
    results.rule(result.word(), {"from": world.arbiter})
    assert results.bondsOwed(book) == BOND_MICRO
    with reverts("ERC20InsufficientAllowance"):
        results.payBonds(book, by)
    assert book.house() == 0
    assert world.token.balanceOf(results) == BOND_MICRO


def test_pool_of_a_paused_token_is_whole_after_it(house):
    """Deposit, exit, withdrawal and redemption while nothing moves, and again after."""
    alice = house.open_account(10, 5 * UNIT)
    asked = house.sportsbook.requestExit(5 * UNIT, house.sender(alice))
    house.travel_to(asked.timestamp + EXIT_DELAY_S)
    by = {"from": house.owner}
    house.token.setPaused(True, by)
    units = house.scale.to_units
    for act, given, sent in (
        (house.sportsbook.exit, (), house.sender(alice)),
        (house.sportsbook.deposit, (UNIT,), by),
        (house.bankroll.deposit, (units(UNIT), house.owner), by),
        (house.bankroll.withdraw, (units(UNIT), house.owner, house.owner), by),
    ):
        with reverts("Paused"):
            act(*given, sent)
    house.token.setPaused(False, by)
    assert house.balance(alice) == 5 * UNIT
    house.sportsbook.exit(house.sender(alice))
    assert house.token.balanceOf(alice.address) == units(5 * UNIT)
    check_solvent(house)


def test_fraction_that_stays_is_staked_and_lost_to_the_house(house):
    """She bets the fraction of a unit that an exit left, and then has nothing at all."""
    alice = house.open_account(10, UNIT)
    paid = win(house, alice, 1, UNIT, 13_337)
    leave(house, alice, 2**63)
    rest = house.balance(alice)
    assert rest == paid % house.scale.micro_per_unit
    if not rest:
        return
    before = house.sportsbook.house()
    name, now_s = "Last v Chance, 2025-05-25", house.now()
    game = make_market(starts_at_s=now_s + 3_600, name=name)
    pick = Pick(game, 2, 20_000, name)
    bets = house.place(house.sign(alice, pick, stake_micro=rest, accepted_at_s=now_s, nonce=2))
    house.travel_to(game.starts_at_s + 7_200)
    house.publish_final(score(1, 0, game.starts_at_s + 7_000, name=name))
    house.settle(bets.number, bets.batch)
    assert house.balance(alice) == 0
    assert house.sportsbook.house() == before + rest
    check_solvent(house)
