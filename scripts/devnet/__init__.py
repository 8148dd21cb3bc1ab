"""Starts the servers of a local Fairline."""

from scripts.devnet.chain import Chain
from scripts.devnet.clock import Heartbeat
from scripts.devnet.errors import DevnetError
from scripts.devnet.postgres import Postgres
from scripts.devnet.processes import Process
from scripts.devnet.redis_server import Redis
from scripts.devnet.supervisor import Supervisor, wait_healthy

__all__ = [
    "Chain",
    "DevnetError",
    "Heartbeat",
    "Postgres",
    "Process",
    "Redis",
    "Supervisor",
    "wait_healthy",
]
