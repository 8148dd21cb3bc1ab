"""The OpenAPI document says what the API does: problems with their members, values, the stream."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from pydantic import TypeAdapter, ValidationError

from backend.api_settings import ApiSettings
from backend.odds.redis_messages import Published
from backend.problems import Problem
from backend.services import Services
from backend.stream.message_sequence import MessageSequence
from backend.stream.models import StreamDelta, StreamHeartbeat, StreamSnapshot
from tests.backend.api.bettors import ALPHA, Bettor, signed
from tests.backend.api.client import client
from tests.backend.api.world import World

BACKEND = Path(__file__).resolve().parents[3] / "backend"
MEDIA_TYPE = "application/problem+json"


@pytest.fixture
async def document(api: httpx.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get("/openapi.json")).json()
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def kinds() -> dict[str, type[Problem]]:
    """Every kind of problem by the name of its class."""
    found: dict[str, type[Problem]] = {}
    waiting = [Problem]
    while waiting:
        kind = waiting.pop()
        found[kind.__name__] = kind
        waiting += kind.__subclasses__()
    return found


def members_given() -> dict[str, set[str]]:
    """The members with which the code makes each kind of problem, by the name of its class."""
    known = kinds()
    found: defaultdict[str, set[str]] = defaultdict(set)
    for path in BACKEND.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                name = node.func.id
                if name in known:
                    found[name] |= {k.arg for k in node.keywords if k.arg} - {"retry_after_s"}
    return dict(found)


def test_members_of_problems_are_declared_and_given() -> None:
    known, given = kinds(), members_given()
    assert len(known) > 40
    assert given["OddsMoved"] == {"odds_e4", "product_odds_e4", "min_odds_e4"}
    # Those of nonces are passed on as a dictionary.
    nonces = {"NonceUsed", "NonceCancelled", "NonceTooFar"}
    for name, members in given.items():
        assert name in nonces or members == set(known[name].extra), name
    assert {name: set(known[name].extra) for name in nonces} == {n: {"next_nonce"} for n in nonces}


def test_problems_have_schemas_with_their_members(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    moved = schemas["OddsMovedProblem"]["properties"]
    assert {"odds_e4", "product_odds_e4", "min_odds_e4", "detail"} <= moved.keys()
    assert moved["code"]["const"] == "odds-moved"
    refused = 0
    for name, operation in operations(document):
        for status, response in operation["responses"].items():
            if status >= "400":
                refused += 1
                assert list(response["content"]) == [MEDIA_TYPE], (name, status)
                content = response["content"][MEDIA_TYPE]
                schema = content["schema"]
                references = [one["$ref"] for one in schema.get("anyOf", [schema])]
                codes = {
                    schemas[reference.rsplit("/", 1)[1]]["properties"]["code"]["const"]
                    for reference in references
                }
                assert codes == set(content["examples"]), (name, status)
    assert refused > 30


def test_operations_have_short_names_of_their_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(set(names)) == len(names) > 20
    assert {"get_typed_data", "post_slip", "post_withdrawal", "get_enforcement"} <= set(names)


def test_document_names_server_and_security(document: dict[str, Any]) -> None:
    assert document["servers"] == [{"url": "/"}]
    assert document["security"] == []


def test_values_of_states_are_enumerated(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    def values(name: str, field: str) -> set[str]:
        form = schemas[name]["properties"][field]
        if "$ref" in str(form):
            reference = form.get("$ref") or form["anyOf"][0]["$ref"]
            form = schemas[reference.rsplit("/", 1)[1]]
        found: list[str] = form["enum"]
        return set(found)

    assert values("SlipPublic", "status") == {
        *("accepted", "submitted", "placed", "refused", "expired")
    }
    assert "cap-exceeded" in values("SlipPublic", "reason")
    assert values("BetPublic", "state") == {"open", "settled", "cashed-out", "replaced"}
    assert values("BetPublic", "stage") == {"tentative", "confirmed", "final"}
    assert "cash_out" in values("MovementPublic", "kind")
    assert values("MarketPublic", "status") == {"open", "suspended"}
    assert values("FixturePublic", "status") == {
        *("scheduled", "postponed", "live", "played", "awarded", "abandoned", "cancelled", "void")
    }


def test_stream_sends_the_messages_of_the_document(document: dict[str, Any]) -> None:
    responses = document["paths"]["/v1/stream"]["get"]["responses"]
    named = responses["101"]["content"]["application/json"]["schema"]["oneOf"]
    assert [one["$ref"].rsplit("/", 1)[1] for one in named] == [
        *("StreamSnapshot", "StreamDelta", "StreamHeartbeat", "StreamClosing"),
        *("StreamAccount", "StreamAccountChange"),
    ]
    sequence = MessageSequence(lambda: 400)
    market = f"0x{ALPHA.result.pack().hex()}"
    sequence.change(market, Published((20_000, 32_000, 41_000), 1, 2))
    sequence.tick()
    sequence.change(market, Published((), 2, 3))
    sequence.tick()
    delta = sequence.after(1)
    assert delta is not None
    message: TypeAdapter[Any] = TypeAdapter(StreamSnapshot | StreamDelta | StreamHeartbeat)
    for frame in (sequence.snapshot(), delta, sequence.heartbeat()):
        read = message.validate_json(frame.body)
        # No member is sent that the document does not name.
        assert read.model_dump() == orjson.loads(frame.body)


async def test_other_origins_are_allowed_by_a_setting(
    services: Services, world: World, bettor: Bettor
) -> None:
    origin = "https://app.example.org"

    async def ask(origins: list[str]) -> tuple[httpx.Response, httpx.Response]:
        services.settings = services.settings.model_copy(update={"cors_origins": origins})
        async with client(services) as api:
            before = await api.options(
                "/v1/slips",
                headers={
                    "Origin": origin,
                    "Access-Control-Request-Method": "POST",
                    "Access-Control-Request-Headers": "Content-Type, Idempotency-Key",
                },
            )
            slip = await api.post("/v1/slips", json=signed(bettor), headers={"Origin": origin})
            return before, slip

    before, slip = await ask([origin])
    assert (before.status_code, slip.status_code) == (200, 201)
    assert before.headers["access-control-allow-origin"] == origin
    assert slip.headers["access-control-allow-origin"] == origin
    assert slip.headers["access-control-expose-headers"] == "ETag, Retry-After"
    for origins in ([], ["https://other.example.org"]):
        before, slip = await ask(origins)
        assert before.status_code >= 400
        assert "access-control-allow-origin" not in {**before.headers, **slip.headers}


def test_origins_and_address_are_settings(world: World) -> None:
    def settings(**values: Any) -> ApiSettings:
        return world.settings(**values)

    assert settings(cors_origins="https://a.example, http://b.example:8080").cors_origins == [
        *("https://a.example", "http://b.example:8080")
    ]
    assert settings(cors_origins="*").cors_origins == ["*"]
    assert settings().cors_origins == []
    for wrong in ("a.example", "https://a.example/path", "https://a.example https://b.example"):
        with pytest.raises(ValidationError, match="is not an origin"):
            settings(cors_origins=wrong)
    assert settings(public_url="https://api.example.org").public_url == "https://api.example.org"
    with pytest.raises(ValidationError):
        settings(public_url="api.example.org")
