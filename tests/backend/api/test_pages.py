"""The app is served with the headers that its names allow; beside its server it may ask the node of
a local chain alone."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from backend.contracts.local_node import local_node
from backend.ops.middleware import SecurityHeaders
from backend.ops.pages import VIEWS, Pages

ROOT = Path(__file__).resolve().parents[3]
NODE = "http://127.0.0.1:8545"
SCRIPT = b"console.log(1);" * 50


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A folder as the build leaves it."""
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<title>Fairline</title>")
    (folder / "icon.svg").write_text("<svg/>")
    (folder / "assets" / "index-abc.js").write_bytes(SCRIPT)
    (folder / "assets" / "index-abc.js.gz").write_bytes(gzip.compress(SCRIPT))
    (folder / "assets" / "index-abc.js.br").write_bytes(b"brotli")
    return folder


@pytest.fixture
def served() -> Callable[..., httpx.AsyncClient]:
    def client(folder: Path, node: str | None = None, **more: bool) -> httpx.AsyncClient:
        app = Starlette(routes=[Pages(folder)])
        app.add_middleware(SecurityHeaders, node=node, **more)
        return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")

    return client


Served = Callable[..., httpx.AsyncClient]


async def test_hashed_file_is_immutable_and_compressed_as_the_client_takes_it(
    served: Served, dist: Path
) -> None:
    async with served(dist) as api:
        path = "/assets/index-abc.js"
        packed = await api.get(path, headers={"Accept-Encoding": "gzip"})
        assert packed.content == SCRIPT
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.headers["content-type"].startswith("text/javascript")
        assert packed.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert packed.headers["vary"] == "Accept-Encoding"
        best = await api.head(path, headers={"Accept-Encoding": "gzip, br"})
        assert best.headers["content-encoding"] == "br"
        for accepted in ("identity", "br;q=0"):
            plain = await api.get(path, headers={"Accept-Encoding": accepted})
            assert "content-encoding" not in plain.headers
            assert plain.content == SCRIPT


async def test_every_view_is_the_index_which_is_asked_for_again_each_time(
    served: Served, dist: Path
) -> None:
    async with served(dist) as api:
        for view in ("/", "/bets", "/account", "/proof", "/fixture/0x" + "ab" * 16):
            page = await api.get(view)
            assert (page.status_code, "Fairline" in page.text) == (200, True), view
            assert page.headers["cache-control"] == "no-cache"
            assert page.headers["content-type"].startswith("text/html")
        assert (await api.get("/icon.svg")).headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path", ["/bet", "/fixture/0xab", "/assets/none.js", "/assets/", "/v1/fixtures"]
)
async def test_other_paths_are_not_the_apps(served: Served, dist: Path, path: str) -> None:
    async with served(dist) as api:
        assert (await api.get(path)).status_code == 404
        assert (await api.post("/")).status_code == 404


async def test_unbuilt_app_says_what_to_do(served: Served, tmp_path: Path) -> None:
    async with served(tmp_path / "none") as api:
        page = await api.get("/")
        assert page.status_code == 503
        assert "run make setup" in page.text


async def test_app_may_ask_its_server_and_the_local_node_and_no_other(
    served: Served, dist: Path
) -> None:
    for node, sources in ((None, "'self'"), (NODE, f"'self' {NODE}")):
        async with served(dist, node) as api:
            policy = (await api.get("/")).headers["content-security-policy"]
            directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
            assert directives["connect-src"] == sources
            assert directives["default-src"] == "'none'"
            assert directives["script-src"] == directives["style-src"] == "'self'"
            # Wallets announce their icons as data (EIP-6963).
            assert directives["img-src"] == "'self' data:"
            other = (await api.get("/icon.svg")).headers["content-security-policy"]
            assert NODE not in other
            assert "data:" not in other
            assert "frame-src" not in directives


async def test_app_may_ask_the_relay_of_walletconnect_where_it_is_set_up(
    served: Served, dist: Path
) -> None:
    async with served(dist, NODE, walletconnect=True) as api:
        policy = (await api.get("/")).headers["content-security-policy"]
        directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
        assert directives["connect-src"] == (
            f"'self' {NODE} wss://relay.walletconnect.org https://rpc.walletconnect.org"
            " https://verify.walletconnect.org"
        )
        assert directives["frame-src"] == "https://verify.walletconnect.org"
        assert directives["frame-ancestors"] == "'none'"
        assert directives["script-src"] == "'self'"
        for path in ("/icon.svg", "/docs"):
            other = (await api.get(path)).headers["content-security-policy"]
            assert "walletconnect" not in other


@pytest.mark.parametrize(
    ("chain_id", "url", "shown"),
    [
        (1337, NODE, NODE),
        (31337, NODE + "/", NODE),
        (1, NODE, None),
        (8453, NODE, None),
        (1337, "ws://127.0.0.1:8545", None),
        (1337, "http://user:word@127.0.0.1:8545", None),
        (1337, "http://127.0.0.1:8545/secret", None),
        (1337, "http://127.0.0.1:8545?key=secret", None),
    ],
)
def test_node_is_shown_for_a_local_chain_when_its_address_holds_no_secret(
    chain_id: int, url: str, shown: str | None
) -> None:
    assert local_node(chain_id, url) == shown


def test_views_of_the_server_are_the_routes_of_the_app() -> None:
    source = (ROOT / "web" / "src" / "app" / "routes.tsx").read_text()
    routes = {part.split('"')[0] for part in source.split('path: "')[1:]}
    assert len(routes) == 6
    for route in routes:
        assert VIEWS.fullmatch(route.replace("$id", "0x" + "0" * 32)), route
