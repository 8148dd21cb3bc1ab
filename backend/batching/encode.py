"""Encodes waiting slips as the bytes of a batch; pure."""

from __future__ import annotations

from collections.abc import Sequence

from backend.batching.policy import WaitingSlip
from protocol.batch_call import SlipEntry, Table, pack_batch
from protocol.records import BetRecord, LegRecord


def encode_batch(slips: Sequence[WaitingSlip]) -> bytes:
    """The argument of `placeBatch` for slips that `policy.fits` together, in their order. Raises
    PackedInvalid for a signature of the wrong form."""
    base_s = min(slip.accepted_at_s for slip in slips)
    table = Table.build(base_s, [(leg.name_hash, leg.market) for s in slips for leg in s.legs])
    index = {table.market_id(number).pack(): number for number in range(len(table.markets))}
    return pack_batch(table, [_entry(slip, base_s, index) for slip in slips])


def _entry(slip: WaitingSlip, base_s: int, index: dict[bytes, int]) -> SlipEntry:
    record = BetRecord(
        account=slip.account,
        nonce=slip.nonce,
        stake_micro=slip.stake_micro,
        accepted_after_s=slip.accepted_at_s - base_s,
        legs=tuple(
            LegRecord(index[leg.market.pack()], leg.outcome, leg.odds_e4) for leg in slip.legs
        ),
    )
    return SlipEntry(
        record=record,
        min_odds_e4=slip.min_odds_e4,
        deadline_after_s=slip.deadline_s - base_s,
        signature=slip.signature,
        contract_signature=slip.contract_signature,
    )
