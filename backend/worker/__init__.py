"""The Celery worker: tasks that batch, publish, settle and reconcile, and what wakes them.

`celery -A backend.worker` finds the app here.
"""

from backend.worker.tasks import app

__all__ = ["app"]
