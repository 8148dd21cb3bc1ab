"""Starts and stops the live-odds process: `python -m backend.odds`."""

from __future__ import annotations

import asyncio
import signal
import sys
from argparse import ArgumentParser

from backend.deployment import Deployment, DeploymentInvalid
from backend.feed.facts import FactsInvalid
from backend.logs import configure_logs
from backend.odds.book import OddsBook
from backend.odds.facts import LearningFacts
from backend.odds.fitting import ModelError
from backend.odds.football import Football
from backend.odds.pricing import Margin
from backend.odds.service import OddsService
from backend.odds.settings import MARGIN_ONE_E4, OddsSettings
from backend.settings import load_settings


async def serve(settings: OddsSettings) -> None:
    """Run until SIGTERM or SIGINT."""
    margin = Margin(settings.odds_margin_e4 / MARGIN_ONE_E4, settings.odds_margin_method)
    deployment = Deployment.read(settings.deployment_file, settings.chain_id)
    facts = LearningFacts(settings.facts_file)
    football = Football(facts.fixtures)
    book = OddsBook(football, margin, settings.odds_depth_micro)
    service = OddsService(settings, deployment, book, lambda now_s: facts.teach(football, now_s))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, service.stop)
    await service.run()


def main() -> int:
    """Exit code 0 when stopped, 2 when it cannot start."""
    ArgumentParser("python -m backend.odds", description=__doc__).parse_args()
    configure_logs()
    settings = load_settings(OddsSettings, "odds")
    try:
        asyncio.run(serve(settings))
    except (DeploymentInvalid, FactsInvalid, ModelError) as error:
        print(f"odds: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
