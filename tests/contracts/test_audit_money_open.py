"""Attacks on the money that succeed: each test states what should hold, and does not yet.

relay
└── an account that is not open has an owner of 0, for whom an invalid signature counts
deposits
└── a token that takes any permit without an error lets anybody move what is left of an allowance
bankroll
├── commission that is taken while bets lock money is more than its rate
└── who joins before decided winners are settled pays for what is theirs
keys
├── an operator without a budget takes the margin of honest bets
├── a bet that is placed otherwise needs more of the receipts' budget than was kept for it
└── who enforces receipts that a batch was about to place takes the budget of others
results
└── the bond of a lost dispute returns when the token was paused during the ruling
deployment
└── one of another owner, council, receiver and with further keys is checked and kept
"""

from __future__ import annotations

from contextlib import suppress

import pytest
from brownie import Results, Sportsbook, TestToken, accounts
from brownie.exceptions import VirtualMachineError

from protocol.roles import Role
from protocol.typed_data import Action, Request
from scripts import deploy, deploy_settings
from scripts.deployment_steps import PARTS, difference
from scripts.devnet.chain import CHAIN_ID
from tests.contracts.world import World, reverts, set_code
from tests.support.batches import pack, run
from tests.support.people import key, key_address
from tests.support.signing import score
from tests.support.slips import Pick, make_market
from tests.support.terms import (
    BOND_MICRO,
    DEPOSIT_MICRO,
    EXIT_DELAY_S,
    NO_CAP,
    RECEIPT_WINDOW_S,
    UNIT,
    VOID_AFTER_S,
)

pytestmark = pytest.mark.xfail(strict=True)

FAR_S = 2**40 - 1
DAY_S = 86_400
FIFTH_BPS = 2_000
SPARE = 30


# -- Relay


def relay_unsigned(world, action, value):
    """A request for the account that is opened next, with zeros for a signature."""
    asked = Request(world.sportsbook.accountCount() + 1, action, value, 0, 0, FAR_S)
    with suppress(VirtualMachineError):
        world.sportsbook.relay(asked.arguments(), bytes(64), {"from": accounts[61]})


def accepted(world, bettor):
    """A slip that the house accepted ten seconds ago."""
    at_s = world.now()
    match = make_market(starts_at_s=at_s + 3_600)
    signed = world.sign(bettor, Pick(match, 0), accepted_at_s=at_s)
    world.travel_to(at_s + 10)
    return signed


def test_account_that_is_not_open_announces_no_exit(world):
    """An exit that is due when the account opens: its owner leaves without the delay."""
    relay_unsigned(world, Action.REQUEST_EXIT, NO_CAP)
    world.travel_to(world.clock() + EXIT_DELAY_S)
    mallory = world.stranger(21)
    with reverts("ExitUnknown", mallory.account):
        world.sportsbook.exit(world.sender(mallory))


def test_account_that_is_not_open_is_excluded_by_nobody(world):
    """Its owner's first cancellation then shuts the account for ever, and kills what was accepted
    before."""
    relay_unsigned(world, Action.EXCLUDE, FAR_S)
    victim = world.stranger(22)
    signed = accepted(world, victim)
    world.sportsbook.cancelNonces(0, world.sender(victim))
    world.enforce(signed)
    world.sportsbook.depositFor(victim.address, UNIT, {"from": world.owner})


def test_account_that_is_not_open_has_no_nonces_to_cancel(world):
    """Its owner's first cancellation would use up the nonces of accepted slips."""
    relay_unsigned(world, Action.CANCEL_NONCES, 9)
    world.travel_to(world.clock() + RECEIPT_WINDOW_S)
    mallory = world.stranger(23)
    signed = accepted(world, mallory)
    world.sportsbook.cancelNonces(0, world.sender(mallory))
    world.enforce(signed)


# -- Deposits


def test_permit_that_a_token_takes_without_looking_is_no_consent(world):
    """As with a token that has no permit, and answers to unknown functions without an error."""
    victim = accounts[12]
    world.token.mint(victim, UNIT, {"from": world.owner})
    world.token.approve(world.sportsbook, UNIT, {"from": victim})
    set_code(world.token.address, deaf_to_permits(TestToken.deploy({"from": world.owner}).address))
    signature = (27, bytes(32), bytes(32))
    with suppress(VirtualMachineError):
        world.sportsbook.depositWithPermit(victim, UNIT, FAR_S, *signature, {"from": accounts[61]})
    assert world.token.balanceOf(victim) == UNIT


