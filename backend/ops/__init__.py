"""Health, readiness, metrics and the API reference."""
