"""Opens games, and reads which slips were placed, skipped and submitted, for tests of flushing."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from sqlalchemy import Engine, text

from tests.support.accepted_slips import Game
from tests.support.house import House

Land = Callable[[], None]


def game(engine: Engine, house: House, number: int = 0, in_s: int = 86_400) -> Game:
    return Game(f"Home {number} v Away {number}, 2030-01-01", house.now_s() + in_s).open(engine)


def placed(engine: Engine) -> list[tuple[int, int]]:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT account, nonce FROM mirror.bet ORDER BY 1, 2"))
        return [(row.account, row.nonce) for row in rows]


def skips(engine: Engine) -> list[tuple[int, int, int]]:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT account, nonce, reason FROM mirror.skip"))
        return [(row.account, row.nonce, row.reason) for row in rows]


def submissions(engine: Engine, slip: uuid.UUID) -> int:
    with engine.connect() as connection:
        statement = text("SELECT count(*) FROM backend.submission WHERE slip = :slip")
        return int(connection.execute(statement, {"slip": slip}).scalar_one())
