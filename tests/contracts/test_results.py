"""Results by k of n signers.

publish
├── holds what at least `threshold` signers attested, many fixtures under one signature, by anybody
├── reverts when signatures are too few, doubled, out of order, or of a stranger
├── reverts when what is sent is not what was signed, or was signed for another domain
├── reverts for a malleated signature, and for none
├── reverts after the sheet's deadline, and for another deadline or term than was signed
├── reverts when a fixture has a result already, on the same sheet too
├── reverts for a status that there is not, or bytes that mean nothing
├── reverts for fewer goals at the end than at half time, and for different ones when the match was
│   abandoned before half-time
├── reverts for a fraction of no parts, of more than all, or with away goals
└── reverts when bets would count up to a time in the future
rule
├── replaces a result before it is final; its window starts again, its publication does not
├── ends after three windows
├── reverts for anybody but the arbiter, for an unknown fixture, and once final
└── reverts for a result that publish would refuse
set_sportsbook
└── sets it once, by the owner
constructor
└── reverts for a council that could never sign, that counts a signer twice, or of which a half is
    enough
The sportsbook's constructor bounds the dispute window: see test_constructor.py.
Disputes and councils have tests of their own.
"""

import pytest
from brownie import ZERO_ADDRESS, Results, accounts

from protocol.limits import MAX_TIME_S
from protocol.market_id import fixture_id
from protocol.signatures import pair, sign
from protocol.typed_data import Domain, ResultSheet
from scripts.devnet.chain import CHAIN_ID
from tests.contracts.world import reverts
from tests.support.people import council, in_order, key, key_address
from tests.support.signing import FIRST_TERM, HALF_ORDER, flipped, score, signed_by_nobody
from tests.support.slips import NAME
from tests.support.terms import BOND_MICRO, DISPUTE_WINDOW_S, NOBODY, NOTICE_S

OTHER = "Leeds v Hull, 2025-05-25"
PLAYED, VOID, BEFORE_HALF_TIME, ABANDONED, FRACTION = range(1, 6)


@pytest.fixture
def result(now):
    return score(2, 1, now - 10, home_half=1)


def send(world, results, signatures, *, term=FIRST_TERM, deadline_s=MAX_TIME_S):
    words = [result.word() for result in results]
    by = {"from": accounts[40]}
    return world.results.publish(words, term, deadline_s, signatures, by)


def sheet_hash(*results):
    return ResultSheet(FIRST_TERM, MAX_TIME_S, results).struct_hash()


def test_publish_holds_many_results_under_one_signature(world, result, now):
    other = score(0, 0, now - 5, name=OTHER)
    tx = send(world, [result, other], world.sheet([result, other], world.signer_keys[1:]))
    final_at = tx.timestamp + DISPUTE_WINDOW_S
    assert dict(tx.events["ResultsPublished"]) == {
        "results": (result.word(), other.word()),
        "publishedAt": tx.timestamp,
        "finalAt": final_at,
    }
    held = (1, 1, 0, 2, 1, now - 10, tx.timestamp, final_at, FIRST_TERM)
    assert world.sportsbook.resultOf(result.fixture) == held
    assert world.sportsbook.resultOf(other.fixture)[5] == now - 5
    assert world.sportsbook.resultOf(fixture_id("no v one, 2025-01-01"))[0] == 0


def test_publish_takes_twenty_results(world, now):
    many = [score(n, 0, now, name=f"A{n} v B{n}, 2025-05-25") for n in range(20)]
    world.publish(*many)
    for n, one in enumerate(many):
        assert world.sportsbook.resultOf(one.fixture)[:5] == (1, 0, 0, n, 0)


def test_publish_takes_more_signatures_than_needed(world, result):
    send(world, [result], world.sheet([result], world.signer_keys))


def test_publish_reverts_for_too_few(world, result):
    with reverts("SignaturesTooFew", 1, 2):
        send(world, [result], world.sheet([result], world.signer_keys[:1]))
    with reverts("SignaturesTooFew", 0, 2):
        send(world, [result], [])


