import asyncio, json
from tests.backend.api.bettors import *
from tests.backend.api.test_zz_prof import *
from backend.mirror import accounts, book, reserves
from backend.slips import repository


async def test_explain(world, services, chain):
    for g in GAMES:
        world.open_game(g)
    world.execute("UPDATE mirror.book SET pool_micro = pool_micro * 1000")
    chain.set_receipt_key(left_micro=10**15, budget_micro=10**15)
    chain.set_limits(receipt_reserve_micro=10**14)
    app = build(services)
    bettors = [world.open_account(1000 + n, 100000 * UNIT) for n in range(600)]
    bodies = []
    for turn in range(7):
        for n, b in enumerate(bettors):
            g = GAMES[(turn + n) % 10]
            m = (g.result, g.total)[n % 2]
            bodies.append(
                json.dumps(
                    signed(
                        b,
                        nonce=turn + 1,
                        stake_micro=UNIT,
                        min_odds_e4=10_001,
                        legs=(Leg(g.name, m, n % 2),),
                    )
                ).encode()
            )
    for i in range(0, len(bodies), 256):
        await asyncio.gather(*(post(app, b, {}) for b in bodies[i : i + 256]))
    key = services.mirror_key
    print("slips", world.execute("select count(*) from backend.slip").fetchone())
    p = {
        **key,
        "block": 18,
        "accounts": [1000 + n for n in range(256)],
        "fixtures": [g.id for g in GAMES],
    }
    for name, q in (
        ("STATES", accounts.STATES),
        ("CONTEXTS", accounts.CONTEXTS),
        ("CAPACITY", book.CAPACITY),
        ("FIXTURES_USE", book.FIXTURES_USE),
        ("RESERVES", reserves.RESERVES),
        ("FIXTURES_KEPT", book.FIXTURES_KEPT),
        ("DIFFERENCES", reserves.DIFFERENCES),
    ):
        rows = []
        for _ in range(3):
            with world.connection.cursor() as c:
                c.execute(("EXPLAIN (ANALYZE, TIMING OFF) " + q).encode(), p)
                rows = [r[0] for r in c.fetchall()]
        print(name, rows[-2:], flush=True)
        if name == "STATES":
            with world.connection.cursor() as c:
                c.execute(("EXPLAIN (ANALYZE, BUFFERS OFF) " + q).encode(), p)
                print("\n".join(r[0] for r in c.fetchall()))
