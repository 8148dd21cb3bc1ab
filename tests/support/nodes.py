"""Starts real nodes that can be killed and restarted, and reads what is on their chain."""

from __future__ import annotations

import ctypes
import http.client
import json
import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from eth_account import Account
from web3 import HTTPProvider, Web3

from scripts.devnet.chain import node_command

CHAIN_ID = 1337
MNEMONIC = "test test test test test test test test test test test junk"
ROOT = Path(__file__).resolve().parents[2]
# How long a node may take for an answer.
_PATIENCE_S = 60.0

Account.enable_unaudited_hdwallet_features()


@cache
def key(index: int) -> bytes:
    """Key number `index` of the funded accounts of every test chain."""
    account = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
    return bytes(account.key)


def free_port() -> int:
    """A port that no process listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class TestNode:
    """A node of one kind on its own port, whose chain survives a restart. "anvil-capped" is an
    Anvil that refuses transactions of more than 2^24 gas (EIP-7825)."""

    __test__ = False

    def __init__(self, kind: str, folder: Path, start_s: int | None = None) -> None:
        self._capped = kind == "anvil-capped"
        self.kind = "anvil" if self._capped else kind
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.web3 = Web3(HTTPProvider(self.url, exception_retry_configuration=None))
        self._lines = threading.local()
        self._folder = folder
        self._start_s = start_s
        self._genesis_s: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        # Held while the node starts, so that no other thread mines a block before its clock is
        # right.
        self._starting = threading.RLock()

    def start(self) -> None:
        with self._starting:
            self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            self._command(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        deadline = time.monotonic() + 30
        while not self.web3.is_connected():
            assert self._process.poll() is None, f"{self.kind} exited at start"
            assert time.monotonic() < deadline, f"{self.kind} does not answer"
            time.sleep(0.05)
        if self.kind == "anvil":
            self._keep_genesis()

    def _keep_genesis(self) -> None:
        """An Anvil that is started again adds a first block to the saved ones; only with the same
        time is it the same block. Its clock is back at that time then, and it mines nothing until
        the clock is put right: at the present, or after the newest block if the test chose the
        time."""
        if self._genesis_s is None:
            self._genesis_s = self._timestamp_s("0x0")
            return
        now_s = self._timestamp_s("latest") + 1 if self._start_s else int(time.time())
        self.rpc("evm_setTime", hex(now_s * 1000))
        self.rpc("evm_setAutomine", True)

    def _timestamp_s(self, block: str) -> int:
        return int(self.rpc("eth_getBlockByNumber", block, False)["timestamp"], 16)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, how)
        self._process.wait(timeout=20)

    def set_balance(self, address: str, wei: int) -> None:
        """Gives an address so much of the chain's coin, whatever it had."""
        method = "anvil_setBalance" if self.kind == "anvil" else "evm_setAccountBalance"
        self.rpc(method, address, hex(wei))

    def rpc(self, method: str, *params: Any) -> Any:
        """The result of a call, on a connection that each thread keeps open."""
        with self._starting:
            pass  # Another thread has started it.
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        line = getattr(self._lines, "line", None)
        if line is None:
            line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE_S)
            self._lines.line = line
        # A node that was restarted, or that let the connection go, has closed it.
        if line.sock is not None and select.select([line.sock], [], [], 0)[0]:
            line.close()
        try:
            line.request("POST", "/", json.dumps(body), {"Content-Type": "application/json"})
            answer = json.loads(line.getresponse().read())
        except BaseException:
            line.close()
            raise
        assert "error" not in answer, answer
        return answer["result"]

    def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            self.rpc("evm_mine")

    def fork(self, snapshot: str) -> None:
        """Give up the blocks since a snapshot. Those that are mined from now on have another
        miner: an empty block of the same second would be the same block again."""
        self.rpc("evm_revert", snapshot)
        method = "anvil_setCoinbase" if self.kind == "anvil" else "miner_setEtherbase"
        self.rpc(method, "0x" + os.urandom(20).hex())

    def hold_blocks(self) -> None:
        """Stop mining a block for every transaction."""
        self.rpc("evm_setAutomine", False) if self.kind == "anvil" else self.rpc("miner_stop")

    def release_blocks(self) -> None:
        self.rpc("evm_setAutomine", True) if self.kind == "anvil" else self.rpc("miner_start")

    def inputs_from(self, sender: str) -> list[bytes]:
        """The call data of all transactions of a sender, in chain order."""
        blocks: list[Any] = [
            self.web3.eth.get_block(number, True)
            for number in range(self.web3.eth.block_number + 1)
        ]
        return [
            bytes(transaction["input"])
            for block in blocks
            for transaction in block["transactions"]
            if transaction["from"] == sender
        ]

    def _command(self) -> list[str]:
        if self.kind == "anvil":
            start_s = self._genesis_s or self._start_s
            start = ["--timestamp", str(start_s)] if start_s else []
            start += ["--no-mining"] if self._genesis_s else []
            rules = ["osaka", "--enable-tx-gas-limit"] if self._capped else ["shanghai"]
            return [
                *node_command("anvil"),
                *["--silent", "--port", str(self.port)],
                *["--chain-id", str(CHAIN_ID), "--hardfork", *rules],
                *["--mnemonic", MNEMONIC, "--state", str(self._folder / "anvil.json")],
                *["--state-interval", "1", "--order", "fees"],
                *start,
            ]
        start = ["--chain.time", str(self._start_s * 1000)] if self._start_s else []
        return [
            *node_command("ganache"),
            *["--server.port", str(self.port), "--logging.quiet"],
            *["--chain.chainId", str(CHAIN_ID), "--chain.networkId", str(CHAIN_ID)],
            *["--chain.hardfork", "shanghai", "--wallet.mnemonic", MNEMONIC],
            *["--database.dbPath", str(self._folder / "ganache")],
            *start,
        ]


@contextmanager
def running_node(kind: str, folder: Path, start_s: int | None = None) -> Iterator[TestNode]:
    """A node that runs until the end of the `with` block."""
    folder.mkdir(parents=True, exist_ok=True)
    node = TestNode(kind, folder, start_s)
    node.start()
    try:
        yield node
    finally:
        node.stop(signal.SIGKILL)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
