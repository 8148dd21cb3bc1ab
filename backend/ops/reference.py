"""Serves the API reference: our page, and from the npm package what it needs of Swagger UI."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse
from starlette.staticfiles import StaticFiles

from backend.asyncapi import asyncapi_of
from backend.openapi import VERSION
from backend.services import services_of

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "web" / "docs"
PAGE = FOLDER / "index.html"
PACKAGE = ROOT / "node_modules" / "swagger-ui-dist"
FILES = ("swagger-ui-bundle.js", "swagger-ui.css")

router = APIRouter()


@router.api_route("/docs", methods=["GET", "HEAD"], include_in_schema=False)
async def reference() -> FileResponse:
    """Serves the page, without the redirect of a folder."""
    return FileResponse(PAGE)


@router.api_route("/docs/{name}", methods=["GET", "HEAD"], include_in_schema=False)
async def reference_file(name: Literal["style.css", "reference.js"]) -> FileResponse:
    """Serves what the page loads."""
    return FileResponse(FOLDER / name)


@router.get("/asyncapi.json", include_in_schema=False)
async def asyncapi(request: Request) -> JSONResponse:
    """Serves the document of the stream's messages."""
    settings = services_of(request.app).settings
    return JSONResponse(asyncapi_of(VERSION, settings.public_url))


class SwaggerUi(StaticFiles):
    """Serves FILES alone: the package also has a page of its own, for the document of another API.
    Where the package is not installed they are not found, and our page says so."""

    def __init__(self) -> None:
        super().__init__(directory=PACKAGE, check_dir=False)

    async def check_config(self) -> None:
        """Starlette would fail without the folder."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """The file, if it is one of FILES."""
        return super().lookup_path(path) if path in FILES else ("", None)
