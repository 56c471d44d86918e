"""The dashboard and the alerts in deploy/: they name real metrics with their labels, and Prometheus takes them."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from worker.base.observers.catalogue import ALL

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARD = DEPLOY / "grafana" / "likeness.json"
ALERTS, ALERT_TESTS = DEPLOY / "prometheus" / "alerts.yaml", DEPLOY / "prometheus" / "alerts_test.yaml"

# The labels of each series. A scraper adds two to all of them.
SERIES = {
    name: {*spec.labels, "job", "instance"} | ({"le"} if name.endswith("_bucket") else set())
    for spec in ALL
    for name in spec.series
}
NAME = re.compile(r"\blikeness[_:][\w:]+")
LABELS = re.compile(r"[{,]\s*(\w+)\s*(?:=|!=|=~|!~)\s*\"|\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}")
GROUPED = re.compile(r"\b(?:by|on|ignoring|without)\s*\(([\w\s,]*)\)")


Expression = tuple[str, str, str]
"""Where it is, the expression, and the texts that name its result's labels."""


def panels() -> Iterator[Expression]:
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"], target["legendFormat"]


def alerts() -> Iterator[Expression]:
    for rule in rules():
        texts = " ".join(rule.get("annotations", {}).values())
        yield str(rule.get("alert") or rule["record"]), rule["expr"], texts


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


@pytest.mark.parametrize(("place", "expression", "texts"), [*panels(), *alerts()])
def test_an_expression_names_metrics_and_labels_that_there_are(
    place: str, expression: str, texts: str
) -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    names = set(NAME.findall(expression))
    assert names, place
    assert names - recorded <= SERIES.keys()
    labels = {one or other for one, other in LABELS.findall(expression + texts)}
    labels |= {label.strip() for group in GROUPED.findall(expression) for label in group.split(",")} - {""}
    assert labels <= set().union(*(SERIES[name] for name in names - recorded))


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {name for _, expression, _ in panels() for name in NAME.findall(expression)}
    assert {spec.name for spec in ALL} == {spec.name for spec in ALL if shown & set(spec.series)}


def test_panels_have_places_of_their_own() -> None:
    found = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in found}) == len({panel["title"] for panel in found}) == len(found)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in found)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_every_alert_has_a_test_in_which_it_fires() -> None:
    firing = {
        asked["alertname"]
        for test in yaml.safe_load(ALERT_TESTS.read_text())["tests"]
        for asked in test["alert_rule_test"]
        if asked["exp_alerts"]
    }
    assert firing == {rule["alert"] for rule in rules() if "alert" in rule}


@pytest.mark.parametrize("arguments", [("check", ALERTS), ("test", ALERT_TESTS)])
def test_prometheus_takes_the_alerts_and_they_fire_when_they_should(arguments: tuple[str, Path]) -> None:
    promtool = shutil.which("promtool")
    if promtool is None and "CI" not in os.environ:
        pytest.skip("promtool isn't installed")
    assert promtool, "CI must have promtool, from Debian's package prometheus"
    verb, file = arguments
    done = subprocess.run([promtool, verb, "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
