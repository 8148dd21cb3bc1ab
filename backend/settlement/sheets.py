"""Signs sheets of results; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from protocol.signatures import recover, sign
from protocol.typed_data import Domain, ResultSheet


class SignersTooFew(RuntimeError):
    """There are fewer result keys than the contract requires."""


@dataclass(frozen=True, slots=True)
class SignedSheet:
    """A sheet and the signatures over it, in ascending order of the signers."""

    sheet: ResultSheet
    signatures: tuple[bytes, ...]


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