def deaf_to_permits(token):
    """Code that runs a token's, but for `permit`, of which it does nothing."""
    forward = bytes.fromhex("3660006000376000600036600073" + token[2:] + "5af4")
    answer = bytes.fromhex("3d600060003e")
    ok = 15 + len(forward) + len(answer) + 7
    stop = ok + 5
    head = bytes.fromhex(f"60003560e01c63d505accf1460{stop:02x}57")
    tail = bytes.fromhex(f"60{ok:02x}573d6000fd5b3d6000f35b00")
    return head + forward + answer + tail


# -- Bankroll


def worth(world, holder):
    return world.bankroll.previewRedeem(world.bankroll.balanceOf(holder))


def test_commission_is_no_more_when_it_is_taken_while_bets_are_open():
    """A bankroll of 1,000 has won 9,000. Bets lock nearly all of that, and are void in the end;
    somebody takes the commission after each."""
    world = World(FIFTH_BPS)
    world.set_limits(receipt_reserve_micro=0)
    by, bankroll = {"from": world.owner}, world.bankroll
    rest = bankroll.maxWithdraw(world.owner) - 1_000 * UNIT
    bankroll.withdraw(rest, world.owner, world.owner, by)
    now, name = world.now(), "Left v Right, 2025-05-25"
    lost = make_market(starts_at_s=now + 3_600, name=name)
    loser, other = world.stranger(31, 9_000 * UNIT), world.stranger(32)
    pick = Pick(lost, 0, 11_000, name)
    bets = world.place(world.sign(loser, pick, stake_micro=9_000 * UNIT, accepted_at_s=now))
    world.travel_to(lost.starts_at_s + 7_200)
    world.publish_final(score(0, 1, lost.starts_at_s + 7_000, name=name))
    world.settle(bets.number, bets.batch)
    now, held = world.now(), []
    for i in range(9):
        name = f"Left {i} v Right, 2025-05-25"
        pick = Pick(make_market(starts_at_s=now + 3_600, name=name), 0, 9_870_000, name)
        held.append(world.place(world.sign(other, pick, accepted_at_s=now, nonce=1 + i)))
    world.travel_to(now + 3_600 + VOID_AFTER_S + 1)
    for bets in held:
        bankroll.takeCommission(by)
        world.settle(bets.number, bets.batch)
    bankroll.takeCommission(by)
    assert world.sportsbook.house() == 10_000 * UNIT
    assert worth(world, world.partner) <= 9_000 * UNIT // 5


def test_settling_after_a_deposit_takes_nothing_of_it(world, alice):
    """Winners are decided, and the first is settled: the market is marked. A provider joins, and
    pays for the money that the second is owed."""
    now = world.leave_in_bankroll(1_000 * UNIT)
    provider = accounts[70]
    world.token.mint(provider, 1_000 * UNIT, {"from": world.owner})
    world.token.approve(world.bankroll, 2**255, {"from": provider})
    match = make_market(starts_at_s=now + 3_600)
    bets = world.place(
        world.sign(alice, Pick(match, 0), stake_micro=UNIT, accepted_at_s=now),
        world.sign(alice, Pick(match, 0), stake_micro=499 * UNIT, accepted_at_s=now, nonce=2),
    )
    world.end_match(match)
    world.settle(bets.number, bets.batch, 0, 1)
    world.bankroll.deposit(1_000 * UNIT, provider, {"from": provider})
    world.settle(bets.number, bets.batch, 1, 1)
    assert worth(world, provider) >= 1_000 * UNIT - 1


# -- Keys


def test_operator_without_a_budget_takes_no_margin(world, bob):
    """Honest bets on every outcome lock nothing, and leave the house a margin whoever wins."""
    world.replace_key(Role.OPERATOR, key_address(key(SPARE)), 0)
    at_s = world.clock()
    match = make_market(starts_at_s=at_s + 3_600)
    honest = [
        world.sign(
            bob, Pick(match, i, 27_000), stake_micro=300 * UNIT, accepted_at_s=at_s, nonce=1 + i
        )
        for i in range(3)
    ]
    world.place(*honest)
    assert world.book()["locked_micro"] == 0
    thief = world.stranger(41)
    absurd = world.sign(thief, Pick(match, 0, 890_000), accepted_at_s=at_s)
    world.sportsbook.placeBatch(pack(absurd), {"from": accounts[SPARE]})
    assert world.balance(thief) == DEPOSIT_MICRO


