"""Paths, media types and JSON that other servers have stumbled over: each gets its problem.

Branches: paths that leave the folder of pages, or are no paths · redirects to a host that the
client names · 404, 405, 415, 422 · media types and codings · numbers, nesting, keys, texts and
bytes of JSON · queries and headers.
"""

from __future__ import annotations

import gzip
import json

import pytest

from backend.api.json_bodies import read_json
from tests.backend.api.bettors import Bettor, signed
from tests.backend.surface import wire
from tests.backend.surface.process import ApiProcess

LEAVING = (
    "/../pyproject.toml",
    "/js/../../pyproject.toml",
    "/%2e%2e/pyproject.toml",
    "/js/%2e%2e/%2e%2e/pyproject.toml",
    "/..%2fpyproject.toml",
    "/%2e%2e%2fpyproject.toml",
    "/..%5cpyproject.toml",
    "/..\\pyproject.toml",
    "/%252e%252e/pyproject.toml",
    "/..;/pyproject.toml",
    "/....//pyproject.toml",
    "//etc/passwd",
    "/%2fetc/passwd",
    "/%00",
    "/index.html%00.js",
    "/%ff%fe",
    "/%c0%ae%c0%ae/pyproject.toml",
    "/js",
    "/js/",
    "//js",
    "//other.example/js",
    "/" + "a" * 5_000,
    "/" + "a/" * 2_000,
    "/v1",
    "/v1/",
    "/v1/fixtures/",
    "/v1//fixtures",
    "/V1/fixtures",
    "/v1/fixtures;a=b",
    "/v1/fixtures%20",
    "/v1/slips/by-hash/%00",
)


@pytest.mark.parametrize("path", LEAVING, ids=lambda path: path[:40])
def test_odd_path_is_not_found(path: str, surface: ApiProcess) -> None:
    [answer] = wire.ask(surface.port, wire.get(path))
    assert answer.status in (404, 405, 422), answer
    assert answer.code in ("not-found", "method-not-allowed", "body-malformed")
    assert b"[project]" not in answer.body
    assert "location" not in answer.headers


def test_body_of_another_media_type_is_refused(surface: ApiProcess, surface_bettor: Bettor) -> None:
    body = json.dumps(signed(surface_bettor)).encode()
    for lines in (
        (b"X-None: 1",),
        (b"Content-Type: text/plain",),
        (b"Content-Type: application/x-www-form-urlencoded",),
        (b"Content-Type: multipart/form-data; boundary=x",),
        (b"Content-Type: application/problem+json",),
        (b"Content-Type: application/jsonp",),
        (b"Content-Type: application/json", b"Content-Type: text/plain"),
        (b"Content-Type: application/json", b"Content-Encoding: br"),
    ):
        for path in ("/v1/slips", "/v1/withdrawals"):
            [answer] = wire.ask(surface.port, wire.post(path, body, *lines))
            assert (answer.status, answer.code) == (415, "media-type-unsupported"), lines


def test_compressed_body_is_not_inflated(surface: ApiProcess) -> None:
    bomb = gzip.compress(b" " * 10_000_000)
    assert len(bomb) < 16_384
    memory = surface.memory_bytes
    lines = (b"Content-Type: application/json", b"Content-Encoding: gzip")
    [answer] = wire.ask(surface.port, wire.post("/v1/slips", bomb, *lines))
    assert (answer.status, answer.code) == (415, "media-type-unsupported")
    assert surface.memory_bytes - memory < 5 * 2**20


def test_media_type_may_have_a_charset(surface: ApiProcess) -> None:
    lines = (b"Content-Type: Application/JSON; charset=utf-8", b"Content-Encoding: identity")
    [answer] = wire.ask(surface.port, wire.post("/v1/slips", b"{}", *lines))
    assert (answer.status, answer.code) == (422, "body-malformed")


