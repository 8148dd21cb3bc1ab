"""Signs with a key on the curve P-256, as a passkey does. Not in constant time: for tests only."""

from __future__ import annotations

import hashlib

_P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_A = _P - 3
_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
_Point = tuple[int, int] | None


def public_key(secret: int) -> tuple[bytes, bytes]:
    """The coordinates of a secret's public key, 32 bytes each."""
    point = _times(secret, _G)
    assert point is not None
    return point[0].to_bytes(32, "big"), point[1].to_bytes(32, "big")


def sign(secret: int, digest: bytes) -> bytes:
    """r and s of a digest of 32 bytes, with s in the lower half."""
    k = int.from_bytes(hashlib.sha256(secret.to_bytes(32, "big") + digest).digest(), "big") % _N
    point = _times(k, _G)
    assert point is not None
    r = point[0] % _N
    s = pow(k, -1, _N) * (int.from_bytes(digest, "big") + r * secret) % _N
    return r.to_bytes(32, "big") + min(s, _N - s).to_bytes(32, "big")


def _plus(a: _Point, b: _Point) -> _Point:
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % _P == 0:
        return None
    if a == b:
        slope = (3 * a[0] * a[0] + _A) * pow(2 * a[1], -1, _P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, _P)
    x = (slope * slope - a[0] - b[0]) % _P
    return x, (slope * (a[0] - x) - a[1]) % _P


def _times(factor: int, point: _Point) -> _Point:
    product: _Point = None
    while factor:
        if factor & 1:
            product = _plus(product, point)
        point = _plus(point, point)
        factor >>= 1
    return product
