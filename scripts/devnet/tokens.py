"""Mints the test token and sends coins on a local chain, from accounts that its node has the keys
of."""

from __future__ import annotations

import time

from eth_abi.abi import decode, encode
from eth_utils.address import is_address, to_checksum_address
from eth_utils.crypto import keccak

from scripts.deploy_settings import OWNER, local_address
from scripts.devnet.chain import Chain
from scripts.devnet.errors import DevnetError
from scripts.devnet.rpc import RpcError

COINS = 10**20  # wei that an address without coins gets besides, for gas
MINED_LIMIT_S = 30.0
_MINT_GAS, _SEND_GAS = 120_000, 21_000


def balance_of(chain: Chain, token: str, address: str) -> int:
    """The token's units that an address holds."""
    data = _call("balanceOf(address)", ["address"], [address])
    answer = chain.call("eth_call", {"to": token, "data": data}, "latest")
    return int(decode(["uint256"], bytes.fromhex(answer[2:]))[0])


def mint(chain: Chain, token: str, address: str, units: int) -> None:
    """Mints units of the test token, and gives the address coins when it has none. Raises
    DevnetError."""
    if not is_address(address):
        raise DevnetError(f"{address} is not an address: give 0x and 40 hex digits.")
    to = to_checksum_address(address)
    data = _call("mint(address,uint256)", ["address", "uint256"], [to, units])
    _send(chain, {"to": token, "data": data, "gas": hex(_MINT_GAS)})
    if int(chain.call("eth_getBalance", to, "latest"), 16) == 0:
        _send(chain, {"to": to, "value": hex(COINS), "gas": hex(_SEND_GAS)})


def _call(signature: str, types: list[str], values: list[object]) -> str:
    return "0x" + (keccak(text=signature)[:4] + encode(types, values)).hex()


def _send(chain: Chain, transaction: dict[str, str]) -> None:
    """Sends it from the deployer, and waits until it is mined."""
    try:
        sent = chain.call("eth_sendTransaction", {"from": local_address(OWNER), **transaction})
    except RpcError as error:
        raise DevnetError(
            f"The node at {chain.url} does not send it ({error}): use Ganache or Anvil."
        ) from error
    until = time.monotonic() + MINED_LIMIT_S
    while (receipt := chain.call("eth_getTransactionReceipt", sent)) is None:
        if time.monotonic() > until:
            raise DevnetError(f"Transaction {sent} was not mined within {MINED_LIMIT_S:.0f} s.")
        time.sleep(0.05)
    if int(receipt["status"], 16) != 1:
        raise DevnetError(f"Transaction {sent} reverted: the token may not be a test token.")
