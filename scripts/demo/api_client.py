"""Sends the demo's requests to the HTTP API, as any client would."""

from __future__ import annotations

from typing import Any

import httpx

from scripts.demo.bots import Offer

TIMEOUT_S = 30.0


class Refused(Exception):
    """The API refused a request; `code` is the stable code of its problem."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.code = str(problem.get("code", status))
        super().__init__(f"{status} {self.code}: {problem.get('detail', '')}")


class ApiClient:
    """Connections to the API; several threads may use them."""

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        self._client = httpx.Client(base_url=url, timeout=timeout_s)

    def close(self) -> None:
        self._client.close()

    def get(self, path: str) -> Any:
        """The JSON of the response. Raises Refused."""
        return _read(self._client.get(path))

    def post(self, path: str, body: dict[str, Any], timeout_s: float = TIMEOUT_S) -> Any:
        """The JSON of the response. Raises Refused."""
        return _read(self._client.post(path, json=body, timeout=timeout_s))

    def fixtures(self) -> list[dict[str, Any]]:
        """Fixtures with markets and odds."""
        found: list[dict[str, Any]] = self.get("/v1/fixtures")
        return found


def offers(fixtures: list[dict[str, Any]]) -> list[Offer]:
    """The markets that have odds now."""
    return [
        Offer(
            fixture=fixture["id"],
            market=market["id"],
            kind=market["kind"],
            outcomes=tuple(market["outcomes"]),
            odds_e4=tuple(market["odds_e4"]),
        )
        for fixture in fixtures
        for market in fixture["markets"]
        if market["odds_e4"]
    ]


def leg_words(
    fixtures: list[dict[str, Any]],
) -> dict[tuple[str, int], dict[str, Any]]:
    """Every leg on offer in words, as a wallet shows and signs it."""
    return {
        (market["id"], number): {
            "fixture": fixture["name"],
            "startsAt": fixture["starts_at_s"],
            "market": market["kind"],
            "period": market["period"],
            "lineQuarters": market["line_q"],
            "inPlay": market["in_play"],
            "outcome": outcome,
        }
        for fixture in fixtures
        for market in fixture["markets"]
        for number, outcome in enumerate(market["outcomes"])
    }


def _read(response: httpx.Response) -> Any:
    try:
        body = response.json()
    except ValueError:
        body = {}
    if response.is_success:
        return body
    raise Refused(response.status_code, body if isinstance(body, dict) else {})
