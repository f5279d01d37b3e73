"""Ways around a gate are found in the texts of policies."""

from __future__ import annotations

import pytest

from integrations.vault.checks.control_groups.overlaps import meet, overlaps
from integrations.vault.policies.texts import policy_texts

READ = 'capabilities = ["read"]'


def found(text: str, name: str = "team") -> tuple[str, ...]:
    return overlaps({**policy_texts(), name: text})


def test_the_shipped_policies_leave_no_way_around() -> None:
    assert overlaps(policy_texts()) == ()


@pytest.mark.parametrize("name", ["gov-a-leak", "gov-z-leak", "gov-t0", "default"])
@pytest.mark.parametrize(
    "path",
    [
        "kv-prod/data/*",
        "kv-{{identity.entity.metadata.t3}}/data/*",
        "kv-prod/data/svc/db",
        "kv-prod/data/svc/+",
        "kv-prod/*",
        "kv-*",
        "*",
        "+/data/*",
        "+/+/db",
        "kv-prod/+/svc/*",
        "kv-{{identity.entity.name}}/data/*",
        "kv-{{ identity.entity.metadata.t3 }}/data/x",
        "/kv-prod/data/*",
    ],
)
def test_a_grant_of_a_production_read_is_found_whoever_makes_it(name: str, path: str) -> None:
    [said] = found(f'path "{path}" {{ {READ} }}', name)

    assert said.startswith(f"policy {name} grants read on {path}, which gov-t3 gates")


@pytest.mark.parametrize(
    "text",
    [
        'path "ssh-prod/sign/executor" { capabilities = ["update"] }',
        'path "ssh-+/sign/*" { capabilities = ["create"] }',
        'path "sys/policies/acl/gov-t0" { capabilities = ["update"] }',
        'path "sys/policies/acl/*" { capabilities = ["patch", "list"] }',
        'path "sys/policies/+/+" { capabilities = ["delete"] }',
        'path "kv-prod/data/*" { policy = "read" }',
        'path   "kv-prod/data/*"\n{\n  capabilities =\n ["list",\n "read"]\n}',
        'path "x" { capabilities = ["deny"] }\npath "kv-prod/data/a" { capabilities = ["read"] }',
        'path "kv-prod/data/a" { capabilities = ["read"]\n control_group = { ttl = "1h" } }',
        '{"path": {"kv-prod/data/*": {"capabilities": ["read"]}}}',
    ],
)
def test_every_gate_is_looked_after_however_it_is_written(text: str) -> None:
    assert len(found(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        'path "kv-prod/data/*" { capabilities = ["create", "update"] }',
        'path "kv-prod/*" { capabilities = ["deny"] }',
        'path "kv-prod/metadata/*" { capabilities = ["read", "list"] }',
        'path "kv-prod2/data/*" { capabilities = ["read"] }',
        'path "kv-{{identity.entity.metadata.t2}}/data/*" { capabilities = ["read"] }',
        'path "sys/policies/acl/*" { capabilities = ["read", "list"] }',
        'path "sys/policies/acl/team-*" { capabilities = ["update"] }',
        'path "ssh-sandbox/sign/executor" { capabilities = ["update"] }',
        'path "kv-prod/data" { capabilities = ["read"] }',
    ],
)
def test_what_reaches_no_gate_is_not_found(text: str) -> None:
    assert found(text) == ()


def test_the_gate_itself_counts_in_its_own_policy_only() -> None:
    kept = policy_texts()["gov-t3"]

    assert len(found(kept, "gov-a-t3")) == 2
    assert len(found(policy_texts()["gov-installer"], "gov-t1")) == 1


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("", "", True),
        ("a", "", False),
        ("*", "", True),
        ("a/b", "a/b", True),
        ("a/+", "a/b/c", False),
        ("a/*", "a/b/c", True),
        ("+/b", "a/*", True),
        ("+x", "y+", True),
        ("+/x", "y", False),
        ("a*", "b*", False),
        ("+/+/+", "*", True),
    ],
)
def test_patterns_meet_where_some_path_fits_both(one: str, other: str, expected: bool) -> None:
    assert meet(tuple(one), tuple(other)) is expected
    assert meet(tuple(other), tuple(one)) is expected
