"""The batching policy on random slips: batches fit, in an order that the contract accepts."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.batching.encode import encode_batch
from backend.batching.policy import (
    BatchPolicy,
    HoldReason,
    WaitingLeg,
    WaitingSlip,
    fits,
    plan,
    ready,
)
from backend.batching.waiting import chain_signature
from backend.transactions.signer import LocalSigner
from protocol.limits import MARKET_LIST_MAX, MAX_SECONDS_AFTER_BASE
from protocol.market_id import Kind, MarketId, fixture_id, fixture_name_hash
from protocol.records import BetRecord
from protocol.signatures import compact, sign
from tests.support.batch_table import unpack_table

NOW_S = 1_750_000_000
NAMES = [f"Home {n} v Away {n}, 2030-01-01" for n in range(6)]


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
) -> WaitingSlip:
    return WaitingSlip(
        id=uuid.uuid4(),
        account=account,
        nonce=nonce,
        stake_micro=1_000_000,
        min_odds_e4=10_001,
        deadline_s=accepted_at_s + lives_s,
        accepted_at_s=accepted_at_s,
        signature=bytes(64),
        contract_signature=False,
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


@dataclass
class ContractNonces:
    """An account's nonces as the contract keeps them: the highest, and a window of 8 below it."""

    highest: int = 0
    used: set[int] = field(default_factory=set)

    def use(self, nonce: int) -> bool:
        if nonce in self.used or nonce + 8 < self.highest or nonce == self.highest:
            return False
        self.used.add(nonce)
        self.highest = max(self.highest, nonce)
        return True


@given(slips=slips, max_slips=st.integers(1, 10), max_age_s=st.integers(0, 200))
def test_plan_sends_batches_that_fit_and_no_slip_twice(
    slips: list[WaitingSlip], max_slips: int, max_age_s: int
) -> None:
    batches = plan(slips, NOW_S, BatchPolicy(max_slips, max_age_s))
    sent = [s for batch in batches for s in batch]
    assert len({s.id for s in sent}) == len(sent)
    assert {s.id for s in sent} <= {s.id for s in slips}
    assert all(batch and fits(batch, max_slips) for batch in batches)


@given(slips=slips, max_slips=st.integers(1, 10), max_age_s=st.integers(0, 200))
def test_plan_sends_everything_once_one_slip_is_due(
    slips: list[WaitingSlip], max_slips: int, max_age_s: int
) -> None:
    due = any(s.accepted_at_s + max_age_s <= NOW_S for s in slips)
    sent = [s.id for b in plan(slips, NOW_S, BatchPolicy(max_slips, max_age_s)) for s in b]
    if due:
        assert sorted(sent) == sorted(s.id for s in slips)


@given(slips=slips, max_slips=st.integers(1, 10), max_age_s=st.integers(0, 200))
def test_plan_sends_slips_in_an_order_that_the_contract_accepts(
    slips: list[WaitingSlip], max_slips: int, max_age_s: int
) -> None:
    """The rest may follow in a later flush."""
    first = [s for b in plan(slips, NOW_S, BatchPolicy(max_slips, max_age_s)) for s in b]
    gone = {s.id for s in first}
    rest = [s for s in slips if s.id not in gone]
    second = [s for b in plan(rest, NOW_S, BatchPolicy(max_slips, 0)) for s in b]
    nonces: dict[int, ContractNonces] = {}
    for sent in first + second:
        assert nonces.setdefault(sent.account, ContractNonces()).use(sent.nonce)


@given(slips=slips, chain_clock_s=st.integers(NOW_S - 90_000, NOW_S))
def test_slips_ahead_of_the_chain_hold_the_later_ones_of_their_account(
    slips: list[WaitingSlip], chain_clock_s: int
) -> None:
    sendable, held = ready(slips, chain_clock_s)
    assert {s.id for s in sendable} | set(held) == {s.id for s in slips}
    assert all(s.accepted_at_s <= chain_clock_s for s in sendable)
    for stays in (s for s in slips if s.id in held):
        assert not any(g.account == stays.account and g.nonce > stays.nonce for g in sendable)


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
    batches = plan(totals, NOW_S, BatchPolicy(256, 0))
    assert [len(b) for b in batches] == [MARKET_LIST_MAX, 44]


def test_slip_whose_times_do_not_fit_is_held_with_the_reason() -> None:
    eternal = slip(1, 1, lives_s=MAX_SECONDS_AFTER_BASE + 1)
    dead = slip(2, 1, lives_s=-1)
    sendable, held = ready([eternal, dead, slip(3)], NOW_S)
    assert [s.account for s in sendable] == [3]
    assert held == {eternal.id: HoldReason.NOT_ENCODABLE, dead.id: HoldReason.NOT_ENCODABLE}


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
