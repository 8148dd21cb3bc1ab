"""Tricks with call data, proofs and copies of the code; docs/attacks.md lists them with all others.

code that the sportsbook runs by delegatecall, called directly
├── of settling: finds no bets, and keeps nothing
└── of self-service and administration: finds nobody
place_batch
├── reads no slip past the bytes that were given
├── takes no account number below the first or above the last
└── takes a nonce once, also when the bettor places it alone
settle
├── believes no record of an account that does not exist
├── reads no record and no market past the bytes that were given
├── pays once when two runs are the same bytes of the call
├── gives exposure back once when a run lists a market twice
├── takes no inner node of the tree for a bet
└── believes no byte that was changed, anywhere
cash_out
├── takes no amount with bits above its type
├── leaves a rest that settles at the rest's stake alone
└── lists no market that is none: there is one for each leg
exit
├── is not moved by dust from others
└── with a token that shrinks, is paid until the tokens are gone
"""

from dataclasses import replace

import pytest
from brownie import Administration, SelfService, ShrinkingToken, accounts, web3
from brownie.exceptions import VirtualMachineError
from eth_utils.crypto import keccak

from protocol.market_id import Kind
from protocol.placed_event import unpack_batch
from protocol.range_proof import commitment, prove, root
from protocol.records import with_stake
from protocol.roles import Role
from protocol.signatures import compact
from protocol.typed_data import CashOut
from tests.contracts.events import payouts, placed, settled_bets, withdrawn
from tests.contracts.world import reverts
from tests.support.batches import pack, pack_unsigned, run
from tests.support.signing import quote_of, score
from tests.support.slips import Pick, make_market, pick_elsewhere
from tests.support.terms import DEPOSIT_MICRO, EXIT_DELAY_S, UNIT

WORD = 32
# Where the tuple of the one run stands in the call data of settle: behind selector, place of the
# array, its length, and the place of its one item.
RUN_AT = 4 + 3 * WORD
MARKETS, RECORDS = 2, 3


@pytest.fixture
def four(world, alice, match, now):
    """Four even bets: home, over 2.5, home, over 2.5."""
    total = make_market(Kind.TOTAL_GOALS, 10, starts_at_s=match.starts_at_s)
    slips = [
        world.sign(alice, Pick(market, 0), accepted_at_s=now, nonce=1 + i)
        for i, market in enumerate((match, total, match, total))
    ]
    return world.place(*slips)


def end(world, match, home=2, away=1):
    world.travel_to(match.starts_at_s + 7_200)
    world.publish_final(score(home, away, match.starts_at_s + 7_000))


def send(world, data):
    """A transaction of these very bytes."""
    return accounts[60].transfer(world.sportsbook, 0, data=data, gas_limit=5_000_000)


def calldata(method, *args):
    return bytearray(bytes.fromhex(method.encode_input(*args)[2:]))


def number_at(data, at):
    return int.from_bytes(data[at : at + WORD], "big")


def put(data, at, value):
    data[at : at + WORD] = value.to_bytes(WORD, "big")


# -- The code of settling


def test_code_of_settling_has_no_bets_of_its_own(world, alice, match, four):
    number, batch, _ = four
    offer = CashOut(alice.account, number, 0, UNIT, UNIT, world.clock(), 2**40 - 1)
    end(world, match)
    with reverts("NothingToSettle"):
        world.settling.settle([run(number, batch)], {"from": accounts[60]})
    with reverts("BetNotOpen", number, 0):
        world.settling.cashOut(
            run(number, batch, 0, 1),
            (UNIT, UNIT, offer.offered_at_s, 2**40 - 1),
            world.sign_cash_out(offer),
            compact(world.sign_raw(offer, alice.key)),
            {"from": accounts[60]},
        )
    for slot in range(4):
        assert int.from_bytes(web3.eth.get_storage_at(world.settling.address, slot), "big") == 0
    assert len(payouts(world.settle(number, batch))) == 4


def test_code_of_self_service_and_administration_knows_nobody(world, alice):
    _, self_service, administration = world.parts
    by = world.sender(alice)
    book = SelfService.at(self_service)
    for call in (
        lambda: book.requestExit(UNIT, by),
        lambda: book.exit(by),
        lambda: book.excludeSelf(2**40 - 1, by),
        lambda: book.cancelNonces(1, by),
    ):
        with reverts("NotOwnerOf", 0, alice.address):
            call()
    house = Administration.at(administration)
    # It asks itself for its owner, guardian and bankroll, and has none.
    for call in (
        lambda: house.retireKey(world.operator, by),
        lambda: house.grantKey((alice.address, Role.OPERATOR, 1), by),
        lambda: house.proposeLimits((1, 1, 1, 1), by),
        lambda: house.setGuardian(alice.address, by),
        lambda: house.pausePlacing(True, by),
        lambda: house.fund(1, by),
        lambda: house.release(alice.address, 1, by),
    ):
        with pytest.raises(VirtualMachineError):
            call()
    assert world.sportsbook.keyOf(alice.address)[0] == Role.NONE


