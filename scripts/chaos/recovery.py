"""Finds out whether the house is well again: it answers, it has caught up, and nothing waits."""

from __future__ import annotations

import math
import time

import httpx
import psycopg
import redis

from backend.worker.heartbeats import BEAT_KEY, ages_s, task_key
from backend.worker.tasks import SCHEDULE_S
from scripts.chaos.house import House
from scripts.chaos.plan import NODE, POSTGRES, REDIS, SERVICES
from scripts.devnet import DevnetError, process_tree
from scripts.devnet.postgres import plain_url
from scripts.devnet.rpc import RpcError

WELL_LIMIT_S = 150.0
_PAUSE_S = 0.25
_PROBE_S = 3
# A task is late when twice its interval has passed since it last ran, and some for a busy machine.
_LATE_S = 5.0
# A rarer task would show the same later.
_FREQUENT_S = 5.0
# A slip that waits for its bet: see ARCHITECTURE.md, "Why did this bet not go through?".
_WAITING = """SELECT count(*) FROM backend.slip WHERE (account, nonce) NOT IN
    (SELECT account, nonce FROM mirror.bet UNION SELECT account, nonce FROM mirror.skip)"""
_OPEN = """SELECT count(*) FROM backend.chain_transaction
    WHERE status IN ('prepared', 'sent') OR NOT confirmed"""
_HEAD = "SELECT head_block, encode(head_hash, 'hex') FROM mirror.deployment"


def wait_until_well(house: House, limit_s: float = WELL_LIMIT_S) -> str:
    """Returns when nothing ails the house, with what ailed it last. Raises DevnetError, naming what
    ails it, at the limit."""
    until = time.monotonic() + limit_s
    last = ""
    while found := ailments(house):
        last = found[0]
        if time.monotonic() > until:
            raise DevnetError(
                f"The house was not well again after {limit_s:.0f} s: {' '.join(found)}"
            )
        time.sleep(_PAUSE_S)
    return last


def ailments(house: House) -> list[str]:
    """What is not well, a sentence each; the first kind only, since others may follow from it."""
    return (
        _processes(house)
        or _api(house)
        or _tasks(house)
        or _mirror(house)
        or _waiting(house)
        or _indexer(house)
    )


def _processes(house: House) -> list[str]:
    found = []
    for name in (*SERVICES, POSTGRES, REDIS, NODE):
        process = house.process(name)
        if not process.is_alive:
            found.append(f"{name} does not run.")
        elif process_tree.is_frozen(process.pid):
            found.append(f"{name} is frozen.")
    return found


def _api(house: House) -> list[str]:
    try:
        answer = httpx.get(f"{house.platform.api_url}/readyz", timeout=_PROBE_S)
    except httpx.HTTPError as error:
        return [f"/readyz does not answer ({error!r})."]
    return [] if answer.status_code == 200 else [f"/readyz says {answer.text[:500]}."]


def _tasks(house: House) -> list[str]:
    """Those that have not run in their time."""
    limits = {
        task_key(name): 2 * every_s + _LATE_S
        for name, every_s in SCHEDULE_S.items()
        if every_s <= _FREQUENT_S
    }
    limits[BEAT_KEY] = _LATE_S
    try:
        with redis.Redis.from_url(house.platform.redis.url(), socket_timeout=_PROBE_S) as client:
            ages = dict(zip(limits, ages_s(client, list(limits)), strict=True))
    except redis.RedisError as error:
        return [f"Redis does not answer ({error})."]
    return [
        f"{key} is {'missing' if math.isinf(ages[key]) else f'{ages[key]:.0f} s old'}."
        for key, limit_s in limits.items()
        if ages[key] > limit_s
    ]


def _mirror(house: House) -> list[str]:
    try:
        with psycopg.connect(plain_url(house.platform.database_url)) as connection:
            row = connection.execute(_HEAD).fetchone()
        assert row is not None
        block = house.chain.call("eth_getBlockByNumber", hex(row[0]), False)
        newest = house.chain.block_number()
    except (psycopg.Error, OSError, RpcError) as error:
        return [f"Database or node does not answer ({error})."]
    if block is None or block["hash"] != f"0x{row[1]}":
        return [f"The mirror has another block {row[0]} than the chain."]
    return [] if newest - row[0] <= 1 else [f"The mirror is {newest - row[0]} blocks behind."]


def _waiting(house: House) -> list[str]:
    found = []
    try:
        for query, what in (
            (_WAITING, "accepted slips are not on the chain"),
            (_OPEN, "transactions are not confirmed"),
        ):
            if number := house.day.mirror.number(query):
                found.append(f"{number} {what}.")
    except psycopg.Error as error:
        found.append(f"The database does not answer ({error}).")
    return found


def _indexer(house: House) -> list[str]:
    """What the indexer still has to read while there is nothing else to do."""
    try:
        gas = house.day.mirror.number(
            "SELECT count(*) FROM mirror.transaction WHERE gas_used IS NULL"
        )
    except psycopg.Error as error:
        return [f"The database does not answer ({error})."]
    return [f"The gas of {gas} transactions is not read."] if gas else []
