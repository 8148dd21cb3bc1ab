"""Records which branches of every conditional jump a test run took, from its traces.

Works on the bytecode that runs, so it sees assembly and inlined code, each copy by itself. Only on
Anvil started with --steps-tracing; `python -m scripts.coverage` does that, and reads the file.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from web3.middleware import Web3Middleware
from web3.types import RPCEndpoint

CONTRACTS = ("Sportsbook", "Settling", "Results", "Bankroll")
# Instructions of a frame that are compared to tell whose code it is.
COMPARED = 60
# A transaction of more steps than this shows nothing that smaller ones do not.
MOST_STEPS = 600_000

Steps = list[tuple[int, str]]
Request = Callable[[Any, Any], Any]


class Branches:
    """Collects; `seen` has, by contract and place of a jump, the branches that were taken."""

    def __init__(self, build: Path) -> None:
        self._codes = {name: _operations(build / f"{name}.json") for name in CONTRACTS}
        self._sizes = {_size(build / f"{name}.json") for name in CONTRACTS}
        self.seen: dict[str, dict[int, set[bool]]] = {name: defaultdict(set) for name in CONTRACTS}
        self.traces = 0
        self.left_out = 0
        # Transactions that may not be mined yet: until then a node says that they did nothing.
        self._sent: list[str] = []

    def watch(self, web3: Any) -> None:
        """From now on trace whatever is sent or called through `web3`."""

        def watching(make: Request) -> Request:
            def request(method: Any, params: Any) -> Any:
                answer = make(method, params)
                if method in ("eth_sendTransaction", "eth_sendRawTransaction"):
                    self._sent += filter(None, [answer.get("result")])
                elif method == "eth_estimateGas" and "error" in answer:
                    # Brownie does not send what would revert.
                    self._trace(make(_TRACE_CALL, [params[0], "latest", _LEAN]))
                elif method == "eth_call" and self._is_ours(make, params[0].get("to")):
                    self._trace(make(_TRACE_CALL, [*params[:2], _LEAN]))
                self._trace_mined(make)
                return answer

            return request

        class Watcher(Web3Middleware):
            def wrap_make_request(self, make_request: Request) -> Request:
                return watching(make_request)

        web3.middleware_onion.inject(Watcher, layer=0)

    def write(self, path: Path) -> None:
        """The branches by contract and place, as JSON."""
        found = {
            name: {str(at): sorted(branches) for at, branches in sorted(jumps.items())}
            for name, jumps in self.seen.items()
        }
        left_out = self.left_out + len(self._sent)
        path.write_text(json.dumps({"traces": self.traces, "left_out": left_out, "seen": found}))

    def _is_ours(self, make: Request, address: str) -> bool:
        """Whether a view is worth its trace, which may be huge: the tests' own contracts have some
        that run through thousands of scores."""
        code = make(_CODE, [address, "latest"]).get("result") or "0x"
        return len(code) // 2 - 1 in self._sizes

    def _trace_mined(self, make: Request) -> None:
        for sent in list(self._sent):
            if make(_RECEIPT, [sent]).get("result"):
                self._sent.remove(sent)
                self._trace(make(_TRACE_SENT, [sent, _LEAN]))

    def _trace(self, answer: Any) -> None:
        logs = (answer.get("result") or {}).get("structLogs")
        if not logs:
            return
        if len(logs) > MOST_STEPS:
            self.left_out += 1
            return
        self.traces += 1
        frames: list[Steps] = []
        for step in logs:
            while len(frames) > step["depth"]:
                self._read(frames.pop())
            while len(frames) < step["depth"]:
                frames.append([])
            frames[-1].append((step["pc"], step["op"]))
        for frame in frames:
            self._read(frame)

    def _read(self, frame: Steps) -> None:
        """What a call did, if it ran one of our contracts."""
        for name, code in self._codes.items():
            # Code that is run begins alike in all contracts: the end tells more.
            ends = frame[:COMPARED] + frame[-COMPARED:]
            if all(code.get(pc) == op for pc, op in ends):
                branches = self.seen[name]
                for (pc, op), (following, _) in pairwise(frame):
                    if op == "JUMPI":
                        branches[pc].add(following != pc + 1)
                return


_CODE = RPCEndpoint("eth_getCode")
_RECEIPT = RPCEndpoint("eth_getTransactionReceipt")
_TRACE_SENT = RPCEndpoint("debug_traceTransaction")
_TRACE_CALL = RPCEndpoint("debug_traceCall")
_LEAN = {"disableMemory": True, "disableStack": True, "disableStorage": True}


def _operations(built: Path) -> dict[int, str]:
    pc_map = json.loads(built.read_text())["pcMap"]
    return {int(pc): entry["op"] for pc, entry in pc_map.items()}


def _size(built: Path) -> int:
    return len(json.loads(built.read_text())["deployedBytecode"]) // 2
