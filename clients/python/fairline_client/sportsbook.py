"""Speaks to a house: to its API, and to the contract by a node of your own."""

from __future__ import annotations

from typing import Any

import httpx
from web3 import Web3

from fairline_client.messages import Message, domain_of

_UINT32, _UINT24, _ADDRESS = "uint32", "uint24", "address"


def _view(name: str, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> Message:
    return {
        "type": "function",
        "name": name,
        "stateMutability": "view",
        "inputs": [{"name": "", "type": kind} for kind in inputs],
        "outputs": [{"name": "", "type": kind} for kind in outputs],
    }


VIEWS = [
    _view("accountOf", (_ADDRESS,), (_UINT32,)),
    _view("accountAt", (_UINT32,), (_ADDRESS, "uint64", _UINT24, "uint8", "uint8")),
    _view("isUsable", (_UINT32, _UINT24), ("bool",)),
    _view("keyOf", (_ADDRESS,), ("uint8", "uint40", "uint40", "uint64", "uint64")),
    _view("RECEIPT_WINDOW", (), ("uint40",)),
]


class Refused(Exception):
    """The API refused a request. `code` is that of its problem, and `retry_after_s` when to try
    again, if it says so."""

    def __init__(self, answer: httpx.Response) -> None:
        try:
            problem = answer.json()
        except ValueError:
            problem = {}
        self.status = answer.status_code
        self.code = str(problem.get("code", answer.status_code))
        self.problem = problem
        after = answer.headers.get("Retry-After", "")
        self.retry_after_s = int(after) if after.isdigit() else None
        super().__init__(f"{self.code}: {problem.get('detail', answer.text[:200])}")


class HouseDiffers(Exception):
    """The API is not that of the contract, or says something else than the contract does."""


class Sportsbook:
    """The house whose contract is at `address`. Raises HouseDiffers when API and node are not of
    it."""

    def __init__(self, api_url: str, rpc_url: str, address: str, timeout_s: float = 10.0) -> None:
        self.api_url = api_url.rstrip("/")
        self.address = Web3.to_checksum_address(address)
        self.web3 = Web3(Web3.HTTPProvider(rpc_url, request_kwargs={"timeout": timeout_s}))
        self.contract = self.web3.eth.contract(self.address, abi=VIEWS)
        self._http = httpx.Client(base_url=self.api_url, timeout=timeout_s)
        self.chain_id = self.web3.eth.chain_id
        self.domain = domain_of(self.chain_id, self.address)
        named = self.get("/v1/contracts")
        if named["chain_id"] != self.chain_id:
            raise HouseDiffers(
                f"the API is of chain {named['chain_id']}, the node of {self.chain_id}"
            )
        if str(named["sportsbook"]).lower() != self.address.lower():
            raise HouseDiffers(f"the API is of {named['sportsbook']}, not of {self.address}")

    def get(self, path: str) -> Any:
        """The answer to a GET. Raises Refused, and httpx.TransportError."""
        return _read(self._http.get(path))

    def post(self, path: str, body: Message) -> Any:
        """The answer to a POST. Raises Refused, and httpx.TransportError."""
        return _read(self._http.post(path, json=body))

    def fixtures(self) -> list[Message]:
        """The open fixtures with their markets and odds."""
        found: list[Message] = self.get("/v1/fixtures")
        return found

    def view(self, name: str, *arguments: Any) -> Any:
        """What a view of the contract returns now."""
        return self.contract.get_function_by_name(name)(*arguments).call()

    def now_s(self) -> int:
        """The time of the newest block."""
        return int(self.web3.eth.get_block("latest")["timestamp"])


def _read(answer: httpx.Response) -> Any:
    if not answer.is_success:
        raise Refused(answer)
    return answer.json()
