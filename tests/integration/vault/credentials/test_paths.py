"""No reference from a document leads out of its mount."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.errors import DeniedError
from integrations.vault.credentials.paths import SecretRef

parts = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True)


@given(mount=parts, path=st.lists(parts, min_size=1, max_size=4), field=parts)
def test_a_well_formed_reference_is_read_back_as_written(
    mount: str, path: list[str], field: str
) -> None:
    text = f"{mount}/{'/'.join(path)}#{field}"

    assert str(SecretRef.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "#",
        "kv-build",
        "kv-build#v",
        "kv-build/a",
        "kv-build/a#",
        "kv-build/#v",
        "/a#v",
        "kv-build//a#v",
        "kv-build/a/#v",
        "/kv-build/a#v",
        "kv-build/../sys/mounts#v",
        "kv-build/a/..#v",
        "../../sys/mounts#v",
        "kv-build/./a#v",
        "kv-build/.hidden#v",
        "kv-build/%2e%2e/a#v",
        "kv-build/a?list=true#v",
        "kv-build/a\\b#v",
        "kv-build/a b#v",
        "kv-build/a\n#v",
        "kv-build/a#v\n",
        "kv-build/a#v#w",
        "kv-build/a#v/w",
        "kv-build/{{identity.entity.id}}#v",
        "kv-build/ä#v",
        "kv-build/" + "a" * 512 + "#v",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(DeniedError, match="not a reference to a secret"):
        SecretRef.parse(text)


@given(st.text(max_size=60))
def test_what_is_accepted_holds_no_way_out(text: str) -> None:
    try:
        ref = SecretRef.parse(text)
    except DeniedError:
        return

    assert not {".", "..", ""} & {ref.mount, *ref.path.split("/"), ref.field}
    assert not set("%?\\*+ ") & set(str(ref))
