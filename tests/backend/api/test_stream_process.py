"""The stream in a process of its own: without a key, as users of PostgreSQL and Redis who cannot
set odds or change accounts. The API gives out the tickets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
import redis
from psycopg.errors import InsufficientPrivilege
from websockets.asyncio.client import connect

from backend.stream_settings import StreamSettings
from scripts.devnet.paths import ROOT
from tests.backend.api.bettors import ALPHA, Bettor
from tests.backend.api.client import is_problem
from tests.backend.api.own_streams import accept, enter, heard, ticket
from tests.backend.api.world import World
from tests.backend.surface.process import running_api


@contextmanager
def users(world: World) -> Iterator[dict[str, str]]:
    """The addresses of PostgreSQL and Redis for users as docs/backend.md has them."""
    document = (ROOT / "docs" / "backend.md").read_text()
    rule = (
        document.partition("ACL SETUSER stream ")[2].partition("`")[0].replace("PASSWORD", "word")
    )
    grant = document.partition("(`GRANT ")[2].partition("`)")[0]
    world.execute("CREATE ROLE stream LOGIN")
    world.execute(f"GRANT {grant}")
    world.redis.execute_command(
        "ACL", "SETUSER", "stream", *rule.replace("PASSWORD", "word").split()
    )
    try:
        yield {
            "DATABASE_URL": _as_user("stream", world.database_url),
            "REDIS_URL": _as_user("stream:word", world.redis_url),
        }
    finally:
        world.redis.execute_command("ACL", "DELUSER", "stream")
        world.execute("DROP OWNED BY stream")
        world.execute("DROP ROLE stream")


def _as_user(user: str, url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{user}@{parts.netloc.rpartition('@')[2]}").geturl()


async def test_process_of_the_stream_alone_carries_it_without_a_key(
    world: World, bettor: Bettor, tmp_path: Path
) -> None:
    needed = {name.upper() for name in StreamSettings.model_fields} | {"PATH", "HOME"}
    few = {name: value for name, value in world.environment().items() if name in needed}
    with (
        users(world) as urls,
        running_api(tmp_path, world.environment()) as giver,
        running_api(tmp_path, few | urls, module="backend.stream") as alone,
    ):
        api = giver.url.removeprefix("http://")
        made = await ticket(api, await enter(api, bettor))
        async with connect(f"ws://127.0.0.1:{alone.port}/v1/stream?ticket={made}") as socket:
            assert (await heard(socket))["type"] == "account"
            await accept(api, world, bettor, 1)
            assert (await heard(socket))["type"] == "account-change"
        async with httpx.AsyncClient(base_url=alone.url) as stream:
            assert (await stream.get("/readyz")).json() == {"status": "ready", "odds_age_ms": 0}
            for path in ("/v1/slips", "/v1/fixtures", "/docs", "/"):
                is_problem(await stream.get(path), 404, "not-found")
        assert alone.metric("fairline_stream_readers") == 0
        with redis.Redis.from_url(urls["REDIS_URL"]) as thief:
            for command in (
                ("HSET", f"odds:0x{ALPHA.id.hex()}", "0x00", "{}"),
                ("DEL", "odds:heartbeat"),
                ("PUBLISH", "odds", "{}"),
                ("PUBLISH", "slips", "{}"),
                ("FLUSHALL",),
                ("CONFIG", "GET", "*"),
            ):
                with pytest.raises(redis.exceptions.NoPermissionError):
                    thief.execute_command(*command)
        with (
            psycopg.connect(urls["DATABASE_URL"].replace("+psycopg", "")) as connection,
            pytest.raises(InsufficientPrivilege),
        ):
            connection.execute("UPDATE backend.slip SET stake_micro = 1")