def test_publish_reverts_for_doubled_or_unordered(world, result):
    a, b, _ = world.sheet([result], world.signer_keys)
    addresses = [key_address(k) for k in world.signer_keys]
    with reverts("SignersOutOfOrder", addresses[0], addresses[0]):
        send(world, [result], [a, a])
    with reverts("SignersOutOfOrder", addresses[1], addresses[0]):
        send(world, [result], [b, a])


def test_publish_reverts_for_stranger(world, result):
    by = in_order([*world.signer_keys[:2], key(50)])
    with reverts("SignerUnknown", accounts[50].address):
        send(world, [result], world.sheet([result], by))


def test_publish_reverts_for_what_was_not_signed(world, result, now):
    signatures = world.sheet([result], world.signer_keys[:2])
    others = [
        score(2, 2, now - 10, home_half=1),
        score(2, 1, now - 11, home_half=1),
        score(2, 1, now - 10, home_half=1, status=2),
        score(2, 1, now - 10, home_half=1, name=OTHER),
    ]
    for other in others:
        with reverts("SignerUnknown"):
            send(world, [other], signatures)
    with reverts("SignerUnknown"):
        send(world, [result, others[3]], signatures)


def test_publish_reverts_for_another_domain(world, result):
    sheet = sheet_hash(result)
    for domain in (
        Domain(1, world.results.address, "Fairline Results"),
        Domain(CHAIN_ID, world.sportsbook.address, "Fairline Results"),
        Domain(CHAIN_ID, world.results.address, "Fairline"),
    ):
        digest = domain.digest(sheet)
        with reverts("SignerUnknown"):
            send(world, [result], [pair(sign(digest, k)) for k in world.signer_keys[:2]])


def test_publish_reverts_for_malleated_signature(world, result):
    a, b = world.sheet([result], world.signer_keys[:2])
    with reverts("SignerUnknown"):
        send(world, [result], [flipped(a), b])
    digest = world.results_domain.digest(sheet_hash(result))
    for s, signs in ((HALF_ORDER, True), (HALF_ORDER + 1, False)):
        signer, large = signed_by_nobody(digest, s)
        with reverts("SignerUnknown", signer if signs else NOBODY):
            send(world, [result], [(large[:32], large[32:]), b])
    with reverts("SignerUnknown", NOBODY):
        send(world, [result], [(bytes(32), bytes(32)), b])


def test_sheet_can_be_published_to_its_deadline(world, result, now):
    """So that a sheet that was corrected before anybody published it does not stay usable."""
    by = world.signer_keys[:2]
    deadline_s = now + 100
    signatures = world.sheet([result], by, deadline_s=deadline_s)
    world.at(deadline_s + 1)
    with reverts("SheetExpired", deadline_s):
        send(world, [result], signatures, deadline_s=deadline_s)
    world.travel_to(now + 200)
    other = world.sheet([result], by, deadline_s=now + 300)
    world.at(now + 300)
    send(world, [result], other, deadline_s=now + 300)


def test_sheet_is_for_the_deadline_and_the_term_that_were_signed(world, result, now):
    signatures = world.sheet([result], world.signer_keys[:2], deadline_s=now + 1_000)
    with reverts("SignerUnknown"):
        send(world, [result], signatures, deadline_s=now + 1_001)
    later = world.sheet([result], world.signer_keys[:2], term=2, deadline_s=now + 1_000)
    with reverts("SignerUnknown"):
        send(world, [result], later, deadline_s=now + 1_000)
    send(world, [result], signatures, deadline_s=now + 1_000)


def test_publish_reverts_for_second_result(world, result, now):
    world.publish(result)
    for again in (result, score(0, 0, now - 10)):
        with reverts("ResultExists", fixture_id(NAME)):
            world.publish(again)


def test_publish_reverts_for_fixture_twice_on_a_sheet(world, result, now):
    with reverts("ResultExists"):
        world.publish(result, score(0, 0, now - 10))
    assert world.sportsbook.resultOf(result.fixture)[0] == 0


