"""Each alert has its paragraph, each metric its line, and no alert asks for what is not served."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
import yaml

from integrations.health.metrics import METRICS
from tests.docs.blocks import ROOT

OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
ALERTS = [
    rule
    for group in yaml.safe_load((ROOT / "deploy" / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
METRIC = re.compile(r"\bmandate_[a-z_]+")


def runbook() -> str:
    return OPERATIONS.partition("\n## Runbook\n")[2].partition("\n## ")[0]


def test_the_page_lists_every_metric_and_no_other():
    told = re.findall(r"^\| `(mandate_\w+)(?:\{(\w+)\})?` \| (.+) \|$", OPERATIONS, re.MULTILINE)

    assert told == [(name, each.label, each.means) for name, each in METRICS.items()]


def test_every_alert_has_a_paragraph_and_every_paragraph_an_alert():
    headings = re.findall(r"^### (\w+)$", runbook(), re.MULTILINE)

    assert headings == [rule["alert"] for rule in ALERTS]


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_is_what_prometheus_takes_and_asks_for_what_is_served(rule):
    assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"\d+[smh]", rule["for"])
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"]
    assert rule["expr"].count("(") == rule["expr"].count(")")
    asked = {name for name in METRIC.findall(rule["expr"]) if name != "mandate_"}
    assert asked <= set(METRICS)
    labels = re.findall(r"\{(\w+)=", rule["expr"].replace("job=~", "")) + re.findall(
        r"by \((\w+)\)", rule["expr"]
    )
    known = {METRICS[name].label for name in asked}
    assert set(labels) <= known


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_prometheus_itself_takes_the_alerts():
    checked = subprocess.run(
        ["promtool", "check", "rules", ROOT / "deploy" / "alerts.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    assert f"{len(ALERTS)} rules found" in checked.stdout
