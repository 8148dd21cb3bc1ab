"""An endpoint that fails backs off by itself."""

from __future__ import annotations

from indexer.chain.endpoints import Endpoints
from indexer.chain.rpc import Endpoint
from indexer.errors import Unreachable


def test_endpoints_on_one_host_back_off_separately() -> None:
    urls = ("http://127.0.0.1:9/one", "http://127.0.0.1:9/two")
    endpoints = Endpoints([Endpoint(url, 1337) for url in urls])
    first, second = endpoints.available()

    def action(endpoint: Endpoint) -> str:
        if endpoint is first:
            raise Unreachable("down")
        return "done"

    assert endpoints.run(action) == "done"
    assert endpoints.available() == [second]
