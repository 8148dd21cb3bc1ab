"""Markets and records of a run, cut apart elsewhere than the batch was.

settle
└── reverts when the whole batch comes with some of its markets' bytes among the records, or the
    other way round: nobody is paid for bets that nobody placed
"""

from brownie import accounts, web3

from protocol.market_id import Kind
from tests.contracts.node_state import account_slot, set_storage
from tests.contracts.world import reverts
from tests.support.slips import Pick, make_market
from tests.support.terms import DEPOSIT_MICRO

MARKET_SIZE = 26
# Its bytes are read as the number of legs, which none of the nonces below it would make.
LAST_NONCE = 0xFF0001


def test_settle_reverts_when_markets_are_read_as_records(world, alice, match, now):
    total = make_market(Kind.TOTAL_GOALS, 10, starts_at_s=match.starts_at_s)
    number, batch, _ = world.place(
        world.sign(alice, Pick(match, 0), accepted_at_s=now, nonce=1),
        world.sign(alice, Pick(total, 0), accepted_at_s=now, nonce=2),
    )
    whole = batch.part()
    for cut in (1, 2):
        at = len(whole.markets) - cut * MARKET_SIZE
        moved = (number, 0, whole.markets[:at], whole.markets[at:] + whole.records, whole.proof)
        with reverts("RunNotOfBatch", number):
            world.sportsbook.settle.call([moved], {"from": world.owner})


def test_settle_reverts_when_records_are_read_as_markets(world, alice, match, now):
    """13 records take the bytes of 12 markets."""
    slips = [world.sign(alice, Pick(match, 0), accepted_at_s=now, nonce=1 + i) for i in range(14)]
    number, batch, _ = world.place(*slips)
    whole = batch.part()
    at = 12 * MARKET_SIZE
    moved = (number, 0, whole.markets + whole.records[:at], whole.records[at:], whole.proof)
    with reverts("RunNotOfBatch", number):
        world.sportsbook.settle.call([moved], {"from": world.owner})


def set_nonce(world, bettor, nonce):
    """As if the account had placed so many slips."""
    slot = account_slot(world.sportsbook, bettor)
    word = int.from_bytes(web3.eth.get_storage_at(world.sportsbook.address, slot), "big")
    set_storage(world.sportsbook.address, slot, word & ~(0xFFFFFF << 72) | nonce << 72)
    assert world.sportsbook.accountAt(bettor.account)[:4] == (
        *(bettor.address, DEPOSIT_MICRO),
        *(nonce, 255),
    )


def test_settle_pays_nobody_for_bets_that_are_made_up_of_bytes(world, alice, match, now):
    """Before any result, the first account reads 28 of its small bets one market to the left. What
    then stands where a record should be is a stake of 282 million at the attacker's account."""
    assert alice.account == 1
    total = make_market(Kind.TOTAL_GOALS, 10, starts_at_s=match.starts_at_s)
    set_nonce(world, alice, LAST_NONCE - 28)
    slips = [
        world.sign(
            alice, Pick(total, 0), stake_micro=1, accepted_at_s=now, nonce=LAST_NONCE - 27 + i
        )
        for i in range(26)
    ]
    slips += [
        world.sign(
            alice, Pick(total, 1), stake_micro=0x0100, accepted_at_s=now, nonce=LAST_NONCE - 1
        )
    ]
    last = world.sign(alice, Pick(match, 0), stake_micro=1, accepted_at_s=now, nonce=LAST_NONCE)
    number, batch, skips = world.place(*slips, last)
    assert not skips
    whole = batch.part()
    at = len(whole.markets) - MARKET_SIZE
    moved = (number, 0, whole.markets[:at], whole.markets[at:] + whole.records, whole.proof)
    before = world.balance(alice)
    with reverts("RunNotOfBatch", number):
        world.sportsbook.settle([moved], {"from": accounts[60]})
    assert world.balance(alice) == before <= DEPOSIT_MICRO
