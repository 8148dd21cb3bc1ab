"""Counts the requests of each client address."""

from __future__ import annotations

from fastapi import Request

from backend.api.client_address import limit_name_of
from backend.stream_services import StreamServicesDep


async def count_request(request: Request, services: StreamServicesDep) -> None:
    """Count a request of the client's address. Raises RateLimited."""
    await services.limiter.count("address", limit_name_of(request))
