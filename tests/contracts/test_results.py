"""Results by k of n signers.

publish
├── holds what at least `threshold` signers attested, many fixtures under one signature, by anybody
├── reverts when signatures are too few, doubled, out of order, of a stranger, or of a dismissed one
├── reverts when what is sent is not what was signed, or was signed for another domain
├── reverts for a malleated signature
├── reverts when a fixture has a result already, on the same sheet too
├── reverts for a status that is not 1 or 2, or goals at half time above those at the end
└── reverts when bets would count up to a time in the future
correct
├── replaces a result before it is final; its window starts again, its publication does not
├── reverts for anybody but the arbiter, for an unknown fixture, and once final
└── reverts for a result that publish would refuse
set_signer, set_threshold, set_arbiter
├── revert for anybody but the owner
├── revert when the threshold is 0 or above the number of signers
└── change the set without touching results that are there
"""

import pytest
from brownie import ZERO_ADDRESS, Results, accounts

from backend.slips.typed_data import Domain, result_sheet_hash, sign
from indexer.market_id import fixture_id
from tests.contracts.world import CHAIN_ID, DISPUTE_WINDOW_S, NAME, key, reverts, row, score

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
OTHER = "Leeds v Hull, 2025-05-25"


@pytest.fixture
def result(now):
    return score(2, 1, now - 10, home_half=1)


def send(world, results, signatures, sender=None):
    return world.results.publish(
        [row(r) for r in results], signatures, {"from": sender or accounts[40]}
    )


def test_publish_holds_many_results_under_one_signature(world, result, now):
    other = score(0, 0, now - 5, name=OTHER)
    tx = send(world, [result, other], world.sheet([result, other], world.signer_keys[1:]))
    first, second = tx.events["ResultPublished"]
    assert dict(first) == {
        "fixture": "0x" + fixture_id(NAME).hex(),
        "status": 1,
        "homeHalf": 1,
        "awayHalf": 0,
        "homeFull": 2,
        "awayFull": 1,
        "settledAt": now - 10,
        "publishedAt": tx.timestamp,
        "finalAt": tx.timestamp + DISPUTE_WINDOW_S,
    }
    assert second["fixture"] == "0x" + fixture_id(OTHER).hex()
    final_at = tx.timestamp + DISPUTE_WINDOW_S
    held = (1, 1, 0, 2, 1, now - 10, tx.timestamp, final_at)
    assert world.results.resultOf(result.fixture) == held
    assert world.results.resultOf(fixture_id("no v one, 2025-01-01"))[0] == 0


def test_publish_takes_more_signatures_than_needed(world, result):
    send(world, [result], world.sheet([result], world.signer_keys))


def test_publish_reverts_for_too_few(world, result):
    with reverts("SignaturesTooFew", 1, 2):
        send(world, [result], world.sheet([result], world.signer_keys[:1]))
    with reverts("SignaturesTooFew", 0, 2):
        send(world, [result], [])


def test_publish_reverts_for_doubled_or_unordered(world, result):
    a, b, _ = world.sheet([result], world.signer_keys)
    addresses = sorted((accounts[i].address for i in (4, 5, 6)), key=lambda x: int(x, 16))
    with reverts("SignersOutOfOrder", addresses[0], addresses[0]):
        send(world, [result], [a, a])
    with reverts("SignersOutOfOrder", addresses[1], addresses[0]):
        send(world, [result], [b, a])


def test_publish_reverts_for_stranger(world, result):
    by = sorted([*world.signer_keys[:2], key(50)], key=lambda k: accounts.add(k).address.lower())
    with reverts("SignerUnknown", accounts[50].address):
        send(world, [result], world.sheet([result], by))


def test_publish_reverts_for_dismissed_signer(world, result):
    signatures = world.sheet([result], world.signer_keys[:2])
    dismissed = accounts.add(world.signer_keys[1])
    world.results.setSigner(dismissed, False, {"from": world.owner})
    with reverts("SignerUnknown", dismissed.address):
        send(world, [result], signatures)


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
    sheet = result_sheet_hash([result])
    for domain in (
        Domain(1, world.results.address, "Fairline Results"),
        Domain(CHAIN_ID, world.sportsbook.address, "Fairline Results"),
        Domain(CHAIN_ID, world.results.address, "Fairline"),
    ):
        digest = domain.digest(sheet)
        with reverts("SignerUnknown"):
            send(world, [result], [sign(digest, k) for k in world.signer_keys[:2]])


def test_publish_reverts_for_malleated_signature(world, result):
    a, b = world.sheet([result], world.signer_keys[:2])
    s = (ORDER - int.from_bytes(a[32:64], "big")).to_bytes(32, "big")
    with reverts("ECDSAInvalidSignatureS"):
        send(world, [result], [a[:32] + s + bytes((55 - a[64],)), b])
    with reverts("ECDSAInvalidSignatureLength"):
        send(world, [result], [a[:64], b])
    with reverts("ECDSAInvalidSignature"):
        send(world, [result], [bytes(65), b])


def test_publish_reverts_for_second_result(world, result, now):
    world.publish(result)
    for again in (result, score(0, 0, now - 10)):
        with reverts("ResultExists", fixture_id(NAME)):
            world.publish(again)


def test_publish_reverts_for_fixture_twice_on_a_sheet(world, result, now):
    with reverts("ResultExists"):
        world.publish(result, score(0, 0, now - 10))
    assert world.results.resultOf(result.fixture)[0] == 0


