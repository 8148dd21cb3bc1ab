"""Serves the WebSocket of live odds."""