@pytest.mark.parametrize(
    ("status", "goals"),
    [
        (0, (0, 0, 0, 0)),
        (6, (0, 0, 0, 0)),
        (255, (0, 0, 0, 0)),
        (PLAYED, (2, 0, 1, 0)),
        (PLAYED, (0, 2, 0, 1)),
        (VOID, (1, 0, 0, 0)),
        (ABANDONED, (0, 1, 0, 0)),
        (BEFORE_HALF_TIME, (0, 0, 1, 0)),
        (BEFORE_HALF_TIME, (0, 0, 0, 1)),
        (BEFORE_HALF_TIME, (1, 0, 0, 0)),
        (FRACTION, (0, 0, 0, 0)),
        (FRACTION, (2, 0, 1, 0)),
        (FRACTION, (1, 1, 1, 0)),
        (FRACTION, (255, 1, 255, 0)),
        (FRACTION, (1, 0, 2, 1)),
    ],
)
def test_publish_and_rule_revert_for_impossible_result(world, now, status, goals):
    home_half, away_half, home_full, away_full = goals
    bad = score(home_full, away_full, now, home_half=home_half, away_half=away_half, status=status)
    with reverts("ResultInvalid", fixture_id(NAME)):
        world.publish(bad)
    world.publish(score(0, 0, now))
    with reverts("ResultInvalid", fixture_id(NAME)):
        world.rule(bad)


@pytest.mark.parametrize(
    ("status", "goals"),
    [
        (PLAYED, (255, 255, 255, 255)),
        (VOID, (0, 0, 0, 0)),
        (BEFORE_HALF_TIME, (3, 2, 3, 2)),
        (ABANDONED, (0, 0, 255, 255)),
        (FRACTION, (0, 0, 1, 0)),
        (FRACTION, (1, 0, 255, 0)),
        (FRACTION, (100, 155, 255, 0)),
    ],
)
def test_publish_takes_every_status(world, now, status, goals):
    home_half, away_half, home_full, away_full = goals
    world.publish(
        score(home_full, away_full, 0, home_half=home_half, away_half=away_half, status=status)
    )
    assert world.sportsbook.resultOf(fixture_id(NAME))[:6] == (status, *goals, 0)


@pytest.mark.parametrize("bit", [0, 47])
def test_publish_reverts_for_bytes_that_mean_nothing(world, result, bit):
    signatures = world.sheet([result], world.signer_keys[:2])
    terms = ([result.word() | 1 << bit], FIRST_TERM, MAX_TIME_S, signatures)
    with reverts("ResultInvalid", fixture_id(NAME)):
        world.results.publish(*terms, {"from": world.owner})
    world.publish(result)
    with reverts("ResultInvalid", fixture_id(NAME)):
        world.results.rule(result.word() | 1 << bit, {"from": world.arbiter})


def test_publish_reverts_for_future(world, now):
    with reverts("ResultFromFuture", fixture_id(NAME), now + 1_000):
        world.publish(score(1, 0, now + 1_000))
    world.publish(score(1, 0, now - 1))
    with reverts("ResultFromFuture", fixture_id(NAME), now + 1_000):
        world.rule(score(1, 0, now + 1_000))


def test_rule_replaces_and_starts_window_again(world, result, now):
    published = world.publish(result)
    world.travel_to(published.timestamp + DISPUTE_WINDOW_S - 10)
    corrected = score(1, 1, now - 20)
    tx = world.rule(corrected)
    final_at = tx.timestamp + DISPUTE_WINDOW_S
    held = (1, 0, 0, 1, 1, now - 20, published.timestamp, final_at, FIRST_TERM)
    assert world.sportsbook.resultOf(result.fixture) == held
    assert dict(tx.events["ResultCorrected"]) == {"result": corrected.word(), "finalAt": final_at}


def test_rule_cannot_keep_a_result_open_for_ever(world, result, now):
    published = world.publish(result).timestamp
    last = published + 3 * DISPUTE_WINDOW_S
    for number in range(1, 4):
        world.travel_to(published + number * (DISPUTE_WINDOW_S - 5))
        world.rule(score(1, number, now - 20))
    assert world.sportsbook.resultOf(result.fixture)[-2] == last
    world.travel_to(last)
    with reverts("ResultFinal", fixture_id(NAME), last):
        world.rule(score(2, 2, now - 20))


