"""What settling refuses, and why.

settle reverts
├── before the result is final
├── when there is nothing to settle: unknown batch, all settled, nothing decided
└── for a run that is not of the batch: markets, records, number, order, proof, none
    ├── as the whole batch
    └── as a part of it
"""

from tests.contracts.events import settled_bets
from tests.contracts.world import reverts
from tests.support.batches import run
from tests.support.signing import score

OTHER = "Leeds v Hull, 2025-05-25"
NO_COMMITMENT = "0x" + "0" * 64


def test_settle_reverts_before_result_is_final(world, seven, match):
    number, batch, _ = seven
    world.travel_to(match.starts_at_s + 7_200)
    published = world.publish(score(1, 0, match.starts_at_s + 7_000))
    world.travel_to(published.events["ResultsPublished"]["finalAt"] - 5)
    with reverts("NothingToSettle"):
        world.settle(number, batch)
    world.at(published.events["ResultsPublished"]["finalAt"])
    assert len(settled_bets(world.settle(number, batch))) == 7


def test_settle_reverts_for_unknown_batch_and_no_runs(world, seven, match):
    number, batch, _ = seven
    world.end_match(match)
    with reverts("NothingToSettle"):
        world.settle(number + 1, batch)
    with reverts("NothingToSettle"):
        world.sportsbook.settle([], {"from": world.owner})


def refuse(world, error, number, first, markets, records, proof):
    with reverts(error):
        world.sportsbook.settle.call(
            [(number, first, markets, records, proof)], {"from": world.owner}
        )


def test_settle_reverts_for_foreign_runs_as_a_whole(world, seven, match):
    number, batch, _ = seven
    world.end_match(match)
    _, _, markets, records, proof = run(number, batch)
    assert len(proof) == 1
    for bad in altered(records):
        refuse(world, "RunNotOfBatch", number, 0, markets, bad, proof)
    for bad in altered(markets):
        refuse(world, "RunNotOfBatch", number, 0, bad, records, proof)
    refuse(world, "RunNotOfBatch", number, 0, markets, records, [batch.leaves[0]])
    refuse(world, "RunNotOfBatch", number, 0, markets, records, [batch.whole])
    for first in (1, 6, 7, 255, 256, 2**256 - 1):
        refuse(world, "ProofInvalid", number, first, markets, records, proof)


def test_settle_reverts_for_foreign_runs_as_a_part(world, seven, match):
    number, batch, _ = seven
    world.end_match(match)
    _, first, markets, records, proof = run(number, batch, 1, 2)
    for bad in altered(records):
        refuse(world, "RunNotOfBatch|ProofInvalid", number, first, markets, bad, proof)
    for bad in altered(markets):
        refuse(world, "RunNotOfBatch|ProofInvalid", number, first, bad, records, proof)
    for other in (0, 2, 3, 5, 6, 7, 255, 256, 2**256 - 1):
        refuse(world, "RunNotOfBatch|ProofInvalid", number, other, markets, records, proof)
    whole, *neighbours = proof
    assert len(neighbours) == 3
    refuse(world, "ProofInvalid", number, first, markets, records, [])
    refuse(world, "RunNotOfBatch", number, first, markets, records, [bytes(32), *neighbours])
    refuse(world, "ProofInvalid", number, first, markets, records, [whole, *neighbours[:-1]])
    refuse(world, "ProofInvalid", number, first, markets, records, [*proof, whole])
    swapped = [whole, neighbours[1], neighbours[0], neighbours[2]]
    refuse(world, "RunNotOfBatch", number, first, markets, records, swapped)


def test_settle_reverts_for_proof_that_ends_early(world, seven, match):
    """Bet 3 has two neighbours on its left and one on its right, one of each level."""
    number, batch, _ = seven
    world.end_match(match)
    _, first, markets, records, proof = run(number, batch, 3, 1)
    assert len(proof) == 4
    for length in (2, 3):
        refuse(world, "ProofInvalid", number, first, markets, records, proof[:length])
    assert settled_bets(world.settle(number, batch, 3, 1)) == [3]


def altered(data):
    """The bytes with a bit flipped at every seventh place, cut short, longer, or none."""
    for at in range(0, len(data), 7):
        yield data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]
    for length in (0, 1, 4, 5, len(data) - 1):
        yield data[:length]
    yield data + bytes(1)
    yield data + bytes(24)


def test_settle_reverts_for_records_without_and_with_too_many_legs(world, seven, match):
    number, batch, _ = seven
    _, first, markets, records, proof = run(number, batch, 1, 2)
    for legs in (0, 13, 255):
        size = 18 + 6 * legs
        bad = (records[:17] + bytes((legs,)) + records[18:] * 70)[:size]
        refuse(world, "ProofInvalid", number, first, markets, bad, proof)
    foreign = records[:18] + bytes((len(batch.markets),)) + records[19:]
    refuse(world, "ProofInvalid", number, first, markets, foreign, proof)
    with reverts("ProofInvalid"):
        world.sportsbook.settle.call([(number, first, markets, b"", proof)], {"from": world.owner})


def test_settle_reverts_for_more_markets_than_a_table_holds(world, seven, match):
    number, batch, _ = seven
    world.end_match(match)
    _, first, markets, records, proof = run(number, batch, 1, 2)
    many = markets + batch.markets[0][:26] * (256 - len(markets) // 26)
    refuse(world, "RunNotOfBatch", number, first, many, records, proof)
    world.sportsbook.settle([(number, first, many[:-26], records, proof)], {"from": world.owner})
