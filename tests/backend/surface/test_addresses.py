"""Requests are counted under the address that they come from, whatever their headers say.

Branches: a forged X-Forwarded-For without and with a proxy in front · the chain of proxies, read
from its end · words that are no addresses · IPv6 by network · the settings.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest
import redis
from pydantic import ValidationError

from backend.api.client_address import client_of, limit_name
from tests.backend.api.world import World
from tests.backend.surface import wire
from tests.backend.surface.process import ApiProcess, running_api

LIMIT = 5
PROXY = "127.0.0.9"


@pytest.fixture(scope="module")
def limited(surface_world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiProcess]:
    """An API with few requests per minute, behind a proxy; with what uvicorn reads by itself."""
    folder: Path = tmp_path_factory.mktemp("limited")
    with running_api(
        folder,
        surface_world.environment(),
        RATE_LIMIT_PER_MINUTE=str(LIMIT),
        TRUSTED_PROXIES=f"{PROXY}, 10.0.0.0/8",
        FORWARDED_ALLOW_IPS="*",
    ) as api:
        yield api


@pytest.fixture
def uncounted(surface_world: World) -> None:
    """No request was counted yet."""
    with redis.Redis.from_url(surface_world.redis_url) as client:
        for key in client.scan_iter("rate:*"):
            client.delete(key)


def statuses(api: ApiProcess, source: str, *forwarded: str) -> list[int]:
    """What one request for each value of the header is answered."""
    found = []
    for value in forwarded:
        lines = [f"X-Forwarded-For: {value}".encode()] if value else []
        [answer] = wire.ask(api.port, wire.get("/v1/fixtures", *lines), source)
        found.append(answer.status)
    return found


@pytest.mark.usefixtures("uncounted")
def test_forged_addresses_are_counted_as_one(limited: ApiProcess) -> None:
    forged = [f"203.0.113.{number}" for number in range(LIMIT + 1)]
    assert statuses(limited, "127.0.0.1", *forged) == [200] * LIMIT + [429]
    # Other headers of this kind, and another case.
    for line in (b"Forwarded: for=203.0.113.77", b"X-Real-IP: 203.0.113.77", b"x-forwarded-for: a"):
        [answer] = wire.ask(limited.port, wire.get("/v1/fixtures", line))
        assert answer.code == "rate-limited"
    # The stream counts with the same name.
    stream, head = wire.open_stream(limited.port, b"X-Forwarded-For: 203.0.113.77")
    assert b" 429 " in head
    stream.close()
    # Nobody else is refused.
    assert statuses(limited, "127.0.0.2", "") == [200]


def test_metrics_are_for_the_addresses_in_the_setting_alone(limited: ApiProcess) -> None:
    [own] = wire.ask(limited.port, wire.get("/metrics"))
    assert own.status == 200
    # A client of the proxy, and one that claims to be this machine.
    for forwarded in ("203.0.113.5", "127.0.0.1, 203.0.113.5"):
        line = f"X-Forwarded-For: {forwarded}".encode()
        [stranger] = wire.ask(limited.port, wire.get("/metrics", line), PROXY)
        assert (stranger.status, stranger.code) == (404, "not-found")


@pytest.mark.usefixtures("uncounted")
def test_clients_of_a_proxy_are_counted_by_what_it_adds(limited: ApiProcess) -> None:
    forged = [f"203.0.113.{number}, 198.51.100.7" for number in range(LIMIT + 1)]
    assert statuses(limited, PROXY, *forged) == [200] * LIMIT + [429]
    assert statuses(limited, PROXY, "198.51.100.8", "198.51.100.7, 10.1.2.3") == [200, 429]
    # A second header is the end of the list.
    request = wire.get(
        "/v1/fixtures", b"X-Forwarded-For: 203.0.113.99", b"X-Forwarded-For: 198.51.100.7"
    )
    [answer] = wire.ask(limited.port, request, PROXY)
    assert answer.status == 429


PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.1", ["198.51.100.1"], "203.0.113.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("fd00::1", ["2001:db8::1"], "2001:db8::1"),
        ("10.0.0.1", ["1.1.1.1, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["1.1.1.1, unknown, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["1.1.1.1,"], "10.0.0.1"),
        ("unix", ["1.1.1.1"], "unix"),
    ],
)
def test_client_is_the_last_address_that_is_no_proxy(
    peer: str, forwarded: list[str], client: str
) -> None:
    assert client_of(peer, forwarded, PROXIES) == client


def test_addresses_of_one_network_are_one_name() -> None:
    assert limit_name("198.51.100.1") == "198.51.100.1"
    assert limit_name("::ffff:198.51.100.1") == "198.51.100.1"
    assert limit_name("2001:db8:1:2::1") == limit_name("2001:db8:1:2:ffff::9")
    assert limit_name("2001:db8:1:2::1") != limit_name("2001:db8:1:3::1")
    assert limit_name("fe80::1%eth0") == "fe80::/64"
    assert limit_name("testclient") == "testclient"


def test_trusted_proxies_are_addresses_and_networks(surface_world: World) -> None:
    settings = surface_world.settings
    read = settings(trusted_proxies="127.0.0.1, 10.0.0.0/8,fd00::/8").trusted_proxies
    assert [str(network) for network in read] == ["127.0.0.1/32", "10.0.0.0/8", "fd00::/8"]
    assert settings().trusted_proxies == []
    for wrong in ("*", "proxy.example", "10.0.0.1/8", "10.0.0.1 10.0.0.2"):
        with pytest.raises(ValidationError, match="give addresses or networks"):
            settings(trusted_proxies=wrong)
