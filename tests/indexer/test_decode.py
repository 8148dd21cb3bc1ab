"""Logs become events, and packed batches become bets; no chain.

Branches: ABI and decoders agree · an event without a decoder, a decoder without an event ·
truncated logs, of unknown events, with too few topics · arrays and results · the tolerant reader of
batches equals the strict one · truncated batches · a market of an unknown kind · another stake in a
record · payouts · linked headers · blooms.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.chain.block_reader import BlockReader
from indexer.chain.blocks import Header, bloom_mask, check_links, read_header
from indexer.decode.bet_reader import read_bets, split_stored
from indexer.decode.event_decoders import DECODERS, check_against_abi, decode_log
from indexer.decode.events import (
    BatchSettled,
    BetReplaced,
    CashedOut,
    CouncilSet,
    Deposited,
    KeyGranted,
    KeyRetired,
    LimitsChanged,
    NoncesCancelled,
    Relayed,
    ResultsSet,
    Withdrawn,
)
from indexer.errors import IndexerError, Malformed, Unlinked
from protocol import abi
from protocol.abi import topic
from protocol.market_id import Kind, MarketId, fixture_name_hash
from protocol.placed_event import SkipReason, split_placed, unpack_payouts, unpack_placed
from protocol.records import BetRecord, LegRecord, PackedInvalid, pack_markets, with_stake
from protocol.typed_data import Withdrawal
from protocol.words import ResultWord, WithdrawalWord

NAMES = [fixture_name_hash(f"Home {n} v Away {n}, 2025-05-25") for n in range(3)]
BASE_S = 1_748_180_000
MARKETS = [
    MarketId(name[:16], 1_748_185_200, kind, line_q=line).pack()
    for name in NAMES
    for kind, line in ((Kind.MATCH_RESULT, 0), (Kind.TOTAL_GOALS, 10), (Kind.ASIAN_HANDICAP, -3))
]
legs = st.builds(
    LegRecord, st.integers(0, len(MARKETS) - 1), st.integers(0, 2), st.integers(1, 2**32 - 1)
)
records = st.builds(
    BetRecord,
    st.integers(1, 2**32 - 1),
    st.integers(1, 2**24 - 1),
    st.integers(1, 2**63 - 1),
    st.integers(0, 2**16 - 1),
    st.lists(legs, min_size=1, max_size=12).map(tuple),
)
skips = st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**24 - 1), st.sampled_from(SkipReason))


def placed_data(bets: list[BetRecord], skipped: list[tuple[int, int, int]]) -> bytes:
    return b"".join(
        (
            len(bets).to_bytes(2, "big"),
            bytes((len(MARKETS),)),
            pack_markets(BASE_S, MARKETS),
            *(bet.pack() for bet in bets),
            *(
                a.to_bytes(4, "big") + n.to_bytes(3, "big") + bytes((reason,))
                for a, n, reason in skipped
            ),
        )
    )


@given(st.lists(records, max_size=6), st.lists(skips, max_size=4))
def test_batch_reader_equals_the_strict_reader(
    bets: list[BetRecord], skipped: list[tuple[int, int, int]]
) -> None:
    data = placed_data(bets, skipped)
    (strict, refused), fast = unpack_placed(data), split_placed(data)
    assert (fast.markets, fast.records) == (strict.market_bytes, strict.record_bytes)
    again = split_stored(fast.markets, fast.records, len(bets))
    assert again == fast._replace(skips=[])
    assert [(skip.account, skip.nonce, skip.reason) for skip in refused] == skipped
    assert [tuple(skip) for skip in fast.skips] == skipped
    for quick, record in zip(read_bets(fast), strict.records, strict=True):
        assert quick[:3] == (record.account, record.nonce, record.stake_micro)
        assert quick.accepted_at_s == strict.base_s + record.accepted_after_s
        assert quick.payout_max_micro == record.payout_max_micro
        assert [(leg.market, leg.outcome, leg.odds_e4) for leg in quick.legs] == [
            (strict.markets[leg.market], leg.outcome, leg.odds_e4) for leg in record.legs
        ]


def test_truncated_or_longer_batch_is_invalid() -> None:
    # With enough legs that a record is longer than a skipped slip.
    legs = tuple(LegRecord(0, 0, 20_000) for _ in range(4))
    whole = placed_data([BetRecord(1, 1, 10, 0, legs) for _ in range(3)], [(1, 2, 3)])
    # Without its skipped slip, it is a valid batch.
    ends = [end for end in range(len(whole)) if end != len(whole) - 8]
    for wrong in (whole + b"\0", *(whole[:end] for end in ends)):
        with pytest.raises(PackedInvalid):
            split_placed(wrong)


def test_bet_on_an_unlisted_market_is_invalid() -> None:
    bet = BetRecord(1, 1, 10, 0, (LegRecord(len(MARKETS), 0, 20_000),))
    with pytest.raises(PackedInvalid, match="does not list"):
        _ = read_bets(split_placed(placed_data([bet], [])))


def test_market_of_unknown_kind_is_read() -> None:
    none = MARKETS[0][:21] + bytes((200, 9, 0, 0, 7)) + bytes(6)
    record = BetRecord(1, 1, 10, 5, (LegRecord(1, 0, 20_000),)).pack()
    (bet,) = read_bets(split_stored(pack_markets(BASE_S, [MARKETS[0], none]), record, 1))
    assert (bet.legs[0].market, bet.accepted_at_s) == (none, BASE_S + 5)


@given(records, st.integers(1, 2**56 - 1))
def test_record_with_another_stake_is_otherwise_equal(record: BetRecord, stake_micro: int) -> None:
    assert with_stake(record.pack(), stake_micro) == replace(record, stake_micro=stake_micro).pack()


def test_payouts_are_read_by_bet() -> None:
    assert unpack_payouts(bytes((3, *bytes(7), 9, 255, *bytes(7), 1))) == {3: 9, 255: 1}
    with pytest.raises(PackedInvalid):
        unpack_payouts(bytes(10))


@pytest.mark.parametrize("contract", sorted(DECODERS))
def test_event_without_decoder_and_decoder_without_event_are_errors(contract: str) -> None:
    known = dict(DECODERS[contract])
    name, decoder = known.popitem()
    with pytest.raises(IndexerError, match="events without a decoder"):
        check_against_abi({contract: known})
    with pytest.raises(IndexerError, match="decoders without an event"):
        check_against_abi({contract: {**known, name: decoder, "Made(uint256)": decoder}})


def log_of(event: str, topics: list[int], data: bytes) -> dict[str, Any]:
    return {
        "topics": [abi.topic(event), *(f"0x{topic:064x}" for topic in topics)],
        "data": "0x" + data.hex(),
        "blockNumber": "0x5",
        "logIndex": "0x2",
        "transactionHash": "0x" + "11" * 32,
    }


def words(*values: int) -> bytes:
    return b"".join(value.to_bytes(32, "big") for value in values)


DEPOSITED = "Deposited(uint32 indexed,address indexed,uint64)"
SETTLED = "BatchSettled(uint256 indexed,uint256,bytes)"
CASHED_OUT = "CashedOut(uint256 indexed,uint256,uint64,uint256,uint64,bytes,bytes)"
REPLACED = "BetReplaced(uint256 indexed,uint256,bytes,bytes)"
RELAYED = "Relayed(uint32 indexed,uint40,uint64,address indexed)"
PUBLISHED = "ResultsPublished(uint256[],uint40,uint40)"
CORRECTED = "ResultCorrected(uint256,uint40)"
PROPOSED = "CouncilProposed(address[],uint8,address,uint40)"
APPOINTED = "CouncilAppointed(address[],uint8,address,uint24)"


def test_logs_are_decoded() -> None:
    logged = decode_log("Sportsbook", log_of(DEPOSITED, [3, 4], words(9)))
    assert logged == (5, 2, b"\x11" * 32, Deposited(3, 9))
    withdrawal = Withdrawal(2**32 - 1, 2**64 - 2, 2**40 - 3, 0)
    logged = decode_log("Sportsbook", log_of("Withdrawn(uint256)", [], words(withdrawal.word())))
    assert logged.event == Withdrawn(WithdrawalWord(2**32 - 1, 2**64 - 2, 2**40 - 3))
    payouts = bytes(range(9))
    data = words(2**255, 64, 9) + payouts.ljust(32, b"\0")
    logged = decode_log("Sportsbook", log_of(SETTLED, [7], data))
    assert logged.event == BatchSettled(7, 2**255, payouts)


def test_replaced_bets_and_relayed_requests_are_decoded() -> None:
    data = words(3, 96, 160, 5) + b"marks".ljust(32, b"\0") + words(2) + b"re".ljust(32, b"\0")
    logged = decode_log("Sportsbook", log_of(REPLACED, [7], data))
    assert logged.event == BetReplaced(7, 3)
    logged = decode_log("Sportsbook", log_of(RELAYED, [7, 9], words(2, 2**56)))
    assert logged.event == Relayed(7, 2, 2**56, (9).to_bytes(20, "big"))


def test_keys_limits_and_cancellations_are_decoded() -> None:
    def event(name: str, topics: list[int], *data: int) -> Any:
        return decode_log("Sportsbook", log_of(name, topics, words(*data))).event

    address = (7).to_bytes(20, "big")
    granted = event("KeyGranted(address indexed,uint8,uint56,uint40)", [7], 3, 2**56 - 1, 99)
    assert granted == KeyGranted(address, 3, 2**56 - 1, 99)
    assert event("KeyRetired(address indexed)", [7]) == KeyRetired(address)
    limits = "(uint56,uint56,uint56,uint56)"
    proposed = event(f"LimitsProposed({limits},uint40)", [], 1, 2, 3, 4, 99)
    assert proposed == LimitsChanged(1, 2, 3, 4, 99)
    assert event(f"LimitsSet({limits})", [], 1, 2, 3, 4) == LimitsChanged(1, 2, 3, 4, None)
    cancelled = event("NoncesCancelled(uint32 indexed,uint24,uint40)", [7], 2**24 - 1, 99)
    assert cancelled == NoncesCancelled(7, 2**24 - 1, 99)


def test_struct_in_an_event_is_part_of_its_topic() -> None:
    assert "LimitsSet((uint56,uint56,uint56,uint56))" in abi.events("Sportsbook")


def result_word(fixture: bytes, *numbers: int) -> int:
    *small, settled_at_s = numbers
    packed = fixture + bytes(small) + settled_at_s.to_bytes(5, "big") + bytes(6)
    return int.from_bytes(packed, "big")


def test_results_and_councils_are_decoded() -> None:
    some = [(b"f" * 16, 1, 2, 3, 4, 5, 6), (b"g" * 16, 5, 1, 0, 3, 0, 2**40 - 1)]
    results = [result_word(*result) for result in some]
    expected = [ResultWord(*result) for result in some]
    logged = decode_log("Results", log_of(PUBLISHED, [], words(96, 8, 9, 2, *results)))
    assert logged.event == ResultsSet(expected, 8, 9)
    logged = decode_log("Results", log_of(CORRECTED, [], words(results[1], 9)))
    assert logged.event == ResultsSet(expected[1:], None, 9)
    council = words(128, 2, 7, 99, 3, 4, 5, 6)
    signers = [n.to_bytes(20, "big") for n in (4, 5, 6)]
    logged = decode_log("Results", log_of(PROPOSED, [], council))
    assert logged.event == CouncilSet(signers, 2, (7).to_bytes(20, "big"), 99, None)
    logged = decode_log("Results", log_of(APPOINTED, [], council))
    assert logged.event == CouncilSet(signers, 2, (7).to_bytes(20, "big"), None, 99)


def test_cash_out_is_decoded_with_its_bet() -> None:
    data = words(3, 70, 9, 40, 192, 256, 5) + b"marks".ljust(32, b"\0")
    data += words(2) + b"re".ljust(32, b"\0")
    logged = decode_log("Sportsbook", log_of(CASHED_OUT, [7], data))
    assert logged.event == CashedOut(7, 3, 70, 9, 40, b"marks", b"re")


@pytest.mark.parametrize(
    "log",
    [
        log_of(PUBLISHED, [], words(96, 8, 9, 2, 1)),
        log_of(PUBLISHED, [], words(97, 8, 9, 1, 1)),
        log_of(CASHED_OUT, [7], words(3, 70, 9, 40, 192, 256, 5)),
        log_of(DEPOSITED, [3, 4], b""),
        log_of("Withdrawn(uint256)", [], words(1 << 136)),
        log_of(DEPOSITED, [3, 4], words(1, 2)),
        log_of(DEPOSITED, [3], words(1)),
        log_of("LimitsSet((uint56,uint56,uint56,uint56))", [], words(1, 2, 3)),
        log_of("Transfer(address indexed,address indexed,uint256)", [3, 4], words(1)),
        log_of(SETTLED, [7], words(1, 64, 33) + bytes(32)),
        log_of(DEPOSITED, [3, 4], words(1)) | {"data": "0xzz"},
        log_of(DEPOSITED, [3, 4], words(1)) | {"blockNumber": None},
        log_of(DEPOSITED, [3, 4], words(1)) | {"topics": []},
        {},
    ],
)
def test_invalid_log_is_malformed(log: dict[str, Any]) -> None:
    contract = "Results" if log.get("topics", [])[:1] == [abi.topic(PUBLISHED)] else "Sportsbook"
    with pytest.raises(Malformed):
        decode_log(contract, log)


def test_headers_that_do_not_link_are_refused() -> None:
    chain = [Header(n, bytes((n,)), bytes((n - 1,)), n, 0) for n in range(5, 9)]
    check_links(chain, 5)
    with pytest.raises(Malformed):
        check_links(chain, 4)
    with pytest.raises(Unlinked):
        check_links([*chain[:2], chain[2]._replace(parent_hash=b"x")], 5)
    with pytest.raises(Malformed):
        read_header({"number": "0x1", "hash": "0x11"})
    with pytest.raises(Malformed):
        read_header(None)


def test_bloom_shows_which_kinds_of_events_are_missing() -> None:
    ours, other = "0x" + "ab" * 20, "0x" + "cd" * 20
    kind, another = (topic(event) for event in list(DECODERS["Sportsbook"])[:2])
    reader = BlockReader({ours: "Sportsbook"})

    def leaves_out(address: str, kinds: set[str]) -> bool:
        bloom = bloom_mask(address) | bloom_mask(kind)
        return reader._misses_event(Header(1, b"", b"", 0, bloom), kinds)

    assert bin(bloom_mask(ours)).count("1") <= 3
    assert leaves_out(ours, set())
    assert leaves_out(ours, {"Sportsbook" + another})
    assert not leaves_out(ours, {"Sportsbook" + kind})
    assert not leaves_out(other, set())
