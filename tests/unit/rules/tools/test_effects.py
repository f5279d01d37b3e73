"""The name of an effect is made of arguments alone, or there is none."""

from __future__ import annotations

import pytest

from dsl.limits import EFFECT_LENGTH_MAX
from dsl.rules.tools.calls import CallRefusedError, call_of
from dsl.rules.tools.effects import effect_of, refuse_effect

CALL = call_of("pay", "refund", {"id": "p1", "amount": 82, "cut": 0.5, "more": {"at": [1]}})


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("refund:${{ args.id }}", "pay/refund:p1"),
        ("${{ args.amount }}", "pay/82"),
        ("${{ args.id }}/${{ args.amount }}", "pay/p1/82"),
        ("end-of-year", "pay/end-of-year"),
    ],
)
def test_an_effect_has_a_name(template: str, name: str):
    assert refuse_effect(template) is None
    assert effect_of(CALL, template) == name


@pytest.mark.parametrize("template", ["${{ args.amount == 82 }}", "${{ args.id + 1 }}", " "])
def test_without_a_name_nothing_is_called(template: str):
    with pytest.raises(CallRefusedError, match="its effect") as caught:
        effect_of(CALL, template)

    assert "args" not in str(caught.value)  # how its operator has written it, nobody is told


@pytest.mark.parametrize(
    ("template", "argument", "got"),
    [
        ("refund:${{ args.nobody }}", "nobody", "it is missing"),
        ("${{ args.more }}", "more", "got a map"),
        ("x/${{ args.more.at }}", "more.at", "got a list"),
        ("${{ args.more.nobody.else }}", "more.nobody.else", "it is missing"),
        ("${{ args.cut }}", "cut", "got a double"),
        ("${{ args.id }}/${{ args.nothing }}", "nothing", "got null"),
    ],
)
def test_who_calls_is_told_which_argument_is_no_name(template: str, argument: str, got: str):
    call = call_of("pay", "refund", {**CALL.arguments, "nothing": None})
    with pytest.raises(CallRefusedError) as caught:
        effect_of(call, template)

    assert str(caught.value) == (
        f"argument {argument!r} names what the call brings about: "
        f"expected text or a whole number, {got}"
    )


def test_white_space_alone_is_counted_for_nothing():
    with pytest.raises(CallRefusedError, match="of 1 to 300 characters, got 0:"):
        effect_of(call_of("pay", "refund", {"id": "   "}), "${{ args.id }}")


def test_a_name_that_is_too_long_is_none():
    long = call_of("pay", "refund", {"id": "x" * EFFECT_LENGTH_MAX})
    with pytest.raises(CallRefusedError, match=f"got {EFFECT_LENGTH_MAX + 7}:"):
        effect_of(long, "refund:${{ args.id }}")


@pytest.mark.parametrize("payment", ["p-4 ", " p-4", "p-4\n", "p-4\u200b", "p\x00-4", "p-4\u00a0"])
def test_one_effect_has_one_name(payment: str):
    with pytest.raises(CallRefusedError, match="white space at its ends here, or what cannot be"):
        effect_of(call_of("pay", "refund", {"id": payment}), "${{ args.id }}")


def test_two_spellings_of_the_same_characters_are_one_effect():
    names = {
        effect_of(call_of("pay", "refund", {"id": each}), "${{ args.id }}")
        for each in ("caf\u00e9", "cafe\u0301")
    }
    assert names == {"pay/caf\u00e9"}


def test_a_name_may_have_several_lines():
    call = call_of("git", "commit", {"message": "Mend it\n\nIt was broken"})
    assert effect_of(call, "commit:${{ args.message }}").endswith("\n\nIt was broken")


@pytest.mark.parametrize("template", ["${{ inputs.id }}", "${{ args. }}", "${{ agent.id }}"])
def test_what_is_not_made_of_arguments_is_refused_when_declared(template: str):
    assert (refuse_effect(template) or "").startswith("effect: ")
