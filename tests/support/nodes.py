"""Starts real nodes that can be killed and restarted, and reads what is on their chain."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eth_account import Account
from web3 import HTTPProvider, Web3

CHAIN_ID = 1337
MNEMONIC = "test test test test test test test test test test test junk"
ROOT = Path(__file__).resolve().parents[2]

Account.enable_unaudited_hdwallet_features()


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


def binary(name: str) -> str:
    """The path of a node's executable: the project's own, or one on PATH."""
    own = ROOT / "node_modules" / ".bin" / name
    found = str(own) if own.exists() else shutil.which(name)
    assert found, f"{name} is missing; run python3 scripts/setup.py"
    return found


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
        self._folder = folder
        self._start_s = start_s
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
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

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, how)
        self._process.wait(timeout=20)

    def rpc(self, method: str, *params: Any) -> Any:
        answer = self.web3.provider.make_request(method, list(params))  # type: ignore[arg-type]
        assert "error" not in answer, answer
        return answer["result"]

    def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            self.rpc("evm_mine")

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
            start = ["--timestamp", str(self._start_s)] if self._start_s else []
            rules = ["osaka", "--enable-tx-gas-limit"] if self._capped else ["shanghai"]
            return [
                *[binary("anvil"), "--silent", "--port", str(self.port)],
                *["--chain-id", str(CHAIN_ID), "--hardfork", *rules],
                *["--mnemonic", MNEMONIC, "--state", str(self._folder / "anvil.json")],
                *["--state-interval", "1", "--order", "fees"],
                *start,
            ]
        start = ["--chain.time", str(self._start_s * 1000)] if self._start_s else []
        return [
            *[binary("ganache"), "--server.port", str(self.port), "--logging.quiet"],
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
