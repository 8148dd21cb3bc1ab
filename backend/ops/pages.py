"""Serves the app that the set-up builds: its files by their exact paths, and its index at the
addresses of its views. What is neither is the API's to answer, with its own methods."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from backend.conditional import codings

# The views of web/src/app/routes.tsx.
VIEWS = re.compile(r"/(account|bets|liquidity|proof|fixture/0x[0-9a-f]{32})?")
# The build names these by their content.
HASHED = "assets/"
INDEX = "index.html"
# Written by the build beside each file that gets smaller; the best first.
CODINGS = (("br", ".br"), ("gzip", ".gz"))
UNBUILT = (
    "The app is not built on this server: run make setup there. /docs has the API reference.\n"
)


class AppFiles(StaticFiles):
    """The files, compressed where the client takes that."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, check_dir=False)
        self._folder = folder

    async def check_config(self) -> None:
        """Starlette would fail without the folder."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, or the index for a view."""
        if not (self._folder / INDEX).is_file():
            return PlainTextResponse(UNBUILT, 503)
        name = path if (self._folder / path).is_file() else INDEX
        coding, suffix = self._coding(name, scope)
        response = await super().get_response(name + suffix, scope)
        if coding:
            response.headers["Content-Encoding"] = coding
            plain = await super().get_response(name, {**scope, "headers": []})
            response.headers["Content-Type"] = plain.headers["Content-Type"]
        response.headers["Vary"] = "Accept-Encoding"
        lasting = name.startswith(HASHED)
        response.headers["Cache-Control"] = (
            "public, max-age=31536000, immutable" if lasting else "no-cache"
        )
        return response

    def _coding(self, name: str, scope: Scope) -> tuple[str, str]:
        taken = codings(Headers(scope=scope).get("accept-encoding", ""))
        for coding, suffix in CODINGS:
            if coding in taken and (self._folder / (name + suffix)).is_file():
                return coding, suffix
        return "", ""


class Pages(Mount):
    """The app at `/`."""

    def __init__(self, folder: Path) -> None:
        super().__init__("/", app=AppFiles(folder), name="page")
        files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
        self._paths = {f"/{path.as_posix()}" for path in files}

    def matches(self, scope: Scope) -> tuple[Match, Any]:
        """A match for a GET or HEAD of a file or a view."""
        path = scope["path"]
        if scope.get("method") not in ("GET", "HEAD"):
            return Match.NONE, {}
        if path not in self._paths and not VIEWS.fullmatch(path):
            return Match.NONE, {}
        return super().matches(scope)
