"""Runs a local chain node, Ganache or Anvil.

The chain survives a restart of its node, and its clock continues from the last block.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from scripts.devnet import rpc
from scripts.devnet.errors import DevnetError
from scripts.devnet.paths import ROOT, STATE, choose_port, need_disk
from scripts.devnet.processes import Process, wait_until
from scripts.devnet.record import server_elsewhere

Kind = Literal["ganache", "anvil"]

CHAIN_ID = 1337
MNEMONIC = "test test test test test test test test test test test junk"
ACCOUNTS = 100
BALANCE_ETHER = 1_000_000
BLOCK_GAS_LIMIT = 30_000_000
HARDFORK = "shanghai"
_ANVIL_STATE, _ANVIL_COPY = "state.json", "state.before.json"


def kind_from_environment() -> Kind:
    """CHAIN=ganache (default) or CHAIN=anvil."""
    asked = os.environ.get("CHAIN", "ganache").strip().lower()
    if asked == "ganache":
        return "ganache"
    if asked == "anvil":
        return "anvil"
    raise DevnetError(f"CHAIN={asked} is not supported: use CHAIN=ganache or CHAIN=anvil.")


def account_key(index: int) -> str:
    """Private key number `index` of the funded accounts, 0x and 64 hex digits. Test chains only."""
    from eth_account import Account

    Account.enable_unaudited_hdwallet_features()
    account = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
    return "0x" + bytes(account.key).hex()


def private_key(index: int) -> bytes:
    """The same key as bytes."""
    return bytes.fromhex(account_key(index)[2:])


def node_command(name: str) -> list[str]:
    """The command line of a node, without a wrapper process, which could outlive the node."""
    if name == "anvil":
        found = sorted((ROOT / "node_modules" / "@foundry-rs").glob("anvil-*/bin/anvil*"))
        if found:
            return [str(found[0])]
        on_path = shutil.which("anvil")
        if on_path:
            return [on_path]
    else:
        script, node = ROOT / "node_modules" / ".bin" / "ganache", shutil.which("node")
        if script.exists() and node:
            return [node, str(script.resolve())]
        if script.exists():
            raise DevnetError(
                "Ganache needs Node.js, and `node` is not on PATH: install Node.js 20 or newer, or"
                " set CHAIN=anvil."
            )
    raise DevnetError(f"{name} is not installed: run python3 scripts/setup.py.")


class Chain:
    """A node on 127.0.0.1, or with `external_url` one that was started elsewhere.

    `start_s` is the time of the first block (seconds since 1970; None: now). With `persist` the
    chain is kept in `state`/chain and a stopped node can be started again; `fresh` deletes an old
    one first.
    """

    def __init__(
        self,
        kind: Kind | None = None,
        *,
        state: Path = STATE,
        start_s: int | None = None,
        persist: bool = True,
        fresh: bool = True,
        port: int | None = None,
        external_url: str | None = None,
    ) -> None:
        self.kind: Kind = kind or kind_from_environment()
        self.external_url = external_url
        self.persist = persist
        self.last_seen_s = 0
        self._start_s = start_s
        self._fresh = fresh
        self._folder = state / "chain" / self.kind
        self._logs = state / "logs"
        self._port = port
        self._process: Process | None = None
        # Held while the clock is moved, so that no heartbeat comes between.
        self.clock_lock = threading.RLock()

    @classmethod
    def from_environment(cls, **options: Any) -> Chain:
        """The node at RPC_URL if that is set; otherwise CHAIN names the one to start."""
        return cls(external_url=server_elsewhere("RPC_URL"), **options)

    @property
    def url(self) -> str:
        if self.external_url:
            return self.external_url
        assert self._port is not None, "the chain was never started"
        return f"http://127.0.0.1:{self._port}"

    @property
    def was_started(self) -> bool:
        """Whether a process was started here, which may have ended since."""
        return self._process is not None

    @property
    def process(self) -> Process:
        assert self._process is not None, "no node was started here"
        return self._process

    def start(self) -> None:
        """Raises DevnetError when the node does not start, or an external one does not answer."""
        if self.external_url:
            self._check_external()
            return
        if self._process is not None and self._process.is_alive:
            return
        need_disk(self._folder.parent)
        first = self._process is None
        if first and self._fresh:
            shutil.rmtree(self._folder, ignore_errors=True)
        continues = self._folder.exists() and any(self._folder.iterdir())
        start_s = self.last_seen_s + 1 if self.last_seen_s else self._start_s
        if continues and not self.last_seen_s:
            start_s = None
        if continues and self.kind == "anvil":
            self._repair()
            start_s = self._genesis_s()
        self._folder.mkdir(parents=True, exist_ok=True)
        # No heartbeat meanwhile: an Anvil that continues is back at the time of its first block.
        with self.clock_lock:
            self._launch(start_s, continues)
            if continues:
                self._resume()
        self.last_seen_s = self.timestamp_s()

    def _resume(self) -> None:
        """Lets the clock go on from the last block, and an Anvil mine what is sent. A node that
        refuses is stopped: it would run without ever mining."""
        try:
            self.set_clock(self.timestamp_s() + 1)
            if self.kind == "anvil":
                self.call("evm_setAutomine", True)
        except BaseException:
            self.process.stop(signal.SIGKILL)
            raise

    def copy_saved(self) -> bool:
        """Copies what Anvil has saved, if that is whole, and says whether it was; see `_repair`."""
        saved = self._folder / _ANVIL_STATE
        with contextlib.suppress(OSError):
            content = saved.read_bytes()
            if content.endswith(b"}"):
                made = self._folder / f"{_ANVIL_COPY}.tmp"
                made.write_bytes(content)
                made.replace(self._folder / _ANVIL_COPY)
                return True
        return False

    def _repair(self) -> None:
        """Anvil writes over its saved chain, so that one that is killed meanwhile leaves a part of
        it: then the last copy takes its place. Raises DevnetError when there is none."""
        saved, copy = self._folder / _ANVIL_STATE, self._folder / _ANVIL_COPY
        if not saved.exists() or _is_json(saved):
            return
        if not copy.exists() or not _is_json(copy):
            raise DevnetError(
                f"Anvil was killed while it wrote {saved}, and there is no copy: remove the folder"
                f" {self._folder} (for `make devnet`: RESET=1) to start a new chain."
            )
        shutil.copyfile(copy, saved)

    def _genesis_s(self) -> int | None:
        """The time of the first block that Anvil has saved.

        Anvil adds a first block of its own to the saved ones. Only if both have the same time are
        they the same block; otherwise either may be block 0 after the next start.
        """
        try:
            blocks = json.loads((self._folder / _ANVIL_STATE).read_bytes())["blocks"]
        except OSError:
            return None
        headers = [block["header"] for block in blocks]
        times = [int(h["timestamp"], 16) for h in headers if int(h["number"], 16) == 0]
        return min(times, default=None)

    def stop(self, how: signal.Signals | None = None) -> None:
        """Stops the node; `how=SIGKILL` stops it as a crash would."""
        if self._process is None:
            return
        with contextlib.suppress(OSError, rpc.RpcError):
            self.last_seen_s = max(self.last_seen_s, self.timestamp_s())
        self._process.stop(how)

    def restart(self) -> None:
        """Stops the node and starts it on the same port with the same chain."""
        if self.external_url:
            raise DevnetError(
                f"The node at {self.external_url} was not started here: restart it where it "
                "was started."
            )
        self.stop()
        self.start()

    def call(self, method: str, *params: Any) -> Any:
        return rpc.call(self.url, method, *params)

    def timestamp_s(self) -> int:
        """The time of the latest block."""
        return int(self.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def block_number(self) -> int:
        return int(self.call("eth_blockNumber"), 16)

    def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            self.call("evm_mine")

    def batch(self, calls: Sequence[rpc.Call]) -> list[Any]:
        """Many calls in one request; see rpc.batch."""
        return rpc.batch(self.url, calls)

    @contextlib.contextmanager
    def one_block(self) -> Iterator[None]:
        """Mines what is sent meanwhile together, not in a block for each transaction.

        The heartbeat may still mine a part of it earlier. Nodes other than Ganache and Anvil mine
        when they choose.
        """
        version = str(self.call("web3_clientVersion")).lower()
        pause: rpc.Call = ("eth_chainId", [])
        resume: rpc.Call = ("eth_chainId", [])
        if "ganache" in version:
            pause, resume = ("miner_stop", []), ("miner_start", [])
        elif "anvil" in version:
            pause, resume = ("evm_setAutomine", [False]), ("evm_setAutomine", [True])
        self.call(pause[0], *pause[1])
        try:
            yield
            self.mine()
        finally:
            self.call(resume[0], *resume[1])

    def set_clock(self, timestamp_s: int) -> None:
        """Sets the node's clock; the next block has that time, and the clock continues from it."""
        self.call("evm_setTime", hex(timestamp_s * 1000))

    def snapshot(self) -> str:
        return str(self.call("evm_snapshot"))

    def revert(self, snapshot: str) -> None:
        """Returns the chain to a snapshot, which can be used once."""
        if self.call("evm_revert", snapshot) is not True:
            raise DevnetError(
                f"The chain has no snapshot {snapshot}: it was never made, was used, or the devnet"
                " was restarted since."
            )

    def fork(self, snapshot: str) -> int:
        """Replaces the blocks since a snapshot by others, and one more, as a reorg does; returns
        how many were replaced. The new blocks are empty."""
        with self.clock_lock:
            lost = self.block_number()
            self.revert(snapshot)
            lost -= self.block_number()
            # Another miner: an empty block of the same second would be the same block again.
            method = "anvil_setCoinbase" if self.kind == "anvil" else "miner_setEtherbase"
            self.call(method, "0x" + os.urandom(20).hex())
            self.mine(lost + 1)
        return lost

    def _launch(self, start_s: int | None, continues: bool) -> None:
        for attempt in range(3):
            chosen = self._port or choose_port("RPC_PORT")
            name = self.kind
            self._process = Process(
                name,
                self._command(chosen, start_s, continues),
                logs=self._logs,
                env={**os.environ, "NO_COLOR": "1", "NODE_OPTIONS": "--max-old-space-size=4096"},
            )
            self._process.start()
            try:
                wait_until(lambda port=chosen: self._answers(port), self._process)  # type: ignore[misc]
            except DevnetError:
                self._process.stop(signal.SIGKILL)
                # Another program may have taken the port since it was chosen.
                if attempt == 2 or self._port or os.environ.get("RPC_PORT"):
                    raise
                continue
            self._port = chosen
            return

    def _answers(self, port: int) -> bool:
        try:
            answer = rpc.call(f"http://127.0.0.1:{port}", "eth_chainId", timeout_s=5)
        except (OSError, rpc.RpcError):
            return False
        return int(answer, 16) == CHAIN_ID

    def _check_external(self) -> None:
        assert self.external_url
        try:
            rpc.call(self.external_url, "eth_chainId", timeout_s=5)
            self.last_seen_s = self.timestamp_s()
        except (OSError, rpc.RpcError, ValueError) as error:
            raise DevnetError(
                f"No chain node answers at RPC_URL={self.external_url} ({error}): start it, "
                "correct RPC_URL, or unset it to have a node started here."
            ) from None

    def _command(self, port: int, start_s: int | None, continues: bool) -> list[str]:
        if self.kind == "anvil":
            at = [] if start_s is None else ["--timestamp", str(start_s)]
            # It mines what is sent when its clock is right again; see `start`.
            at += ["--no-mining"] if continues else []
            saved = ["--state", str(self._folder / _ANVIL_STATE), "--state-interval", "1"]
            return [
                *node_command("anvil"),
                *["--host", "127.0.0.1", "--port", str(port), "--chain-id", str(CHAIN_ID)],
                *["--hardfork", HARDFORK, "--mnemonic", MNEMONIC, "--accounts", str(ACCOUNTS)],
                *["--balance", str(BALANCE_ETHER), "--gas-limit", str(BLOCK_GAS_LIMIT)],
                *["--silent", *(saved if self.persist else []), *at],
            ]
        at = [] if start_s is None else ["--chain.time", str(start_s * 1000)]
        saved = ["--database.dbPath", str(self._folder / "db")]
        return [
            *node_command("ganache"),
            *["--server.host", "127.0.0.1", "--server.port", str(port)],
            *["--chain.chainId", str(CHAIN_ID), "--chain.networkId", str(CHAIN_ID)],
            *["--chain.hardfork", HARDFORK, "--chain.allowUnlimitedContractSize", "false"],
            *["--wallet.mnemonic", MNEMONIC, "--wallet.totalAccounts", str(ACCOUNTS)],
            *["--wallet.defaultBalance", str(BALANCE_ETHER)],
            *["--miner.blockGasLimit", str(BLOCK_GAS_LIMIT), "--logging.quiet"],
            *[*(saved if self.persist else []), *at],
        ]


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True