# -- Placing


def test_place_batch_reads_no_slip_past_its_bytes(world, alice, match, now):
    """The second slip is there, and signed, but past the end of what is said to be the batch."""
    slips = [world.sign(alice, Pick(match, 0), accepted_at_s=now, nonce=nonce) for nonce in (1, 2)]
    data = calldata(world.sportsbook.placeBatch, pack(*slips))
    length_at = 4 + WORD
    put(data, length_at, number_at(data, length_at) - 97)
    with reverts("BatchMalformed"):
        world.operator.transfer(world.sportsbook, 0, data="0x" + data.hex(), gas_limit=5_000_000)
    put(data, length_at, number_at(data, length_at) + 97)
    tx = world.operator.transfer(world.sportsbook, 0, data="0x" + data.hex(), gas_limit=5_000_000)
    assert len(placed(tx).batch.records) == 2


@pytest.mark.parametrize("account", [0, 3, 2**32 - 1])
@pytest.mark.parametrize("legs", [1, 2])
def test_place_batch_refuses_account_numbers_at_the_ends(
    world, alice, bob, match, now, account, legs
):
    nobody = replace(alice, account=account)
    good = world.sign(bob, Pick(match, 0), accepted_at_s=now)
    picks = (Pick(match, 0), pick_elsewhere(now + 3_600))[:legs]
    bad = world.sign(nobody, *picks, stake_micro=1, accepted_at_s=now)
    _, batch, skips = world.place(good, bad, replace(good, slip=bad.slip, picks=bad.picks))
    assert [record.account for record in batch.records] == [bob.account]
    assert [skip.reason.name for skip in skips] == ["ACCOUNT_UNKNOWN"] * 2


def test_nonce_of_a_bet_that_was_placed_alone_is_used(world, alice, match, now):
    home = Pick(match, 0)
    quote = quote_of(home, deadline_s=now + 900)
    world.place_quoted(alice, quote, pack_unsigned(alice, home, nonce=7))
    signed = world.sign(alice, home, accepted_at_s=now, nonce=7)
    assert [skip.reason.name for skip in world.place(signed).skips] == ["NONCE_USED"]
    with reverts("SlipRefused"):
        world.enforce(signed)
    assert world.balance(alice) == DEPOSIT_MICRO - UNIT


# -- Settling


@pytest.mark.parametrize("bets", [4, 2])
@pytest.mark.parametrize("account", [0, 2, 99, 2**32 - 1])
def test_settle_pays_no_account_that_did_not_bet(world, match, four, bets, account):
    number, batch, _ = four
    end(world, match)
    _, first, markets, records, proof = run(number, batch, 0, bets)
    bad = account.to_bytes(4, "big") + records[4:]
    with reverts("RunNotOfBatch", number):
        world.sportsbook.settle([(number, first, markets, bad, proof)], {"from": accounts[60]})
    assert world.sportsbook.accountAt(account)[:2] == ("0x" + "0" * 40, 0)


@pytest.mark.parametrize("field", [MARKETS, RECORDS])
@pytest.mark.parametrize("bets", [4, 2, 1])
@pytest.mark.parametrize("missing", [1, 6, 24, 26])
def test_settle_reads_nothing_past_its_bytes(world, match, four, field, bets, missing):
    """The bytes are all there, and the call says that there are fewer."""
    number, batch, _ = four
    end(world, match)
    data = calldata(world.sportsbook.settle, [run(number, batch, 0, bets)])
    length_at = RUN_AT + number_at(data, RUN_AT + field * WORD)
    length = number_at(data, length_at)
    put(data, length_at, max(length - missing, 0))
    with reverts("RunNotOfBatch|ProofInvalid"):
        send(world, "0x" + data.hex())
    put(data, length_at, length)
    assert settled_bets(send(world, "0x" + data.hex())) == list(range(bets))


