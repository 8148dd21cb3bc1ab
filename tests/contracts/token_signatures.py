"""Signs for the token: EIP-2612 permits, and authorizations of a transfer by EIP-3009."""

from __future__ import annotations

from typing import Any

from brownie import chain
from eth_abi.abi import encode
from eth_account import Account
from eth_utils.crypto import keccak

from tests.contracts.world import World
from tests.support.people import key_address

FAR_S = 2**40 - 1
Vrs = tuple[int, bytes, bytes]
Fields = tuple[tuple[str, str], ...]

PERMIT: Fields = (
    ("owner", "address"),
    ("spender", "address"),
    ("value", "uint256"),
    ("nonce", "uint256"),
    ("deadline", "uint256"),
)
RECEIVE: Fields = (
    ("from", "address"),
    ("to", "address"),
    ("value", "uint256"),
    ("validAfter", "uint256"),
    ("validBefore", "uint256"),
    ("nonce", "bytes32"),
)


def permit(world: World, owner_key: bytes, amount: int, owner: str | None = None) -> Vrs:
    """That the sportsbook may take the owner's tokens, until FAR_S. The key is the owner's, unless
    another is named."""
    owner = owner or key_address(owner_key)
    values = (owner, world.sportsbook.address, amount, world.token.nonces(owner), FAR_S)
    return _sign(world, "Permit", PERMIT, values, owner_key)


def authorization(
    world: World,
    owner_key: bytes,
    amount: int,
    fee_micro: int,
    salt: bytes,
    *,
    owner: str | None = None,
) -> Vrs:
    """A transfer to the sportsbook that pays whoever sends it the fee, until FAR_S."""
    nonce = keccak(encode(["uint64", "bytes32"], [fee_micro, salt]))
    owner = owner or key_address(owner_key)
    values = (owner, world.sportsbook.address, amount, 0, FAR_S, nonce)
    return _sign(world, "ReceiveWithAuthorization", RECEIVE, values, owner_key)


def _sign(
    world: World, name: str, fields: Fields, values: tuple[Any, ...], owner_key: bytes
) -> Vrs:
    domain = {
        "name": world.token.name(),
        "version": "1",
        "chainId": chain.id,
        "verifyingContract": world.token.address,
    }
    types = {name: [{"name": field, "type": kind} for field, kind in fields]}
    message = {field: value for (field, _), value in zip(fields, values, strict=True)}
    signed = Account.sign_typed_data(owner_key, domain, types, message)
    return signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")
