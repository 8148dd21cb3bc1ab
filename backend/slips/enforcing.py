"""Encodes the call with which a receipt is enforced on the contract; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from backend.batching.encode import encode_batch
from backend.batching.policy import WaitingLeg, WaitingSlip
from backend.batching.waiting import chain_signature
from backend.formatting import utc
from backend.slips.refusals import NothingToReplace, ReceiptExpired, SlipPlaced
from protocol.calls import encode_call
from protocol.market_id import MarketId, fixture_name_hash
from protocol.placed_event import unpack_batch
from protocol.signatures import pair
from protocol.typed_data import Domain


@dataclass(frozen=True, slots=True)
class Enforcement:
    """A call of the sportsbook that places a slip as its receipt says. `sender` is the only
    address that may call it, None if anybody may."""

    function: Literal["enforce", "enforceInstead"]
    data: bytes
    batch: bytes
    receipt: tuple[bytes, bytes]
    sender: str | None


def enforcement(row: Mapping[str, Any], domain: Domain, receipt_window_s: int) -> Enforcement:
    """The call for a row of `mirror.enforcement.ENFORCEABLE`: `enforce`, or `enforceInstead` where
    the operator placed the slip at other terms. Raises SlipPlaced, ReceiptExpired or
    NothingToReplace when the contract would refuse both."""
    if row["as_receipt"]:
        raise SlipPlaced(
            f"The slip was already placed on its receipt's terms, as bet {row['bet']} of batch"
            f" {row['batch']}; there is nothing to enforce.",
            batch=row["batch"],
            bet=row["bet"],
        )
    until_s = row["accepted_at_s"] + receipt_window_s
    if row["head_timestamp_s"] > until_s:
        raise ReceiptExpired(
            f"The receipt could be enforced until {utc(until_s)}; it is now"
            f" {utc(row['head_timestamp_s'])}.",
            enforce_until_s=until_s,
            now_s=row["head_timestamp_s"],
        )
    slip = _slip(row, domain)
    batch, receipt = encode_batch([slip]), pair(slip.receipt_signature)
    if row["batch"] is None:
        data = encode_call("Sportsbook", "enforce", batch, receipt)
        started = slip.starts_at_s <= row["head_timestamp_s"]
        return Enforcement("enforce", data, batch, receipt, row["owner"] if started else None)
    data = encode_call("Sportsbook", "enforceInstead", _placed(row, slip), batch, receipt)
    return Enforcement("enforceInstead", data, batch, receipt, row["owner"])


def _placed(row: Mapping[str, Any], slip: WaitingSlip) -> tuple[Any, ...]:
    """The run of the bet that was placed with the slip's nonce. Raises NothingToReplace unless it
    is open, and of the slip's legs and stake."""
    placed = unpack_batch(bytes(row["markets"]), bytes(row["records"]))
    bet = placed.records[row["bet"]]
    picks = [(placed.markets[leg.market], leg.outcome) for leg in bet.legs]
    same = picks == [(leg.market.pack(), leg.outcome) for leg in slip.legs]
    if row["ended"] or not same or bet.stake_micro != slip.stake_micro:
        raise NothingToReplace(
            f"Bet {row['bet']} of batch {row['batch']} has the slip's nonce, and it is already"
            " settled or cashed out, or it is a different bet: it has other legs or another stake.",
            batch=row["batch"],
            bet=row["bet"],
        )
    part = placed.part(row["bet"], 1)
    return row["batch"], part.first, part.markets, part.records, list(part.proof)


def _slip(row: Mapping[str, Any], domain: Domain) -> WaitingSlip:
    digest = domain.digest(bytes(row["struct_hash"]))
    on_chain = chain_signature(bytes(row["signature"]), digest, row["owner"])
    return WaitingSlip(
        id=row["id"],
        account=row["account"],
        nonce=row["nonce"],
        stake_micro=row["stake_micro"],
        min_odds_e4=row["min_odds_e4"],
        deadline_s=row["deadline_s"],
        accepted_at_s=row["accepted_at_s"],
        signature=on_chain.signature,
        contract_signature=on_chain.of_contract,
        receipt_signature=bytes(row["receipt_signature"]),
        left_out=False,
        legs=tuple(
            WaitingLeg(
                fixture_name_hash(leg["fixture"]),
                MarketId.unpack(bytes.fromhex(leg["market"])),
                leg["outcome"],
                leg["odds_e4"],
            )
            for leg in row["legs"]
        ),
    )
