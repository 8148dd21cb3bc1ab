"""The stream as it is often written, to compare with: a route that forwards each change to each
reader, who has a queue. `bench.stream` runs it by uvicorn."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from redis.asyncio import Redis

from backend.odds.redis_messages import ODDS_CHANNEL

queues: set[asyncio.Queue[dict[str, Any]]] = set()


async def follow(redis: Redis) -> None:
    """Put every change into every queue."""
    async with redis.pubsub(ignore_subscribe_messages=True) as changes:
        await changes.subscribe(ODDS_CHANNEL)
        async for message in changes.listen():
            change = orjson.loads(message["data"])
            for queue in queues:
                queue.put_nowait(change)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Follow Redis as long as the process runs."""
    redis = Redis.from_url(os.environ["REDIS_URL"])
    following = asyncio.create_task(follow(redis))
    yield
    following.cancel()
    await redis.aclose()


app = FastAPI(lifespan=lifespan)


@app.websocket("/v1/stream")
async def stream(socket: WebSocket) -> None:
    """Send a reader every change."""
    await socket.accept()
    queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    queues.add(queue)
    try:
        await socket.send_json({"type": "snapshot", "odds": []})
        while True:
            await socket.send_json({"type": "delta", "odds": [await queue.get()]})
    except WebSocketDisconnect:
        pass
    finally:
        queues.discard(queue)