@pytest.mark.parametrize("bets", [4, 3, 1])
def test_settle_pays_once_for_one_run_that_is_named_twice(world, alice, match, four, bets):
    """The array has two items, and both are the same bytes."""
    number, batch, _ = four
    end(world, match)
    before = world.balance(alice)
    one = run(number, batch, 0, bets)
    data = calldata(world.sportsbook.settle, [one, one])
    first = number_at(data, 4 + 2 * WORD)
    put(data, 4 + 3 * WORD, first)
    tx = send(world, "0x" + data.hex())
    assert settled_bets(tx) == list(range(bets))
    assert world.balance(alice) == before + bets * 2 * UNIT


def test_settle_gives_exposure_back_once_for_a_market_listed_twice(world, match, four):
    """A part's bets may each refer to a copy of their own of the same market."""
    number, batch, _ = four
    end(world, match)
    home, over = (market[:26] for market in batch.markets)
    assert batch.records[0].legs[0].market == 0
    listed = batch.market_bytes[:5] + home + over + home + over
    records = b"".join(
        replace(record, legs=(replace(record.legs[0], market=i),)).pack()
        for i, record in enumerate(batch.records[:3])
    )
    proof = run(number, batch, 0, 3)[-1]
    tx = world.sportsbook.settle([(number, 0, listed, records, proof)], {"from": accounts[60]})
    assert payouts(tx) == {0: 2 * UNIT, 1: 2 * UNIT, 2: 2 * UNIT}
    exposures = [
        world.sportsbook.exposureOf(int.from_bytes(market, "big")) for market in batch.markets
    ]
    assert exposures == [((0, 0, 0), 0), ((2 * UNIT, 0, 0), UNIT)]
    book = world.book()
    # The last one has won, and is owed what it pays.
    assert (book["owed_micro"], book["locked_micro"]) == (2 * UNIT, 0)


def test_settle_refuses_an_inner_node_as_a_bet(world, match, four):
    """A tree alone cannot tell two nodes above four leaves from two leaves. The stored number of
    bets can, and no bet has as many bytes as a node's two children."""
    number, batch, _ = four
    end(world, match)
    leaves = batch.leaves
    nodes = [keccak(leaves[0] + leaves[1]), keccak(leaves[2] + leaves[3])]
    assert world.harness.rangeRoot(nodes, 0, 2, []) == "0x" + root(leaves).hex()
    assert commitment(batch.whole, leaves) != commitment(batch.whole, nodes)
    for record in batch.records:
        for legs in range(1, 13):
            bet = replace(record, legs=record.legs * legs)
            assert len(bet.leaf_bytes(batch.base_s, batch.markets)) != 64
    _, first, markets, records, proof = run(number, batch, 0, 1)
    whole, *neighbours = proof
    assert neighbours == list(prove(leaves, 0, 1))
    assert len(neighbours) == 2
    for bad in (neighbours[:1], neighbours[1:], [neighbours[0]], [*neighbours, nodes[1]]):
        with reverts("ProofInvalid|RunNotOfBatch"):
            world.sportsbook.settle.call(
                [(number, first, markets, records, [whole, *bad])], {"from": accounts[60]}
            )


@pytest.mark.parametrize("bets", [4, 1])
def test_settle_refuses_any_changed_byte(world, match, four, bets):
    number, batch, _ = four
    end(world, match)
    _, first, markets, records, proof = run(number, batch, 0, bets)

    def refuse(markets, records, proof):
        with reverts("RunNotOfBatch|ProofInvalid"):
            world.sportsbook.settle.call(
                [(number, first, markets, records, proof)], {"from": accounts[60]}
            )

    for bad in changed(markets):
        refuse(bad, records, proof)
    for bad in changed(records):
        refuse(markets, bad, proof)
    for i, node in enumerate(proof):
        for bad in changed(node):
            refuse(markets, records, [*proof[:i], bad, *proof[i + 1 :]])


def changed(data):
    """The bytes with one of them one higher, at every place in turn."""
    for at, byte in enumerate(data):
        yield data[:at] + bytes(((byte + 1) % 256,)) + data[at + 1 :]


# -- Cashing out


@pytest.mark.parametrize("field", [1, 2, 3, 4], ids=["stake", "price", "offered", "deadline"])
def test_cash_out_takes_no_bits_above_a_type(world, alice, four, field):
    """Head: place of the run, stake, price, time, deadline. What is signed would be cut to its
    type."""
    number, batch, _ = four
    offer = CashOut(alice.account, number, 0, UNIT, UNIT, world.ripen(), 2**40 - 1)
    data = calldata(
        world.sportsbook.cashOut,
        run(number, batch, 0, 1),
        (UNIT, UNIT, offer.offered_at_s, 2**40 - 1),
        world.sign_cash_out(offer),
        compact(world.sign_raw(offer, alice.key)),
    )
    at = 4 + field * WORD
    put(data, at, number_at(data, at) + 2**64)
    before = world.balance(alice)
    with pytest.raises(VirtualMachineError):
        send(world, "0x" + data.hex())
    assert world.balance(alice) == before
    put(data, at, number_at(data, at) - 2**64)
    send(world, "0x" + data.hex())
    assert world.balance(alice) == before + UNIT


