"""Starts the API: python -m backend.api, with any option of uvicorn."""

from __future__ import annotations

from backend.api.serving import serve

if __name__ == "__main__":
    serve("api", "backend.app:create_app")