def test_rule_reverts_for_anybody_else(world, result):
    world.publish(result)
    for caller in (world.owner, accounts.add(world.signer_keys[0])):
        with reverts("NotArbiter", caller.address):
            world.results.rule(result.word(), {"from": caller})


def test_rule_reverts_for_unknown_fixture(world, result):
    with reverts("ResultUnknown", fixture_id(NAME)):
        world.rule(result)


def test_sportsbook_amends_no_result_that_it_does_not_have(world, result):
    """Whatever Results forgets to ask."""
    by = {"from": world.results.address}
    with reverts("ResultUnknown", fixture_id(NAME)):
        world.sportsbook.amend.call(result.word(), 2_000_000_000, by)
    world.publish(result)
    world.sportsbook.amend.call(result.word(), 2_000_000_000, by)


def test_rule_reverts_once_final(world, result):
    final_at = world.publish(result).events["ResultsPublished"]["finalAt"]
    world.at(final_at)
    with reverts("ResultFinal", fixture_id(NAME), final_at):
        world.rule(result)


def test_set_sportsbook_once_by_owner(world):
    with reverts("OwnableUnauthorizedAccount", accounts[41].address):
        world.results.setSportsbook(accounts[41], {"from": accounts[41]})
    with reverts("SportsbookAlreadySet", world.sportsbook.address):
        world.results.setSportsbook(accounts[41], {"from": world.owner})
    fresh = make(world, council([key(4)], 1, NOBODY))
    # A sportsbook that trusts other results does not take their term.
    with reverts("NotResults", fresh.address):
        fresh.setSportsbook(world.sportsbook, {"from": world.owner})
    book = world.deploy_book(results=fresh)
    tx = fresh.setSportsbook(book, {"from": world.owner})
    assert dict(tx.events["SportsbookSet"]) == {"sportsbook": book.address}
    assert fresh.sportsbook() == book


def make(world, first, window=DISPUTE_WINDOW_S, owner=None):
    return Results.deploy(
        owner or world.owner,
        world.token,
        window,
        NOTICE_S,
        BOND_MICRO,
        first,
        {"from": world.owner},
    )


@pytest.mark.parametrize(
    "first",
    [
        ([], 0, NOBODY),
        ([], 1, NOBODY),
        ([key_address(key(4))], 0, NOBODY),
        ([key_address(key(4))], 2, NOBODY),
        ([key_address(key(4))] * 2, 2, NOBODY),
        ([key_address(key(4)), NOBODY], 2, NOBODY),
        ([key_address(key(4)), key_address(key(5))], 1, NOBODY),
    ],
)
def test_constructor_reverts_for_invalid_council(world, first):
    with reverts("CouncilInvalid"):
        make(world, first)


def test_constructor_reverts_without_owner(world):
    first = council([key(4)], 1, NOBODY)
    with reverts("OwnableInvalidOwner", ZERO_ADDRESS):
        make(world, first, owner=ZERO_ADDRESS)


def test_constructor_appoints_the_first_council(world):
    made = make(world, council([key(4), key(5)], 2, accounts[9].address))
    assert (*made.councilOf(1), made.term()) == (2, accounts[9], 1)
    assert made.isResultSigner(1, accounts[5])
    assert not made.isResultSigner(1, accounts[6])
    assert not made.isResultSigner(1, ZERO_ADDRESS)
    assert (made.DISPUTE_WINDOW(), made.NOTICE(), made.BOND()) == (
        DISPUTE_WINDOW_S,
        NOTICE_S,
        BOND_MICRO,
    )


def test_publish_reverts_for_a_fraction_with_bytes_that_mean_nothing(world, now):
    word = score(2, 0, now, home_half=1, status=FRACTION).word()
    with reverts("ResultInvalid", fixture_id(NAME)):
        terms = ([word | 1], FIRST_TERM, MAX_TIME_S, [])
        world.results.publish(*terms, {"from": world.owner})
