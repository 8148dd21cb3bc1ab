"""Serves the app over HTTP and WebSocket, within limits of size, number and time."""