def test_rest_of_a_cashed_out_bet_settles_at_its_own_stake_alone(world, alice, match, now):
    placed_ = world.place(
        world.sign(alice, Pick(match, 0), stake_micro=10 * UNIT, accepted_at_s=now)
    )
    number, batch = placed_.number, placed_.batch
    world.ripen()
    tx = world.cash_out(alice, number, batch, stake_micro=4 * UNIT, price_micro=UNIT)
    said = tx.events["CashedOut"]
    rest = unpack_batch(bytes(said["markets"]), with_stake(bytes(said["record"]), said["rest"]))
    end(world, match)
    by = {"from": accounts[60]}
    with reverts("RunNotOfBatch", said["next"]):
        world.sportsbook.settle([run(said["next"], batch)], by)
    with reverts("NothingToSettle"):
        world.sportsbook.settle([run(number, batch)], by)
    with reverts("NothingToSettle"):
        world.sportsbook.settle([run(number, rest)], by)
    assert payouts(world.sportsbook.settle([run(said["next"], rest)], by)) == {0: 12 * UNIT}


def test_cash_out_lists_no_market_that_is_none(world, alice, match, now):
    """Two legs need two markets. In version 2 they could share one, and another could be junk."""
    picks = (Pick(match, 0), pick_elsewhere(now + 3_600))
    number, batch, _ = world.place(
        world.sign(alice, *picks, stake_micro=10 * UNIT, accepted_at_s=now)
    )
    world.ripen()
    _, first, markets, records, proof = run(number, batch, 0, 1)
    for listed in (markets + b"\xff" * 26, markets + markets[5:31]):
        with reverts("MarketsUnused", 3, 2):
            wide = (number, first, listed, records, proof)
            world.cash_out(alice, number, batch, price_micro=UNIT, run_=wide)
    with reverts("RunNotOfBatch|ProofInvalid"):
        narrow = (number, first, markets[:31], records, proof)
        world.cash_out(alice, number, batch, price_micro=UNIT, run_=narrow)
    world.cash_out(alice, number, batch, price_micro=UNIT)


# -- Leaving


def test_dust_from_others_moves_no_exit(world, alice):
    by = world.sender(alice)
    requested = world.sportsbook.requestExit(DEPOSIT_MICRO, by)
    announced = world.sportsbook.exitOf(alice.account)
    for _ in range(3):
        world.sportsbook.depositFor(alice.address, 1, {"from": world.owner})
    assert world.sportsbook.exitOf(alice.account) == announced
    world.travel_to(requested.timestamp + EXIT_DELAY_S)
    assert withdrawn(world.sportsbook.exit(by)) == (alice.account, DEPOSIT_MICRO, 0)
    assert world.balance(alice) == 3


def test_token_that_shrinks_pays_until_it_is_gone(world):
    """Not supported, and no worse than this: balances stay, the last to leave finds nothing."""
    by = {"from": world.owner}
    token = ShrinkingToken.deploy(by)
    book = world.deploy_book(token)
    token.mint(world.owner, 3_000, by)
    token.approve(book, 3_000, by)
    for bettor in accounts[20:22]:
        book.depositFor(bettor, 1_000, by)
    token.shrink(book, 500, by)
    book.depositFor(accounts[20], 100, by)
    assert [book.accountAt(account)[1] for account in (1, 2)] == [1_100, 1_000]
    requested = [book.requestExit(2_000, {"from": bettor}) for bettor in accounts[20:22]]
    world.travel_to(requested[-1].timestamp + EXIT_DELAY_S)
    assert withdrawn(book.exit({"from": accounts[20]})) == (1, 1_100, 0)
    with reverts("ERC20InsufficientBalance"):
        book.exit({"from": accounts[21]})
    assert book.accountAt(2)[1] == 1_000
    book.requestExit(500, {"from": accounts[21]})
    world.travel_to(book.exitOf(2)[1])
    assert withdrawn(book.exit({"from": accounts[21]})) == (2, 500, 0)
