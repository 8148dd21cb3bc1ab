"""Every page of the app, as a visitor with a demo wallet sees it in a real browser: on a phone and
on a desktop, in both themes and both languages."""

from __future__ import annotations

from pathlib import Path

from tests.web.conftest import House
from tests.web.test_reference import opened
from tests.web.test_slips import check_looks

PAGES = {"board", "bets", "account", "proof", "liquidity", "fixture"}


async def test_every_page_is_whole_in_each_size_theme_and_language(
    house: House, tmp_path: Path
) -> None:
    found = await opened(house.url, tmp_path, house.node, script="every_page.mjs")
    check_looks(found)
    assert found["cut"] == []
    kinds = [f"{language}, {size}" for size in ("phone", "desktop") for language in ("en", "de")]
    assert found["looked"] == [f"{page}, {kind}" for kind in kinds for page in found["pages"]]
    assert set(found["pages"]) == PAGES
    themes = {(name.rpartition(", ")[0], name.rpartition(", ")[2]) for name, _ in found["overflow"]}
    assert {(name, theme) for name in found["looked"] for theme in ("light", "dark")} <= themes
