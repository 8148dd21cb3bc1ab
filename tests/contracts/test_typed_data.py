"""The golden vector of what bettors, house and result signers sign.

The literals of tests/golden/typed_data.json are reproduced by the contract, by protocol.typed_data
and by eth_account's own encoder. A change of any of them shows here, and in the dApp's test of the
file.

Sportsbook and Results
├── have the domain that is signed for
├── hash leg, slip, receipt, quote, cash-out and withdrawal to the vector's struct hashes, and take
│   the sheet of results as it is signed there
└── recover the signer of each
"""

import json
from functools import cache
from pathlib import Path

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from protocol.market_id import (
    KIND_NAMES,
    PERIOD_NAMES,
    TOTAL_KINDS,
    WIDE_KINDS,
    Kind,
    MarketId,
    Period,
    fixture_id,
    fixture_name_hash,
)
from protocol.signatures import compact, pair, sign
from protocol.typed_data import (
    RESULTS_NAME,
    CashOut,
    Domain,
    Leg,
    Quote,
    Receipt,
    Result,
    ResultSheet,
    Slip,
    Withdrawal,
    leg_hash,
)
from tests.contracts.world import reverts
from tests.support.wallet_message import slip_message

FILE = Path(__file__).parents[1] / "golden" / "typed_data.json"


@cache
def golden():
    return json.loads(FILE.read_text())


def typed(name):
    part = golden()[name]
    return part["typed_data"], part


def domain_of(typed_data):
    held = typed_data["domain"]
    return Domain(held["chainId"], held["verifyingContract"], held["name"])


def legs_of(name):
    typed_data, part = typed(name)
    return tuple(
        Leg(shown["fixture"], MarketId.unpack(bytes.fromhex(leg["market"][2:])), leg["outcome"])
        for shown, leg in zip(typed_data["message"]["legs"], part["legs"], strict=True)
    )


def slip():
    typed_data, _ = typed("slip")
    message = typed_data["message"]
    return Slip(
        message["account"],
        message["stakeMicro"],
        message["minOddsE4"],
        message["nonce"],
        message["deadline"],
        legs_of("slip"),
    )


def struct_hash(name):
    typed_data, _ = typed(name)
    message = typed_data["message"]
    if name == "slip":
        return slip().struct_hash()
    if name == "receipt":
        odds = tuple(message["oddsE4"])
        slip_hash = bytes.fromhex(message["slip"][2:])
        return Receipt(slip_hash, message["acceptedAt"], odds).struct_hash()
    if name == "quote":
        return Quote(
            message["account"],
            message["nonce"],
            message["maxStakeMicro"],
            message["deadline"],
            tuple(message["oddsE4"]),
            legs_of("quote"),
        ).struct_hash()
    if name == "cash_out":
        return CashOut(
            message["account"],
            message["batch"],
            message["bet"],
            message["stakeMicro"],
            message["priceMicro"],
            message["offeredAt"],
            message["deadline"],
        ).struct_hash()
    if name == "withdrawal":
        return withdrawal_of(message).struct_hash()
    return golden_sheet().struct_hash()


def withdrawal_of(message):
    return Withdrawal(
        message["account"], message["amountMicro"], message["deadline"], message["sequence"]
    )


def golden_sheet():
    message = typed("result_sheet")[0]["message"]
    results = tuple(
        Result(
            bytes.fromhex(r["fixture"][2:]),
            r["status"],
            r["homeHalf"],
            r["awayHalf"],
            r["homeFull"],
            r["awayFull"],
            r["settledAt"],
        )
        for r in message["results"]
    )
    return ResultSheet(message["term"], message["deadline"], results)


NAMES = ("slip", "receipt", "quote", "cash_out", "withdrawal", "result_sheet")


@pytest.mark.parametrize("name", NAMES)
def test_backend_reproduces_golden(name):
    typed_data, part = typed(name)
    hashed = struct_hash(name)
    assert "0x" + hashed.hex() == part["struct_hash"]
    digest = domain_of(typed_data).digest(hashed)
    assert "0x" + digest.hex() == part["digest"]
    signature = sign(digest, bytes.fromhex(part["key"][2:]))
    assert "0x" + signature.hex() == part["signature"]
    assert "0x" + compact(signature).hex() == part["compact_signature"]


@pytest.mark.parametrize("name", NAMES)
def test_general_encoder_reproduces_golden(name):
    typed_data, part = typed(name)
    message = json.loads(json.dumps(typed_data))
    for result in message["message"].get("results", []):
        result["fixture"] = bytes.fromhex(result["fixture"][2:])
    if "slip" in message["message"]:
        message["message"]["slip"] = bytes.fromhex(message["message"]["slip"][2:])
    signed = Account.sign_message(encode_typed_data(full_message=message), part["key"])
    assert "0x" + bytes(signed.message_hash).hex() == part["digest"]
    assert "0x" + bytes(signed.signature).hex() == part["signature"]


