"""Derives the results of finished fixtures from the facts, and signs sheets of them; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backend.feed.facts import MATCH_LENGTH_S, FixtureFacts
from protocol.outcomes import ResultStatus
from protocol.signatures import recover, sign
from protocol.typed_data import Domain, Result, ResultSheet


class SignersTooFew(RuntimeError):
    """There are fewer result keys than the contract requires."""


@dataclass(frozen=True, slots=True)
class SignedSheet:
    """A sheet and the signatures over it, in ascending order of the signers."""

    sheet: ResultSheet
    signatures: tuple[bytes, ...]


def results_due(facts: Iterable[FixtureFacts], now_s: int) -> list[Result]:
    """The results of fixtures that are over at `now_s`. A match ends MATCH_LENGTH_S after its
    start, and bets count up to that time."""
    return [
        Result(
            fixture=fixture.fixture_id,
            status=ResultStatus.PLAYED,
            home_half=fixture.score.home_half,
            away_half=fixture.score.away_half,
            home_full=fixture.score.home_full,
            away_full=fixture.score.away_full,
            settled_at_s=fixture.starts_at_s + MATCH_LENGTH_S,
        )
        for fixture in facts
        if fixture.score is not None and fixture.starts_at_s + MATCH_LENGTH_S <= now_s
    ]


def sign_sheet(
    sheet: ResultSheet, keys: Sequence[bytes], threshold: int, domain: Domain
) -> SignedSheet:
    """Sign a sheet with as many of its council's keys as the contract requires. Raises
    SignersTooFew."""
    if len(keys) < threshold:
        raise SignersTooFew(
            f"the council of term {sheet.term} requires {threshold} signatures, but"
            f" RESULT_SIGNER_KEYS has only {len(keys)} keys of its signers; add more"
        )
    digest = domain.digest(sheet.struct_hash())
    signatures = [sign(digest, key) for key in keys[:threshold]]
    signatures.sort(key=lambda signature: int(recover(digest, signature), 16))
    return SignedSheet(sheet, tuple(signatures))
