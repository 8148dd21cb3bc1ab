"""Says what became of a relay, as it is answered and sent to its owner; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backend.relays.models import RelayPublic
from backend.relays.signed import FEE_MICRO
from backend.relays.status import reason_of, status_of


def public(row: Mapping[str, Any]) -> RelayPublic:
    """A row of `backend.mirror.relays`; its bytes may be as PostgreSQL writes them into JSON."""
    status = status_of(row)
    counted, tx_hash = row["number"], row["tx_hash"]
    return RelayPublic(
        relay_hash=_hex(row["hash"]),
        kind=row["kind"],
        owner=row["owner"],
        account=row["of_account"],
        value=str(row["value"]),
        fee_micro=str(FEE_MICRO),
        number=None if counted is None else str(int(counted)),
        deadline_s=row["deadline_s"],
        received_at_s=row["received_at_s"],
        status=status,
        reason=reason_of(row),
        tx_hash=None if tx_hash is None else _hex(tx_hash),
        block=row["block"] if status in ("tentative", "confirmed", "final") else None,
    )


def _hex(value: bytes | str) -> str:
    digits = value.removeprefix("\\x") if isinstance(value, str) else bytes(value).hex()
    return f"0x{digits}"