def test_wallet_message_is_golden():
    typed_data, _ = typed("slip")
    assert slip_message(slip(), domain_of(typed_data)) == typed_data


def test_contracts_have_signed_domains(world):
    for contract, name in ((world.sportsbook, "Fairline"), (world.results, RESULTS_NAME)):
        fields, held_name, version, chain_id, address, salt, extensions = contract.eip712Domain()
        assert (str(fields), held_name, version) == ("0x0f", name, "1")
        assert (chain_id, address) == (1337, contract.address)
        assert int(str(salt), 16) == 0
        assert not extensions


@pytest.mark.parametrize("name", ["slip", "quote"])
def test_contract_hashes_golden_legs(world, name):
    _, part = typed(name)
    for leg, held in zip(legs_of(name), part["legs"], strict=True):
        market = int.from_bytes(leg.market.pack(), "big")
        name = fixture_name_hash(leg.fixture_name)
        hashed = world.harness.legHash(name, market, leg.outcome)
        assert str(hashed) == held["struct_hash"] == "0x" + leg_hash(leg).hex()


def test_contract_hashes_golden_slip(world):
    """In full; that what the form of plain slips hashes is the same, every placed slip shows."""
    typed_data, part = typed("slip")
    message = typed_data["message"]
    hashed = world.harness.slipHash(
        message["account"],
        message["stakeMicro"],
        message["minOddsE4"],
        message["nonce"],
        message["deadline"],
        [leg["struct_hash"] for leg in part["legs"]],
    )
    assert str(hashed) == part["struct_hash"]


@pytest.mark.parametrize("name", NAMES)
def test_contract_recovers_signer_of_golden_signature(world, name):
    _, part = typed(name)
    r, vs = pair(bytes.fromhex(part["signature"][2:]))
    found = world.harness.recover(part["digest"], r, vs)
    assert found == Account.from_key(part["key"]).address


def test_contract_hashes_golden_receipt(world):
    typed_data, part = typed("receipt")
    message = typed_data["message"]
    hashed = world.harness.receiptHash(message["slip"], message["acceptedAt"], message["oddsE4"])
    assert str(hashed) == part["struct_hash"]


def test_contract_hashes_golden_quote(world):
    typed_data, part = typed("quote")
    message = typed_data["message"]
    terms = (message["account"], message["nonce"], message["maxStakeMicro"], message["deadline"])
    legs = keccak(b"".join(bytes.fromhex(leg["struct_hash"][2:]) for leg in part["legs"]))
    hashed = world.harness.quoteHash(terms, message["oddsE4"], legs)
    assert str(hashed) == part["struct_hash"]


def test_contract_hashes_golden_cash_out(world):
    typed_data, part = typed("cash_out")
    message = typed_data["message"]
    offer = tuple(message[f] for f in ("stakeMicro", "priceMicro", "offeredAt", "deadline"))
    hashed = world.harness.cashOutHash(message["account"], message["batch"], message["bet"], offer)
    assert str(hashed) == part["struct_hash"]


def test_contract_hashes_golden_results(world):
    """The sheet is hashed inside: the signer that a wrong signature is laid to is who signed the
    vector's struct hash."""
    _, part = typed("result_sheet")
    digest = world.results_domain.digest(bytes.fromhex(part["struct_hash"][2:]))
    signature = pair(sign(digest, bytes.fromhex(part["key"][2:])))
    sheet = golden_sheet()
    words = [result.word() for result in sheet.results]
    terms = (words, sheet.term, sheet.deadline_s, [signature, signature])
    with reverts("SignerUnknown", Account.from_key(part["key"]).address):
        world.results.publish.call(*terms, {"from": world.owner})


def test_contract_hashes_golden_withdrawal(world):
    typed_data, part = typed("withdrawal")
    message = typed_data["message"]
    word = withdrawal_of(message).word()
    assert str(world.harness.withdrawalHash(word, message["sequence"])) == part["struct_hash"]


def test_every_word_of_every_market_is_hashed_alike(world):
    """Kinds, periods, lines below zero, in play, and every outcome's name."""
    name = "Häßlich FC v São Paulo, 2025-05-25"
    for kind in KIND_NAMES:
        lines = {Kind.ASIAN_HANDICAP: (-3,), Kind.EUROPEAN_HANDICAP: (-8,)}.get(kind, (0,))
        if kind in TOTAL_KINDS:
            lines = (9,)
        if kind in WIDE_KINDS:
            lines = (4, 12, 36)
        for line_q in lines:
            for number, period in enumerate(PERIOD_NAMES):
                if kind is Kind.PROPOSITION:
                    period = Period.FULL_TIME  # it has no others
                in_play = number % 2 == 1
                market = MarketId(fixture_id(name), 2**40 - 1, kind, period, line_q, in_play)
                packed = int.from_bytes(market.pack(), "big")
                for outcome in range(len(market.outcomes)):
                    hashed = world.harness.legHash(fixture_name_hash(name), packed, outcome)
                    assert str(hashed) == "0x" + leg_hash(Leg(name, market, outcome)).hex()