VALUES: dict[str, bytes] = {
    "nan": b"NaN",
    "infinity": b"Infinity",
    "negative_infinity": b"-Infinity",
    "exponent": b"1e400",
    "long_exponent": b"1e" + b"9" * 5_000,
    "long_number": b"9" * 15_000,
    "long_fraction": b"0." + b"3" * 15_000,
    "float": b"7.5",
    "nearly_whole": b"7.0000000001",
    "negative_zero": b"-0",
    "number_in_hex": b"0x7",
    "leading_zero": b"07",
    "deep_lists": b"[" * 7_000 + b"]" * 7_000,
    "deep_objects": b'{"a":' * 2_500 + b"1" + b"}" * 2_500,
    "unclosed": b"[" * 15_000,
    "comment": b"7 /* seven */",
    "single_quotes": b"'7'",
    "nul": b'"\x00"',
    "nul_escaped": b'"\\u0000"',
    "half_of_a_pair": b'"\\ud800"',
    "not_utf8": b'"\xff\xfe"',
    "overlong_utf8": b'"\xc0\xaf"',
    "utf16": '{"account": 7}'.encode("utf-16"),
    "newline_in_a_text": b'"a\nb"',
}


@pytest.mark.parametrize("field", ["account", "signature", "nothing"])
@pytest.mark.parametrize("name", VALUES)
def test_odd_value_is_malformed(
    name: str, field: str, surface: ApiProcess, surface_bettor: Bettor
) -> None:
    given = json.dumps({**signed(surface_bettor), field: "@"}).encode()
    body = given.replace(b'"@"', VALUES[name])
    [answer] = wire.ask(surface.port, wire.post("/v1/slips", body))
    assert (answer.status, answer.code) == (422, "body-malformed"), answer


def test_whole_number_is_an_integer_however_it_is_written() -> None:
    found = read_json(b"[7.0, 7e2, -7.0, 7.5, 9007199254740992.0]")
    assert [type(value) for value in found] == [int, int, int, float, float]
    assert found[:3] == [7, 700, -7]


def test_key_that_is_there_twice_is_malformed(surface: ApiProcess, surface_bettor: Bettor) -> None:
    body = json.dumps(signed(surface_bettor))
    twice = body[:-1] + ', "stake_micro": "1"}'
    nested = body.replace('{"market"', '{"outcome": 1, "market"')
    assert body not in (twice, nested)
    for text, key in ((twice, "stake_micro"), (nested, "outcome")):
        [answer] = wire.ask(surface.port, wire.post("/v1/slips", text.encode()))
        assert (answer.status, answer.code) == (422, "body-malformed")
        assert key in answer.json["detail"]


def test_byte_order_mark_is_malformed(surface: ApiProcess, surface_bettor: Bettor) -> None:
    body = b"\xef\xbb\xbf" + json.dumps(signed(surface_bettor)).encode()
    [answer] = wire.ask(surface.port, wire.post("/v1/slips", body))
    assert (answer.status, answer.code) == (422, "body-malformed")


@pytest.mark.parametrize(
    "query",
    [
        "limit=" + "9" * 5_000,
        "limit=NaN",
        "limit=1e3",
        "limit=",
        "limit=5&limit=-5",
        "cursor=%00",
        "cursor=%ff",
        "cursor=" + "A" * 101,
        "cursor=" + "9" * 19 + "-1",
        "cursor=1",
        "cursor=1-2-3",
        "cursor=1--2",
        "cursor=%D9%A1-1",
        "cursor=1_0-1",
    ],
    ids=lambda query: query[:20],
)
def test_odd_query_is_malformed(query: str, surface: ApiProcess) -> None:
    [answer] = wire.ask(surface.port, wire.get(f"/v1/accounts/7/slips?{query}"))
    assert (answer.status, answer.code) == (422, "body-malformed")


@pytest.mark.parametrize(
    "method", ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]
)
def test_other_methods_are_not_allowed(method: str, surface: ApiProcess) -> None:
    for path in ("/v1/slips", "/v1/fixtures", "/healthz"):
        [answer] = wire.ask(surface.port, wire.get(path, method=method))
        assert answer.status == 405, (path, answer)
        assert answer.headers["allow"]
        if method != "HEAD":
            assert answer.code == "method-not-allowed"


def test_idempotency_key_may_have_any_bytes_of_a_header(
    surface: ApiProcess, surface_bettor: Bettor
) -> None:
    body = json.dumps({**signed(surface_bettor), "signature": "0x00"}).encode()
    for key, status in ((b"\xff\xfe\x80", 403), (b"a" * 256, 422), (b"", 422)):
        lines = (b"Content-Type: application/json", b"Idempotency-Key: " + key)
        [answer] = wire.ask(surface.port, wire.post("/v1/slips", body, *lines))
        # The node is away, so that no slip is accepted; nothing is an error of ours.
        assert answer.status in (status, 503), (key, answer)
