"""Attacks that belong to no one function. docs/attacks.md lists these and all others.

a token that calls back
├── takes no exit twice, and no withdrawal
├── has no deposit counted twice
└── gets no bond back twice
a token that refuses to pay somebody
└── cannot keep the arbiter from ruling, and gives the bond back once it pays again
a token that keeps a fee
└── cannot make the house pay bonds that never arrived
the settling contract, called by itself
└── finds no bets and changes nothing of the sportsbook
a run
├── whose bets have accounts that do not exist, or outcomes far above all, proves nothing
└── whose leaf is an inner node of the tree proves nothing
outcomes above three
└── are paid as others are, whatever the markets beside them hold in memory
"""

from __future__ import annotations

import itertools

import pytest
from brownie import (
    Bankroll,
    CallbackToken,
    FeeToken,
    Results,
    Settling,
    Sportsbook,
    accounts,
)

from backend.slips.typed_data import (
    RESULTS_NAME,
    Domain,
    Result,
    pair,
    result_sheet_hash,
    sign,
)
from indexer.market_id import Kind, MarketId, fixture_id
from scripts.devnet.chain import CHAIN_ID
from tests.contracts.world import (
    BOND_MICRO,
    DISPUTE_WINDOW_S,
    EXIT_DELAY_S,
    NAME,
    NOBODY,
    NOTICE_S,
    RECEIPT_WINDOW_S,
    UNIT,
    Pick,
    council,
    payouts,
    reverts,
    run,
)


class OtherHouse:
    """A house of its own around a token, without the bettors of the others."""

    def __init__(self, world, token):
        self.world, self.token = world, token
        self.by = {"from": world.owner}
        first = council(world.signer_keys, 2, world.arbiter.address)
        self.results = Results.deploy(
            world.owner, token, DISPUTE_WINDOW_S, NOTICE_S, BOND_MICRO, first, self.by
        )
        self.book = Sportsbook.deploy(
            *(world.owner, token, self.results, world.settling, RECEIPT_WINDOW_S, EXIT_DELAY_S),
            self.by,
        )
        self.results.setSportsbook(self.book, self.by)
        self.book.setBankroll(Bankroll.deploy(token, self.book, 0, NOBODY, self.by), self.by)
        token.mint(world.owner, 10**12, self.by)
        for spender in (self.book, self.results):
            token.approve(spender, 2**255, self.by)

    def publish(self, result):
        """One result, by the council of the world."""
        domain = Domain(CHAIN_ID, self.results.address, RESULTS_NAME)
        digest = domain.digest(result_sheet_hash([result]))
        signatures = [pair(sign(digest, key)) for key in self.world.signer_keys[:2]]
        return self.results.publish([result.word()], signatures, self.by)


@pytest.fixture
def hostile(world):
    """A house whose token calls back, and has an account itself."""
    house = OtherHouse(world, CallbackToken.deploy({"from": world.owner}))
    house.book.depositFor(house.token, 100 * UNIT, house.by)
    house.book.depositFor(accounts[30], 1_000 * UNIT, house.by)
    return house


def test_token_that_calls_back_exits_once(world, hostile):
    token, book = hostile.token, hostile.book
    token.execute(book, book.requestExit.encode_input(60 * UNIT), hostile.by)
    world.travel_to(world.now() + EXIT_DELAY_S)
    leave = book.exit.encode_input()
    token.arm(book, leave, hostile.by)
    token.execute(book, leave, hostile.by)
    assert not token.answered()
    assert token.balanceOf(token) == 60 * UNIT
    assert token.balanceOf(book) == 1_040 * UNIT
    assert book.accountAt(1)[1] == 40 * UNIT


def test_token_that_calls_back_deposits_what_it_has(world, hostile):
    """A deposit within a deposit: both arrivals count once."""
    token, book = hostile.token, hostile.book
    token.mint(token, 5 * UNIT, hostile.by)
    token.execute(token, token.approve.encode_input(book, 2**255), hostile.by)
    token.arm(book, book.deposit.encode_input(5 * UNIT), hostile.by)
    book.depositFor(accounts[31], 3 * UNIT, hostile.by)
    assert token.answered()
    balances = [book.accountAt(account)[1] for account in range(1, book.accountCount() + 1)]
    assert sum(balances) == token.balanceOf(book)


