"""Runs the Celery worker: `celery -A backend.worker` finds the app here."""

from backend.worker.tasks import app

__all__ = ["app"]