def test_publish_reverts_for_impossible_result(world, now):
    for bad in (
        score(1, 1, now, status=0),
        score(1, 1, now, status=3),
        score(1, 1, now, home_half=2),
        score(1, 1, now, away_half=2),
    ):
        with reverts("ResultInvalid", fixture_id(NAME)):
            world.publish(bad)


def test_publish_takes_extremes(world, now):
    world.publish(score(255, 255, 0, home_half=255, away_half=255))
    world.publish(score(0, 0, now, name=OTHER))


def test_publish_reverts_for_future(world, now):
    with reverts("ResultFromFuture", fixture_id(NAME), now + 1_000):
        world.publish(score(1, 0, now + 1_000))


def test_correct_replaces_and_starts_window_again(world, result, now):
    published = world.publish(result)
    world.travel_to(published.timestamp + DISPUTE_WINDOW_S - 10)
    tx = world.results.correct(row(score(1, 1, now - 20)), {"from": world.arbiter})
    assert world.results.resultOf(result.fixture) == (
        1,
        0,
        0,
        1,
        1,
        now - 20,
        published.timestamp,
        tx.timestamp + DISPUTE_WINDOW_S,
    )
    assert tx.events["ResultCorrected"]["publishedAt"] == published.timestamp


def test_correct_cannot_keep_a_result_open_for_ever(world, result, now):
    published = world.publish(result).timestamp
    last = published + 3 * DISPUTE_WINDOW_S
    for number in range(1, 4):
        world.travel_to(published + number * (DISPUTE_WINDOW_S - 5))
        world.results.correct(row(score(1, number, now - 20)), {"from": world.arbiter})
    assert world.results.resultOf(result.fixture)[-1] == last
    world.travel_to(last)
    with reverts("ResultFinal"):
        world.results.correct(row(score(2, 2, now - 20)), {"from": world.arbiter})


def test_correct_reverts_for_anybody_else(world, result):
    world.publish(result)
    for caller in (world.owner, accounts.add(world.signer_keys[0])):
        with reverts("NotArbiter", caller.address):
            world.results.correct(row(result), {"from": caller})


def test_correct_reverts_for_unknown_fixture(world, result):
    with reverts("ResultUnknown", fixture_id(NAME)):
        world.results.correct(row(result), {"from": world.arbiter})


def test_correct_reverts_once_final(world, result):
    final_at = world.publish(result).events["ResultPublished"]["finalAt"]
    world.travel_to(final_at)
    with reverts("ResultFinal", fixture_id(NAME), final_at):
        world.results.correct(row(result), {"from": world.arbiter})


def test_correct_reverts_for_what_publish_refuses(world, result, now):
    world.publish(result)
    with reverts("ResultInvalid"):
        world.results.correct(row(score(0, 0, now - 10, status=0)), {"from": world.arbiter})
    with reverts("ResultFromFuture"):
        world.results.correct(row(score(0, 0, now + 1_000)), {"from": world.arbiter})


def test_roles_belong_to_owner(world):
    stranger = accounts[41]
    for call in (
        lambda: world.results.setSigner(stranger, True, {"from": stranger}),
        lambda: world.results.setThreshold(1, {"from": stranger}),
        lambda: world.results.setArbiter(stranger, {"from": stranger}),
    ):
        with reverts("OwnableUnauthorizedAccount", stranger.address):
            call()


def test_threshold_stays_between_one_and_signers(world):
    with reverts("ThresholdInvalid", 0, 3):
        world.results.setThreshold(0, {"from": world.owner})
    with reverts("ThresholdInvalid", 4, 3):
        world.results.setThreshold(4, {"from": world.owner})
    world.results.setThreshold(3, {"from": world.owner})
    signer = accounts.add(world.signer_keys[0])
    with reverts("ThresholdInvalid", 3, 2):
        world.results.setSigner(signer, False, {"from": world.owner})


def test_constructor_counts_a_doubled_signer_once(world):
    with reverts("ThresholdInvalid", 2, 1):
        Results.deploy(world.owner, 60, [accounts[4]] * 2, 2, {"from": world.owner})
    with reverts("ThresholdInvalid", 0, 1):
        Results.deploy(world.owner, 60, [accounts[4]], 0, {"from": world.owner})
    with reverts("OwnableInvalidOwner", ZERO_ADDRESS):
        Results.deploy(ZERO_ADDRESS, 60, [accounts[4]], 1, {"from": world.owner})


def test_signers_rotate_without_touching_results(world, result, now):
    world.publish(result)
    held = world.results.resultOf(result.fixture)
    by = {"from": world.owner}
    new = [accounts[i] for i in (50, 51)]
    for signer in new:
        added = world.results.setSigner(signer, True, by)
        assert dict(added.events["ResultSignerSet"]) == {"signer": signer.address, "allowed": True}
    for old in world.signer_keys:
        world.results.setSigner(accounts.add(old), False, by)
    assert not world.results.setSigner(new[0], True, by).logs
    assert world.results.signerCount() == 2
    other = score(0, 0, now, name=OTHER)
    keys = sorted((key(50), key(51)), key=lambda k: accounts.add(k).address.lower())
    send(world, [other], world.sheet([other], keys))
    assert world.results.resultOf(result.fixture) == held