def test_token_that_calls_back_gets_a_bond_once(world, hostile, now):
    token, results = hostile.token, hostile.results
    world.travel_to(now + 9_000)
    result = Result(fixture_id(NAME), 1, 0, 0, 1, 0, now)
    hostile.publish(result)
    token.mint(token, BOND_MICRO, hostile.by)
    token.execute(token, token.approve.encode_input(results, 2**255), hostile.by)
    contest = results.dispute.encode_input(result.fixture)
    token.arm(results, contest, hostile.by)
    token.execute(results, contest, hostile.by)
    assert not token.answered()
    world.travel_to(world.now() + 3 * DISPUTE_WINDOW_S)
    close = results.closeDispute.encode_input(result.fixture)
    token.arm(results, close, hostile.by)
    results.closeDispute(result.fixture, hostile.by)
    assert not token.answered()
    assert token.balanceOf(token) == BOND_MICRO
    assert token.balanceOf(results) == 0


def test_critic_whom_the_token_refuses_stops_no_ruling(world, hostile, now):
    """Else whoever gets onto the token's list of refused addresses could contest a wrong result
    first, and no ruling could put it right before it is final."""
    token, results, critic = hostile.token, hostile.results, accounts[75]
    world.travel_to(now + 9_000)
    wrong = Result(fixture_id(NAME), 1, 0, 0, 1, 0, now)
    published = hostile.publish(wrong)
    token.mint(critic, BOND_MICRO, hostile.by)
    token.approve(results, 2**255, {"from": critic})
    results.dispute(wrong.fixture, {"from": critic})
    token.refuse(critic, True, hostile.by)
    right = Result(fixture_id(NAME), 1, 0, 0, 0, 1, now)
    ruled = results.rule(right.word(), {"from": world.arbiter})
    assert "DisputeClosed" not in ruled.events
    assert hostile.book.resultOf(right.fixture)[3:5] == (0, 1)
    assert results.disputeOf(right.fixture) == (critic.address, BOND_MICRO)
    world.travel_to(published.timestamp + 3 * DISPUTE_WINDOW_S)
    with reverts("SafeERC20FailedOperation"):
        results.closeDispute(right.fixture, hostile.by)
    token.refuse(critic, False, hostile.by)
    results.closeDispute(right.fixture, hostile.by)
    assert token.balanceOf(critic) == BOND_MICRO
    assert token.balanceOf(results) == 0


def test_token_that_pays_nobody_stops_no_ruling(world, hostile, now):
    """The bond of a dispute that was lost stays, too, when the house cannot be paid."""
    token, results, critic = hostile.token, hostile.results, accounts[75]
    world.travel_to(now + 9_000)
    result = Result(fixture_id(NAME), 1, 0, 0, 1, 0, now)
    hostile.publish(result)
    token.mint(critic, BOND_MICRO, hostile.by)
    token.approve(results, 2**255, {"from": critic})
    results.dispute(result.fixture, {"from": critic})
    token.refuse(hostile.book, True, hostile.by)
    house = hostile.book.house()
    results.rule(result.word(), {"from": world.arbiter})
    assert hostile.book.house() == house
    token.refuse(hostile.book, False, hostile.by)
    results.rule(result.word(), {"from": world.arbiter})
    assert hostile.book.house() == house + BOND_MICRO
    assert token.balanceOf(results) == 0


def test_fee_makes_no_bond_larger_than_what_arrived(world, now):
    house = OtherHouse(world, FeeToken.deploy(6, {"from": world.owner}))
    world.travel_to(now + 9_000)
    one = Result(fixture_id(NAME), 1, 0, 0, 1, 0, now)
    other = Result(fixture_id("Leeds v Hull, 2025-05-25"), 1, 0, 0, 1, 0, now)
    for result in (one, other):
        house.publish(result)
        house.results.dispute(result.fixture, house.by)
    arrived = BOND_MICRO - BOND_MICRO // 100
    assert house.results.disputeOf(one.fixture)[1] == arrived
    house.results.rule(one.word(), {"from": world.arbiter})
    assert house.book.house() == arrived - arrived // 100 == house.token.balanceOf(house.book)
    # The other critic's bond is still there in full.
    changed = Result(other.fixture, 2, 0, 0, 0, 0, now)
    house.results.rule(changed.word(), {"from": world.arbiter})
    assert house.token.balanceOf(house.results) == 0


def test_settling_called_by_itself_finds_nothing(world, alice, match, now):
    number, batch, _ = world.place(world.sign(alice, Pick(match, 0), accepted_at_s=now))
    alone = Settling.at(world.settling.address)
    before = world.book()
    with reverts("NothingToSettle"):
        alone.settle([run(number, batch)], {"from": accounts[60]})
    with reverts("BetNotOpen", number, 0):
        alone.cashOut(
            *(run(number, batch), (UNIT, UNIT, 2**40 - 1), (bytes(32), bytes(32)), b""),
            {"from": accounts[60]},
        )
    assert world.book() == before


