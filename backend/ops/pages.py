"""Serves the files that the site's folder has when the process starts, by their exact paths; what
is not one of them is the API's to answer, with its own methods."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.routing import Match, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope


class Pages(Mount):
    """The files of a folder at `/`, with its index."""

    def __init__(self, folder: Path) -> None:
        super().__init__("/", app=StaticFiles(directory=folder, html=True), name="page")
        files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
        self._paths = {"/", *(f"/{path.as_posix()}" for path in files)}

    def matches(self, scope: Scope) -> tuple[Match, Any]:
        """A match for a GET or HEAD of a file."""
        if scope.get("method") not in ("GET", "HEAD") or scope["path"] not in self._paths:
            return Match.NONE, {}
        return super().matches(scope)
