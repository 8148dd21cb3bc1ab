"""Signs what the house and the result signers sign, and makes signatures that nobody made."""

from __future__ import annotations

from collections.abc import Sequence

from coincurve import PublicKey

from protocol.market_id import MarketId, fixture_id
from protocol.signatures import address_of, pair, sign
from protocol.typed_data import (
    CashOut,
    Domain,
    Quote,
    Receipt,
    Result,
    ResultSheet,
    Slip,
    Withdrawal,
)
from tests.support.people import Bettor
from tests.support.slips import NAME, Pick, Signed, legs
from tests.support.terms import UNIT

# The contracts' struct Signature, r and vs.
Pair = tuple[bytes, bytes]
Message = Slip | Quote | CashOut | Withdrawal | Receipt
FIRST_TERM = 1

# The largest s that counts.
HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def sign_raw(domain: Domain, message: Message, key: bytes) -> bytes:
    """A signature of 65 bytes, r | s | v, as wallets give it."""
    return sign(domain.digest(message.struct_hash()), key)


def sign_pair(domain: Domain, message: Message, key: bytes) -> Pair:
    """The same as the contracts' struct."""
    return pair(sign_raw(domain, message, key))


def receipt_of(signed: Signed) -> Receipt:
    """What the house signs when it accepts a slip."""
    odds = tuple(pick.odds_e4 for pick in signed.picks)
    return Receipt(signed.slip.struct_hash(), signed.accepted_at_s, odds)


def quote_of(
    *picks: Pick,
    deadline_s: int,
    max_stake_micro: int = UNIT,
    bettor: Bettor | None = None,
    nonce: int = 0,
) -> Quote:
    """An offer to this bettor for a slip of this nonce, or else to anyone."""
    return Quote(
        account=bettor.account if bettor else 0,
        nonce=nonce,
        max_stake_micro=max_stake_micro,
        deadline_s=deadline_s,
        odds_e4=tuple(pick.odds_e4 for pick in picks),
        legs=legs(picks),
    )


def sign_sheet(domain: Domain, sheet: ResultSheet, keys: Sequence[bytes]) -> list[Pair]:
    """The signatures of these keys on a sheet of results, in the order of the keys."""
    digest = domain.digest(sheet.struct_hash())
    return [pair(sign(digest, key)) for key in keys]


def score(
    home_full: int,
    away_full: int,
    settled_at_s: int,
    *,
    home_half: int = 0,
    away_half: int = 0,
    name: str = NAME,
    status: int = 1,
) -> Result:
    """The result of the fixture of that name."""
    return Result(
        fixture_id(name), status, home_half, away_half, home_full, away_full, settled_at_s
    )


def won_at_home(market: MarketId) -> Result:
    """1:0 in the market's fixture, over before two hours had gone."""
    return Result(market.fixture, 1, 0, 0, 1, 0, market.starts_at_s + 7_000)


def flipped(signature: Pair) -> Pair:
    """The same r and s with the other parity."""
    r, vs = signature
    return r, bytes((vs[0] ^ 0x80,)) + vs[1:]


def signed_by_nobody(digest: bytes, s: int) -> tuple[str, bytes]:
    """A signature in the compact form with this s, and the address that it recovers to: nobody
    has a key of that address, and yet the curve says that it signed."""
    r = (0x9BC8B1D2).to_bytes(32, "big")
    while True:
        try:
            public = PublicKey.from_signature_and_message(
                r + s.to_bytes(32, "big") + b"\0", digest, hasher=None
            )
        except ValueError:
            r = (int.from_bytes(r, "big") + 1).to_bytes(32, "big")
            continue
        return address_of(public), r + s.to_bytes(32, "big")