@pytest.mark.parametrize("at", ["account", "outcome", "legs"])
def test_run_of_bets_that_were_never_placed_proves_nothing(world, alice, match, now, at):
    """Plain bets are read without a look at their numbers: the proof is what stands before."""
    signed = [world.sign(alice, Pick(match, 0), accepted_at_s=now, nonce=n) for n in (1, 2, 3)]
    number, batch, _ = world.place(*signed)
    world.travel_to(match.starts_at_s + 7_200)
    world.publish_final(world.won_at_home(match))
    place = {"account": 24, "outcome": 24 + 19, "legs": 24 + 17}[at]
    for first, bets in ((0, None), (1, 1)):
        made = list(run(number, batch, first, bets))
        records = bytearray(made[3])
        records[place if bets is None else place - 24] ^= 0xFF
        made[3] = bytes(records)
        with reverts("RunNotOfBatch|ProofInvalid"):
            world.sportsbook.settle([tuple(made)], {"from": accounts[60]})
    assert len(payouts(world.settle(number, batch))) == 3


def test_inner_node_is_no_bet(world, alice, match, now):
    """A node of the tree given for a leaf, with fewer bets to go with it."""
    signed = [world.sign(alice, Pick(match, 0), accepted_at_s=now, nonce=n) for n in range(1, 5)]
    number, batch, _ = world.place(*signed)
    world.travel_to(match.starts_at_s + 7_200)
    world.publish_final(world.won_at_home(match))
    _, first, markets, records, proof = run(number, batch, 0, 2)
    # The proof of two bets, offered for one: the walk needs a neighbour that is a leaf.
    for cut in (records[:24], records[24:]):
        with reverts("RunNotOfBatch|ProofInvalid"):
            world.sportsbook.settle([(number, first, markets, cut, proof)], {"from": world.owner})


def test_outcomes_above_three_are_paid_whatever_lies_beside_them(world, now):
    """The loop of plain bets looks a bet's fate up by its outcome, which for a correct score goes
    on into the words of the markets behind: none of those may be taken for one."""
    start_s = now + 3_600
    wide = MarketId(fixture_id(NAME), start_s, Kind.CORRECT_SCORE, line_q=36)
    margin = MarketId(fixture_id(NAME), start_s, Kind.WINNING_MARGIN, line_q=36)
    beside = [
        MarketId(fixture_id(NAME), start_s, Kind.MATCH_RESULT),
        MarketId(fixture_id(NAME), start_s, Kind.TOTAL_GOALS, line_q=9),
        MarketId(fixture_id(NAME), start_s, Kind.ODD_EVEN_GOALS),
    ]
    picks = [Pick(wide, outcome, 10_100) for outcome in range(len(wide.outcomes))]
    picks += [Pick(margin, outcome, 10_100) for outcome in range(len(margin.outcomes))]
    picks += [Pick(market, outcome) for market, outcome in itertools.product(beside, (0, 1))]
    bettor = world.stranger(1)
    signed = [
        world.sign(bettor, pick, accepted_at_s=now, nonce=nonce, stake_micro=100)
        for nonce, pick in enumerate(picks, 1)
    ]
    number, batch, skips = world.place(*signed)
    assert not skips
    world.travel_to(start_s + 7_200)
    world.publish_final(Result(fixture_id(NAME), 1, 1, 0, 2, 1, start_s + 7_000))
    paid = payouts(world.settle(number, batch))
    won = {
        ("CORRECT_SCORE", 2 * 10 + 1),
        ("WINNING_MARGIN", 0),
        ("MATCH_RESULT", 0),
        ("TOTAL_GOALS", 0),
        ("ODD_EVEN_GOALS", 0),
    }
    names = {i: (pick.market.kind.name, pick.outcome) for i, pick in enumerate(picks)}
    assert {names[i] for i in paid} == won
    assert sum(paid.values()) == 2 * 101 + 3 * 200
    assert world.book()["open_stakes_micro"] == 0
    assert world.book()["locked_micro"] == 0


def test_largest_batch_fits_a_block(world, now):
    """256 accumulators of twelve legs, placed and settled in a block of 30 million gas each."""
    names = [f"Home {i} v Away {i}, 2025-05-25" for i in range(12)]
    start_s = now + 3_600
    games = [world.market(starts_at_s=start_s, name=name) for name in names]
    picks = [Pick(game, 0, 10_100, name) for game, name in zip(games, names, strict=True)]
    bettors = [world.stranger(number) for number in range(4)]
    signed = [
        world.sign(bettors[n % 4], *picks, accepted_at_s=now, nonce=1 + n // 4, stake_micro=100)
        for n in range(256)
    ]
    number, batch, skips = world.place(*signed)
    assert not skips
    assert len(batch.records) == 256
    world.travel_to(start_s + 7_200)
    world.publish_final(*(world.won_at_home(game) for game in games))
    assert len(payouts(world.settle(number, batch))) == 256
