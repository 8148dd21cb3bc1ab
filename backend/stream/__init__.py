"""The WebSocket of live odds."""
