"""Makes Brownie ask a node for less, without changing what a test sees.

For each transaction Brownie takes a snapshot that its `undo` could return to, for each revert it
reads the trace of every step, for each call it asks for the chain's id, for each request it looks
for proxies, and after each test it searches all of its objects for garbage. Half of the time of the
contract tests went into this.

REVERT_TRACES=1 leaves the traces: an unexpected revert then shows its line of Solidity.
"""

from __future__ import annotations

import gc
import http.client
import inspect
import json
import os
import select
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlparse

from brownie.exceptions import decode_typed_error
from brownie.network import web3
from brownie.network.contract import ContractContainer
from brownie.network.rpc import Rpc
from brownie.network.state import Chain
from brownie.network.transaction import TransactionReceipt
from web3.middleware import Web3Middleware

Request = Callable[[Any, Any], Any]

# How long a node may take for an answer.
PATIENCE_S = 120.0
# The requests whose answer does not change.
CONSTANT = frozenset({"eth_chainId"})
# Middleware of web3 for what no test sends: names of ENS, transactions without gas or price, and
# those of another chain.
NEEDLESS = ("gas_price_strategy", "gas_estimate", "ens_name_to_address", "validation")


class NodeSilent(Exception):
    """The node stands still: nothing more can be tested with it."""


def quicken() -> None:
    """Once a session, after Brownie has connected."""
    Chain._add_to_undo_buffer = _keep_no_undo
    ContractContainer._revert = _forget_undone
    for name in ("sleep", "mine", "snapshot", "revert"):
        # Around each is a check of who calls it, which reads the source of the whole call stack.
        setattr(Rpc, name, inspect.getclosurevars(getattr(Rpc, name)).nonlocals["fn"])
    # Every transaction has its price; this strategy asks for another one all the same.
    web3.eth.set_gas_price_strategy(None)
    provider = web3.provider
    provider.make_request = Line(provider.endpoint_uri, provider.encode_rpc_request).request
    web3.middleware_onion.inject(QuickMiddleware, layer=0)
    for name in NEEDLESS:
        web3.middleware_onion.remove(name)
    # Asked for twice per transaction; web3 looks at its address in four ways each time.
    web3.eth.get_transaction_count = _transaction_count
    if not os.environ.get("REVERT_TRACES"):
        TransactionReceipt.revert_msg = property(_revert_msg)
        TransactionReceipt._raise_if_reverted = _raise_without_trace


def tick_by_blocks() -> None:
    """On Anvil too, a block is a second later than the one before it, so that no test depends on
    how fast the machine is. Ganache is started so."""
    answer = web3.provider.make_request("anvil_setBlockTimestampInterval", [1])
    assert "error" not in answer or web3.client_version.startswith("Ganache"), answer


def forget_garbage() -> None:
    """Exempts what is there now, which is all of the project, from the searches for garbage."""
    gc.collect()
    gc.freeze()


class Line:
    """One connection to the node, kept open. Raises NodeSilent when the node did not answer, and
    from then on at once: hundreds of tests would wait in turn."""

    def __init__(
        self, url: str, encode: Callable[[Any, Any], bytes], patience_s: float = PATIENCE_S
    ) -> None:
        address = urlparse(url)
        self._encode = encode
        self._patience_s = patience_s
        self._turn = threading.Lock()
        self._silent = ""
        self._connection = http.client.HTTPConnection(
            str(address.hostname), address.port, timeout=patience_s
        )

    def request(self, method: Any, params: Any) -> Any:
        body = self._encode(method, params)
        with self._turn:
            if self._silent:
                raise NodeSilent(self._silent)
            self._close_what_the_node_closed()
            try:
                self._connection.request("POST", "/", body, {"Content-Type": "application/json"})
                return json.loads(self._connection.getresponse().read())
            except TimeoutError:
                self._silent = f"the node does not answer {method} within {self._patience_s:g} s"
                self._connection.close()
                raise NodeSilent(self._silent) from None
            except BaseException:
                # Of a test that was stopped; the answer is not that of the next request.
                self._connection.close()
                raise

    def _close_what_the_node_closed(self) -> None:
        idle = self._connection.sock
        if idle is not None and select.select([idle], [], [], 0)[0]:
            self._connection.close()


class QuickMiddleware(Web3Middleware):
    """Remembers what a node answers alike for as long as it runs."""

    def wrap_make_request(self, make_request: Request) -> Request:
        known: dict[str, Any] = {}

        def request(method: Any, params: Any) -> Any:
            if method in known:
                return known[method]
            answer = make_request(method, params)
            if method in CONSTANT and "result" in answer:
                known[method] = answer
            return answer

        return request


def _keep_no_undo(self: Chain, *_: Any) -> None:
    """Tests are undone as a whole."""


def _transaction_count(address: str, block: str = "latest") -> int:
    answer = web3.provider.make_request("eth_getTransactionCount", [address, block])
    return int(answer["result"], 16)


def _forget_undone(self: ContractContainer, height: int) -> None:
    """Contracts that were deployed after this block are gone. Code is asked for only where Brownie
    does not know the block, as with contracts that another contract created."""
    for contract in list(self._contracts):
        if contract.tx is None:
            gone = not web3.eth.get_code(contract.address)
        else:
            gone = contract.tx.block_number > height
        if gone:
            self.remove(contract)
            contract._reverted = True


def _revert_msg(self: TransactionReceipt) -> str | None:
    if self.status == 0 and self._revert_msg is None:
        self._revert_msg = _reason(self)
    return _traced_revert_msg(self)


def _raise_without_trace(self: TransactionReceipt, exc: Any) -> None:
    if self.status:
        return
    raise exc._with_attr(revert_msg=self.revert_msg, dev_revert_msg="")


def _reason(failed: TransactionReceipt) -> str | None:
    """Why a transaction failed: it changed nothing, so a call in its own block fails alike."""
    call = {
        "from": str(failed.sender),
        "gas": hex(failed.gas_limit),
        "value": hex(failed.value),
        "data": failed.input,
    }
    if failed.receiver:
        call["to"] = str(failed.receiver)
    answer = web3.provider.make_request("eth_call", [call, hex(failed.block_number)])
    data = answer.get("error", {}).get("data")
    return decode_typed_error(data) if isinstance(data, str) and len(data) >= 10 else None


_traced_revert_msg = TransactionReceipt.revert_msg.fget
