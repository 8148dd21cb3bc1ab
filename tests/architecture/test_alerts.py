"""The alert rules name metrics that the processes serve, and every alert says what to do."""

from __future__ import annotations

import re
from typing import Any

import yaml

from scripts.devnet.paths import ROOT

METRIC = re.compile(r"\bfairline_\w+")


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((ROOT / "docs" / "alerts.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def served() -> str:
    """The code of the processes that serve metrics."""
    files = [path for folder in ("backend", "indexer") for path in (ROOT / folder).rglob("*.py")]
    return "\n".join(path.read_text() for path in files)


def test_every_alert_names_a_metric_that_is_served() -> None:
    code = served()
    assert len(rules()) >= 4
    for rule in rules():
        named = METRIC.findall(rule["expr"])
        assert named, rule["alert"]
        for metric in named:
            assert f'"{metric}"' in code, f"{rule['alert']}: nothing serves {metric}"


def test_every_alert_says_what_it_means() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    for rule in rules():
        assert rule["annotations"]["summary"].strip()
        assert rule["labels"]["severity"] in ("page", "warning")
