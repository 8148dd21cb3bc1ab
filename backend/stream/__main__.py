"""Starts a process that serves the stream: python -m backend.stream, with any option of uvicorn."""

from __future__ import annotations

from backend.api.serving import serve

if __name__ == "__main__":
    serve("stream", "backend.stream_app:create_app")
