"""Answers a submitted slip: accepts it, counts the outcome, and words the acceptance."""

from __future__ import annotations

from typing import Any

from backend.problems import Problem
from backend.services import Services
from backend.slips.acceptance import Acceptances
from backend.slips.models import SlipCreate
from backend.slips.submissions import Acceptance


async def answered(
    services: Services, acceptances: Acceptances, create: SlipCreate, idempotency_key: str | None
) -> tuple[bool, dict[str, Any]]:
    """Whether the slip is a new one, and the members of a SlipAccepted. Raises the refusal."""
    try:
        acceptance = await acceptances.accept(create, idempotency_key)
    except Problem as problem:
        services.metrics.slips.labels(problem.code).inc()
        raise
    services.metrics.slips.labels("accepted" if acceptance.new else "repeated").inc()
    return acceptance.new, _members(services, acceptance)


def _members(services: Services, acceptance: Acceptance) -> dict[str, Any]:
    slip = acceptance.slip
    slip_hash, odds_e4 = f"0x{slip.struct_hash.hex()}", list(slip.odds_e4)
    return {
        "id": str(slip.id),
        "slip_hash": slip_hash,
        "status": "accepted",
        "accepted_at_s": slip.accepted_at_s,
        "odds_e4": odds_e4,
        "payout_max_micro": str(slip.payout_max_micro),
        "receipt": {
            "slip": slip_hash,
            "accepted_at_s": slip.accepted_at_s,
            "odds_e4": odds_e4,
            "signer": services.receipt_signer.address,
            "signature": f"0x{slip.receipt_signature.hex()}",
        },
        "enforce_until_s": slip.accepted_at_s + services.windows.receipt_window_s,
        "expected_wait_s": acceptance.expected_wait_s,
    }
