"""The batching policy on random slips: batches fit, in an order that the contract accepts."""

from __future__ import annotations

import uuid
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.batching.encode import encode_batch
from backend.batching.policy import (
    BatchPolicy,
    HoldReason,
    WaitingLeg,
    WaitingSlip,
    batch_gas,
    fits,
    plan,
    receipt_gas,
    sort_out,
)
from backend.batching.waiting import chain_signature
from backend.fields import MAX_SIGNATURE_BYTES
from backend.transactions.gas import GAS_CAP_MIN
from backend.transactions.signer import LocalSigner
from protocol.limits import (
    CONTRACT_SIGNATURE_GAS,
    MARKET_LIST_MAX,
    MAX_BETS,
    MAX_LEGS,
    MAX_SECONDS_AFTER_BASE,
    TRANSACTION_GAS_MAX,
)
from protocol.market_id import Kind, MarketId, fixture_id, fixture_name_hash
from protocol.records import BetRecord
from protocol.signatures import compact, sign
from tests.support.batch_table import unpack_table

NOW_S = 1_750_000_000
NAMES = [f"Home {n} v Away {n}, 2030-01-01" for n in range(MARKET_LIST_MAX)]


def leg(
    fixture: int, outcome: int = 0, kind: Kind = Kind.MATCH_RESULT, line_q: int = 0
) -> WaitingLeg:
    starts_at_s = NOW_S + 3_600 * (1 + fixture // 2)
    market = MarketId(fixture_id(NAMES[fixture]), starts_at_s, kind, line_q=line_q)
    return WaitingLeg(fixture_name_hash(NAMES[fixture]), market, outcome, 20_000 + outcome)


def slip(
    account: int = 1,
    nonce: int = 1,
    legs: tuple[WaitingLeg, ...] = (leg(0),),
    accepted_at_s: int = NOW_S,
    lives_s: int = 60,
    left_out: bool = False,
    wallet_signature: bytes = b"",
) -> WaitingSlip:
    return WaitingSlip(
        id=uuid.uuid4(),
        account=account,
        nonce=nonce,
        stake_micro=1_000_000,
        min_odds_e4=10_001,
        deadline_s=accepted_at_s + lives_s,
        accepted_at_s=accepted_at_s,
        signature=wallet_signature or bytes(64),
        contract_signature=bool(wallet_signature),
        receipt_signature=bytes(65),
        left_out=left_out,
        legs=legs,
    )


legs = st.lists(st.integers(0, 5), min_size=1, max_size=3, unique=True).map(
    lambda fixtures: tuple(leg(fixture, fixture % 3) for fixture in fixtures)
)
slips = st.lists(
    st.builds(
        slip,
        account=st.integers(1, 4),
        nonce=st.integers(1, 2**24 - 1),
        legs=legs,
        accepted_at_s=st.integers(NOW_S - 90_000, NOW_S),
        lives_s=st.integers(0, 300),
    ),
    max_size=40,
    unique_by=lambda s: (s.account, s.nonce),
)


@given(slips=slips, max_slips=st.integers(1, 10), max_age_s=st.integers(0, 200))
def test_plan_sends_batches_that_fit_and_no_slip_twice(
    slips: list[WaitingSlip], max_slips: int, max_age_s: int
) -> None:
    batches = plan(slips, NOW_S, BatchPolicy(max_slips, max_age_s))
    sent = [s for batch in batches for s in batch]
    assert len({s.id for s in sent}) == len(sent)
    assert {s.id for s in sent} <= {s.id for s in slips}
    assert all(batch and fits(batch, BatchPolicy(max_slips, 0)) for batch in batches)


@given(slips=slips, max_slips=st.integers(1, 10), max_age_s=st.integers(0, 200))
def test_plan_sends_everything_once_one_slip_is_due(
    slips: list[WaitingSlip], max_slips: int, max_age_s: int
) -> None:
    due = any(s.accepted_at_s + max_age_s <= NOW_S for s in slips)
    sent = [s.id for b in plan(slips, NOW_S, BatchPolicy(max_slips, max_age_s)) for s in b]
    if due:
        assert sorted(sent) == sorted(s.id for s in slips)


@given(
    slips=slips, chain_clock_s=st.integers(NOW_S - 90_000, NOW_S), left_out=st.sets(st.integers())
)
def test_slips_are_sorted_by_how_they_can_be_placed(
    slips: list[WaitingSlip], chain_clock_s: int, left_out: set[int]
) -> None:
    slips = [replace(s, left_out=number in left_out) for number, s in enumerate(slips)]
    latest_s = chain_clock_s + 15
    found = sort_out(slips, chain_clock_s, latest_s, 60)
    ids = [s.id for s in found.for_batch + found.by_receipt] + list(found.held)
    assert sorted(ids) == sorted(s.id for s in slips)
    for sent in found.for_batch:
        assert latest_s - 60 <= sent.accepted_at_s <= chain_clock_s
        assert not sent.left_out
    for late in found.by_receipt:
        assert late.left_out or late.accepted_at_s < latest_s - 60
        assert late.starts_at_s > latest_s
    for s in slips:
        if s.id in found.held:
            assert s.accepted_at_s > chain_clock_s or s.starts_at_s <= latest_s


@pytest.mark.parametrize(("age_s", "in_batch"), [(45, True), (46, False)])
def test_slip_that_would_be_too_old_when_its_batch_is_mined_goes_by_receipt(
    age_s: int, in_batch: bool
) -> None:
    waiting = slip(accepted_at_s=NOW_S - age_s)
    found = sort_out([waiting], NOW_S, NOW_S + 15, 60)
    assert (found.for_batch, found.by_receipt) == (([waiting], []) if in_batch else ([], [waiting]))


@pytest.mark.parametrize("left_out", [False, True])
@pytest.mark.parametrize(("starts_after_s", "by_receipt"), [(15, False), (16, True)])
def test_receipt_is_left_to_its_owner_once_a_match_starts(
    starts_after_s: int, by_receipt: bool, left_out: bool
) -> None:
    """The contract takes it from nobody else then, and in 15 seconds it is mined."""
    later, first = leg(0), leg(1)
    starts_at_s = NOW_S + starts_after_s
    first = replace(first, market=replace(first.market, starts_at_s=starts_at_s))
    waiting = slip(legs=(later, first), accepted_at_s=NOW_S - 60, left_out=left_out)
    found = sort_out([waiting], NOW_S, NOW_S + 15, 60)
    assert found.by_receipt == ([waiting] if by_receipt else [])
    assert found.held == ({} if by_receipt else {waiting.id: HoldReason.STARTED})


def test_slips_that_settle_together_are_sent_together() -> None:
    early = [slip(n, 1, (leg(0),)) for n in range(1, 4)]
    late = [slip(n, 1, (leg(5),)) for n in range(4, 7)]
    mixed = [early[0], late[0], early[1], late[1], early[2], late[2]]
    assert plan(mixed, NOW_S, BatchPolicy(3, 0)) == [tuple(early), tuple(late)]


def test_accumulator_is_sent_with_its_last_leg() -> None:
    both, single = slip(1, 1, (leg(0), leg(4))), slip(2, 1, (leg(0),))
    assert plan([both, single], NOW_S, BatchPolicy(1, 0)) == [(single,), (both,)]


def test_plan_holds_young_slips_and_sends_a_full_batch() -> None:
    waiting = [slip(n) for n in range(1, 6)]
    assert plan(waiting, NOW_S + 9, BatchPolicy(6, 10)) == []
    assert [len(b) for b in plan(waiting, NOW_S + 9, BatchPolicy(2, 10))] == [2, 2]
    assert [len(b) for b in plan(waiting, NOW_S + 10, BatchPolicy(2, 10))] == [2, 2, 1]


def test_batch_has_no_more_markets_than_a_table_can_count() -> None:
    totals = [slip(n, 1, (leg(0, 0, Kind.TOTAL_GOALS, line_q=n),)) for n in range(1, 300)]
    batches = plan(totals, NOW_S, BatchPolicy(256, 0, 2 * TRANSACTION_GAS_MAX))
    assert [len(b) for b in batches] == [MARKET_LIST_MAX, 44]


def singles(count: int, wallets: int = 0, markets: int = 1) -> list[WaitingSlip]:
    """Slips of one leg, the first of them of contract wallets."""
    return [
        slip(n + 1, 1, (leg(n % markets),), wallet_signature=bytes(65) if n < wallets else b"")
        for n in range(count)
    ]


def accumulators(count: int) -> list[WaitingSlip]:
    """Slips with as many legs as there can be, on as many markets."""
    return [
        slip(n + 1, 1, tuple(leg((n * MAX_LEGS + at) % MARKET_LIST_MAX) for at in range(MAX_LEGS)))
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("waiting", "max_slips"),
    [
        (accumulators(100), 100),
        (singles(100, wallets=24, markets=100), 100),
        (singles(100, wallets=100), 100),
        (singles(MARKET_LIST_MAX, markets=MARKET_LIST_MAX), MAX_BETS),
    ],
    ids=["twelve legs", "some wallets", "wallets", "markets"],
)
def test_batches_that_would_ask_for_too_much_gas_are_cut(
    waiting: list[WaitingSlip], max_slips: int
) -> None:
    policy = BatchPolicy(max_slips, 0)
    assert batch_gas(waiting) > policy.max_gas == TRANSACTION_GAS_MAX
    batches = plan(waiting, NOW_S, policy)
    assert all(batch_gas(batch) <= TRANSACTION_GAS_MAX for batch in batches)
    assert {s.id for batch in batches for s in batch} == {s.id for s in waiting}
    # No more batches than the gas asks for: two neighbours do not fit into one.
    assert all(not fits([*a, *b], policy) for a, b in pairwise(batches))


@given(
    slips=slips,
    wallets=st.sets(st.integers(0, 39)),
    max_gas=st.integers(1, 2_000_000),
)
def test_no_batch_of_several_slips_asks_for_more_gas_than_the_policy_allows(
    slips: list[WaitingSlip], wallets: set[int], max_gas: int
) -> None:
    mixed = [replace(s, contract_signature=n in wallets) for n, s in enumerate(slips)]
    batches = plan(mixed, NOW_S, BatchPolicy(40, 0, max_gas))
    assert sum(map(len, batches)) == len(mixed)
    assert all(len(batch) == 1 or batch_gas(batch) <= max_gas for batch in batches)


def test_single_slip_asks_for_less_than_any_cap() -> None:
    legs_ = tuple(leg(n) for n in range(MAX_LEGS))
    largest = slip(1, 1, legs_, wallet_signature=bytes(MAX_SIGNATURE_BYTES))
    assert receipt_gas(largest) > batch_gas([largest]) > CONTRACT_SIGNATURE_GAS
    assert receipt_gas(largest) < GAS_CAP_MIN
    assert fits([largest], BatchPolicy(1, 0, 1))


def test_slip_whose_times_do_not_fit_is_held_with_the_reason() -> None:
    eternal = slip(1, 1, lives_s=MAX_SECONDS_AFTER_BASE + 1)
    dead = slip(2, 1, lives_s=-1)
    found = sort_out([eternal, dead, slip(3)], NOW_S, NOW_S, 60)
    assert [s.account for s in found.for_batch] == [3]
    assert found.held == {eternal.id: HoldReason.NOT_ENCODABLE, dead.id: HoldReason.NOT_ENCODABLE}


@pytest.mark.parametrize(("slips_", "age"), [(0, 1), (257, 1), (10, -1)])
def test_policy_with_impossible_limits_is_refused(slips_: int, age: int) -> None:
    with pytest.raises(ValueError, match="slip"):
        BatchPolicy(slips_, age)


@settings(max_examples=50)
@given(slips=slips)
def test_encoded_batch_has_the_terms_of_its_slips(slips: list[WaitingSlip]) -> None:
    for batch in plan(slips, NOW_S, BatchPolicy(20, 0)):
        data = encode_batch(batch)
        table, at = unpack_table(data)
        ids = [table.market_id(i).pack() for i in range(len(table.markets))]
        assert ids == sorted(set(ids))
        assert int.from_bytes(data[at : at + 2], "big") == len(batch)
        at += 2
        for sent in batch:
            record, at = BetRecord.unpack(data, at)
            assert (record.account, record.nonce) == (sent.account, sent.nonce)
            assert record.stake_micro == sent.stake_micro
            assert table.base_s + record.accepted_after_s == sent.accepted_at_s
            assert int.from_bytes(data[at : at + 5], "big") == sent.min_odds_e4
            assert table.base_s + int.from_bytes(data[at + 5 : at + 7], "big") == sent.deadline_s
            assert [
                (table.market_id(entry.market), entry.outcome, entry.odds_e4)
                for entry in record.legs
            ] == [(entry.market, entry.outcome, entry.odds_e4) for entry in sent.legs]
            at += 9 + 64
        assert at == len(data)


def test_signature_is_sent_in_the_form_that_the_contract_checks() -> None:
    key, digest = bytes(31) + b"\x07", bytes(range(32))
    own = sign(digest, key)
    owner = LocalSigner(key).address
    assert chain_signature(own, digest, owner) == (compact(own), False)
    assert chain_signature(compact(own), digest, owner) == (compact(own), False)
    assert chain_signature(own, digest, "0x" + "11" * 20) == (own, True)
    assert chain_signature(b"wallet", digest, owner) == (b"wallet", True)
