"""Runs PostgreSQL, Redis and a chain with one block per second until Ctrl-C."""

from __future__ import annotations

import sys

from scripts.devnet.chain import Chain
from scripts.devnet.clock import Heartbeat
from scripts.devnet.errors import DevnetError
from scripts.devnet.postgres import Postgres
from scripts.devnet.redis_server import Redis
from scripts.devnet.supervisor import Supervisor


def main() -> int:
    if sys.argv[1:]:
        print(f"{__doc__}\nIt takes no arguments; set CHAIN=anvil for Anvil.", file=sys.stderr)
        return 2
    postgres, redis = Postgres.from_environment(), Redis.from_environment()
    try:
        with Supervisor() as supervisor:
            chain = Chain.from_environment()
            supervisor.own(postgres)
            supervisor.own(redis)
            supervisor.own(chain)
            supervisor.own(Heartbeat(chain))
            database = postgres.url() if postgres.external_url else None
            print(f"DATABASE_URL={database or postgres.create_database('fairline', replace=False)}")
            print(f"REDIS_URL={redis.url()}")
            print(f"RPC_URL={chain.url}")
            print(f"{chain.kind} mines one block per second. Ctrl-C stops everything.", flush=True)
            supervisor.wait()
    except DevnetError as error:
        print(f"devnet: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
