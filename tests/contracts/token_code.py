"""Tokens of which one function does not work: code that stands at the token's address."""

from __future__ import annotations

from eth_utils.crypto import keccak

REVERTS = bytes.fromhex("60006000fd")
DOES_NOTHING = bytes.fromhex("00")


def deaf_to(token: str, signature: str, instead: bytes = REVERTS) -> bytes:
    """Code that runs a token's, but for one function, which does something else instead."""
    selector = keccak(text=signature)[:4].hex()
    # Calls the token's code on this storage, with this call's data.
    forward = bytes.fromhex("3660006000376000600036600073" + token[2:] + "5af4")
    answer = bytes.fromhex("3d600060003e")
    # Where the answer is returned, after `head`, `forward`, `answer` and the start of `tail`.
    ok = 15 + len(forward) + len(answer) + 7
    head = bytes.fromhex(f"60003560e01c63{selector}1460{ok + 5:02x}57")
    tail = bytes.fromhex(f"60{ok:02x}573d6000fd5b3d6000f35b") + instead
    return head + forward + answer + tail