def test_receipts_of_bets_that_were_placed_otherwise_all_find_a_budget(world):
    """The API accepts what the budget can pay above the stakes. A thief of the operator's key
    places all of it at lower odds, within the slips' minimum."""
    secret = key(SPARE)
    world.replace_key(Role.RECEIPTS, key_address(secret), 100 * UNIT)
    at_s = world.clock()
    match = make_market(starts_at_s=at_s + 3_600)
    bettors = [world.stranger(50 + i) for i in range(10)]

    def signed(bettor, odds_e4):
        pick = Pick(match, 0, odds_e4)
        return world.sign(bettor, pick, stake_micro=100 * UNIT, accepted_at_s=at_s)

    was = world.place(*(signed(bettor, 10_500) for bettor in bettors))
    for i, bettor in enumerate(bettors):
        fair = signed(bettor, 11_000)
        receipt = world.receipt(fair, secret)
        bet = run(was.number, was.batch, i, 1)
        world.sportsbook.enforceInstead(bet, pack(fair), receipt, {"from": accounts[60]})


def test_receipts_that_are_enforced_at_once_leave_others_a_budget(world, alice, bob):
    """She and he bet on both sides, and do not wait for the batch that would place both. The house
    risks nothing, and its budget for the day is gone."""
    secret = key(SPARE)
    world.replace_key(Role.RECEIPTS, key_address(secret), 100 * UNIT)
    at_s = world.clock()
    match = make_market(starts_at_s=at_s + DAY_S)

    def enforce(bettor, outcome, stake_micro):
        pick = Pick(match, outcome)
        signed = world.sign(bettor, pick, stake_micro=stake_micro, accepted_at_s=at_s)
        world.enforce(signed, world.receipt(signed, secret))

    with suppress(VirtualMachineError):
        enforce(alice, 0, 50 * UNIT)
        enforce(bob, 2, 50 * UNIT)
    enforce(world.stranger(42), 0, UNIT)


# -- Results


def test_bond_of_a_lost_dispute_does_not_return():
    """The token is paused while the arbiter rules; the house should have the bond later."""
    world = World(token_contract="DollarToken")
    match = make_market(starts_at_s=world.now() + 3_600)
    world.travel_to(match.starts_at_s + 7_200)
    result = score(1, 0, match.starts_at_s + 7_000)
    world.publish(result)
    world.dispute()
    world.token.setPaused(True, {"from": world.owner})
    world.rule(result)
    world.token.setPaused(False, {"from": world.owner})
    world.travel_to(world.sportsbook.resultOf(match.fixture)[7])
    world.results.closeDispute(match.fixture, {"from": world.owner})
    assert world.token.balanceOf(accounts[20]) != BOND_MICRO


# -- Deployment


def test_deployment_with_other_people_in_it_is_not_kept(tmp_path):
    """The code is right. Owner, council, receiver of the commission, caps and reserve are not, and
    two keys without a bound stand beside the right ones."""
    wanted = deploy_settings.read({}, CHAIN_ID)
    record = deploy.deploy(wanted, accounts[0], tmp_path / "deployment.json")
    at, evil = record.contracts, accounts[90]
    by = {"from": evil}
    times = wanted.dispute_window_s, wanted.council_notice_s, wanted.dispute_bond_micro
    council = ([evil.address], 1, evil.address)
    results = Results.deploy(evil, at["Token"], *times, council, by)
    more = [(accounts[91], Role.RECEIPTS, NO_CAP), (accounts[92], Role.CASH_OUTS, NO_CAP)]
    book = Sportsbook.deploy(
        evil,
        at["Token"],
        results,
        [at[name] for name in PARTS],
        wanted.rules,
        (NO_CAP, NO_CAP, NO_CAP, 0),
        [*wanted.keys, *more],
        wanted.commission_bps,
        evil,
        by,
    )
    results.setSportsbook(book, by)
    at |= {"Results": results.address, "Sportsbook": book.address, "Bankroll": book.BANKROLL()}
    assert difference(wanted, record) is not None
