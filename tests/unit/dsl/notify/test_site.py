"""The operator's file of destinations, read as strictly as a pipeline."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsl.compiler import compile_text
from dsl.errors import DslError
from dsl.notify.site import parse_site
from dsl.notify.site_file import SiteFile

ENTITY = "0e1d2c3b-0000-4000-8000-0123456789ab"
HOOK = "{url_file: /etc/u, secret_file: /etc/s}"


def starting(*starts: str, on: str = "deployment") -> str:
    """A door that starts a pipeline for deployments, or whatever else."""
    lines = [f"{{on: {on}, pipeline: ship, {each}}}" for each in starts]
    return f"""\
github: {{repo: {{app: "1", installation: 2, key_file: /etc/k, repositories: [acme/shop]}}}}
inbound: {{github: {{destination: repo, secret_file: /etc/s, starts: [{", ".join(lines)}]}}}}
"""


def test_deployments_of_other_environments_or_repositories_are_no_mistake():
    places = ("", "repository: acme/a, "), ("a", "b")
    apart = [f"{where}environment: {name}" for where in places[0] for name in places[1]]

    for starts in (apart[:2], (apart[2], apart[1])):
        site = parse_site(starting(*starts), "notify.yaml")
        assert site.inbound.github is not None


def test_what_belongs_to_its_event_or_changes_nothing_is_no_mistake():
    site = parse_site(starting("superseded: keep, forks: false"), "notify.yaml")
    pulls = parse_site(
        starting("superseded: cancel, forks: true", on="pull_request"), "notify.yaml"
    )

    assert site.inbound.github is not None
    assert pulls.inbound.github is not None


def codes(text: str) -> list[str]:
    with pytest.raises(DslError) as caught:
        parse_site(text, "notify.yaml")
    return [each.code for each in caught.value.problems]


def test_destinations_are_found_by_their_names_of_whatever_kind():
    site = parse_site(
        f"""\
slack: {{ops: {{channel: C0123, token_file: /etc/slack}}}}
github: {{repo: {{app: "1", installation: 2, key_file: /etc/k, repositories: [acme/shop]}}}}
webhook: {{hook: {HOOK}}}
email: {{duty: {{host: h, from: a@b.c, to: [d@e.f]}}}}
people: {{slack: {{U0123: {ENTITY}}}, github: {{"583231": {ENTITY}}}}}
inbound: {{slack: {{destination: ops, app_token_file: /etc/app}}}}
""",
        "notify.yaml",
    )

    assert sorted(site.destinations()) == ["duty", "hook", "ops", "repo"]
    assert site.unknown(frozenset({"ops", "other"})) == ("other",)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"webhook: {{a: {HOOK}}}\nemail: {{a: {{host: h, from: a@b.c, to: [d@e.f]}}}}", "DSL661"),
        ("inbound: {slack: {destination: ops}}", "DSL662"),
        ("email: {a: {host: h, from: a@b.c, to: [d@e.f], user: x}}", "DSL663"),
        ("email: {a: {host: h, from: a@b.c, to: [d@e.f], tls: none}}", "DSL663"),
        ('email: {a: {host: h, from: "a@b.c\\r\\nBcc: x@y.z", to: [d@e.f]}}', "DSL206"),
        ("webhook: {a: {url_file: relative, secret_file: /s}}", "DSL206"),
        ("webhook: {a: {url: 'https://x', secret_file: /s}}", "DSL201"),
        ("webhook: {a: {url_file: /u}}", "DSL623"),
        ("slack: {a: {channel: C012, token_file: /t, token_vault: kv-notify/a#t}}", "DSL623"),
        ("slack: {a: {channel: C012, token_vault: kv-prod/db#password}}", "DSL206"),
        ("slack: {a: {channel: C012, token_vault: kv-notify/../kv-prod/db#t}}", "DSL206"),
        ("people: {github: {octocat: x}}", "DSL206"),
        (starting("", "environment: staging"), "DSL664"),
        (starting("repository: Acme/Shop", "repository: acme/shop"), "DSL664"),
        (starting("superseded: cancel"), "DSL666"),
        (starting("forks: true"), "DSL666"),
        (starting("environment: staging", on="pull_request"), "DSL666"),
        ("- 1", "DSL204"),
    ],
)
def test_a_mistake_is_told_with_its_code(text, code):
    assert code in codes(text)


def test_a_file_is_read_again_when_it_has_changed(tmp_path: Path):
    file = tmp_path / "notify.yaml"
    site = SiteFile(file)
    with pytest.raises(DslError, match="cannot be read"):
        site.look()
    file.write_text(f"webhook: {{a: {HOOK}}}")
    assert set(site.look().destinations()) == {"a"}
    assert site.look() is site.look()
    file.write_text(f"webhook: {{a: {HOOK}, b: {HOOK}}}")
    assert set(site.look().destinations()) == {"a", "b"}


def test_a_destination_stands_once_in_a_pipeline_and_a_plan_without_any_is_what_it_was():
    plain = """\
name: a
version: "1"
stages: [{name: g, type: gate, config: {approvers: [ann]}}]
"""
    told = plain + "notify: [{to: ops}, {to: ops, when: [ended, ended]}]\n"
    with pytest.raises(DslError) as caught:
        compile_text(told, "a.yaml")

    assert [each.code for each in caught.value.problems if each.code == "DSL650"] == ["DSL650"] * 2
    assert "notify" not in compile_text(plain, "a.yaml").plan.model_dump(mode="json")
