"""What a redactor replaces, in which disguises, and what it leaves alone."""

from __future__ import annotations

import base64
import json
import pickle
import re
import string
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.redaction import REDACTED, Redactor, redact_tokens, redact_tokens_in_json

SECRET = "pa55/wörd+&?"


def test_a_secret_is_replaced_inside_a_word_and_in_keys():
    redactor = Redactor([SECRET])

    assert redactor.text(f"x{SECRET}y") == f"x{REDACTED}y"
    assert redactor.value({SECRET: [SECRET, {"a": (SECRET, 1, None, True)}]}) == {
        REDACTED: [REDACTED, {"a": [REDACTED, 1, None, True]}]
    }


@pytest.mark.parametrize(
    "disguise",
    [
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        SECRET.encode().hex(),
        SECRET.encode().hex().upper(),
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        re.sub("%..", lambda code: code[0].lower(), quote(SECRET, safe="")),
    ],
)
def test_a_disguised_secret_is_replaced(disguise):
    assert REDACTED in Redactor([SECRET]).text(f"<{disguise}>")


@given(st.text(min_size=8, max_size=60), st.binary(max_size=5), st.binary(max_size=5))
def test_base64_is_found_at_every_alignment(secret, before, after):
    redactor = Redactor([secret])
    raw = before + secret.encode() + after

    assert REDACTED in redactor.text(base64.b64encode(raw).decode())
    assert REDACTED in redactor.text(base64.urlsafe_b64encode(raw).decode())


@given(st.text(alphabet=string.ascii_letters, min_size=4), st.text(), st.text())
def test_no_secret_survives(secret, before, after):
    cleaned = Redactor([secret]).text(before + secret + after)

    assert secret not in cleaned.replace(REDACTED, "\0")


def test_a_secret_that_contains_another_is_replaced_whole():
    assert Redactor(["hunter", "hunter2-long"]).text("hunter2-long") == REDACTED


def test_a_short_secret_is_replaced_only_as_a_word():
    redactor = Redactor(["cat"])

    assert redactor.text("cat concatenate cat.") == f"{REDACTED} concatenate {REDACTED}."


def test_an_empty_secret_redacts_nothing():
    assert Redactor([""]).text("all of it") == "all of it"


def test_a_number_that_is_a_secret_is_replaced():
    assert Redactor(["12345678"]).value([12345678, 1234567]) == [REDACTED, 1234567]


def test_what_was_replaced_is_counted():
    redactor = Redactor([SECRET, "abc", "12345678"])
    redactor.text(f"{SECRET} {SECRET.encode().hex()} abc hvs.{'x' * 24}")
    redactor.value({SECRET: [12345678, 7, "plain"]})

    assert (redactor.replaced.secrets, redactor.replaced.tokens) == (4, 1)


def test_what_stands_there_by_chance_is_not_counted():
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQ==\n-----END KEY-----"
    redactor = Redactor([key, "abc"])
    clean = redactor.text("abc -----BEGIN KEY----- and -----END KEY-----")

    assert clean == f"{REDACTED} {REDACTED} and {REDACTED}"
    assert redactor.replaced.secrets == 0


def test_a_redactor_that_knows_more_begins_to_count_anew():
    redactor = Redactor([SECRET])
    redactor.text(SECRET)

    assert redactor.including(["other"]).replaced.secrets == 0


def test_each_long_line_of_a_key_is_replaced():
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQ==\n-----END KEY-----"

    assert Redactor([key]).text("line 2: MIIEvQIBADANBgkqhkiG9w0B") == f"line 2: {REDACTED}"


def test_bytes_are_searched_for_secrets():
    redactor = Redactor([SECRET])

    assert redactor.found_in(b"\xff" + SECRET.encode() + b"\0")
    assert not redactor.found_in(b"\xff nothing here \0")


def test_including_keeps_what_was_known():
    both = Redactor(["first-secret"]).including(["second-secret"])

    assert both.text("first-secret second-secret") == f"{REDACTED} {REDACTED}"


def test_a_redactor_shows_its_secrets_to_nobody():
    redactor = Redactor([SECRET])

    assert SECRET not in repr(redactor)
    with pytest.raises(TypeError):
        pickle.dumps(redactor)


def test_an_endless_secret_is_refused():
    with pytest.raises(ValueError, match="at most"):
        Redactor(["x" * 100_000])


@pytest.mark.parametrize(
    "token",
    ["hvs." + "A" * 24, "s." + "b" * 26, "hvb.AAAAAQ" + "x-_" * 20, "r." + "Z" * 24],
)
def test_vault_tokens_are_replaced(token):
    assert redact_tokens(f"token={token};") == f"token={REDACTED};"


@pytest.mark.parametrize(
    "text", ["class.method", "hvs.short", "xs." + "a" * 30, "tests." + "a" * 9]
)
def test_ordinary_text_is_not_taken_for_a_token(text):
    assert redact_tokens(text) == text


def test_json_inside_json_hides_no_secret():
    secret = 'pa55"wörd'
    line = json.dumps({"body": json.dumps({"password": secret})})

    assert REDACTED in Redactor([secret]).text(line)


@given(st.permutations(string.ascii_letters), st.integers(4, 40), st.integers(0, 100))
def test_where_a_text_was_cut_no_rest_of_a_secret_stays(letters, length, cut):
    secret = "".join(letters[:length])
    text = (secret * 8)[cut:] if cut < length * 4 else secret[-1]

    assert Redactor([secret]).cut_text(text).replace(REDACTED, "") == ""


def test_a_cut_text_keeps_what_is_no_rest_of_a_secret():
    redactor = Redactor([SECRET])

    assert redactor.cut_text(f"nothing {SECRET} here") == f"nothing {REDACTED} here"
    assert redactor.cut_text("") == ""


def test_tokens_are_replaced_whoever_minted_them():
    assert Redactor().value({"said": ["hvs." + "A" * 24]}) == {"said": [REDACTED]}


TOKENS = ["hvs." + "CAESIJ0abcdefghijklmnopqrs", "s." + "AbCdEfGhIjKlMnOpQrStUvWx"]


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("before", ["\n", "\t", "\r", "\0", "\u2028", '"', "\\", "/", "a\n "])
@pytest.mark.parametrize("nested", [False, True])
def test_a_token_at_the_start_of_a_line_of_json_text_is_replaced(token, before, nested):
    said = json.dumps(f"found:{before}{token}") if nested else f"found:{before}{token}"
    clean = redact_tokens_in_json(json.dumps({"out": [said, 7]}))

    assert token not in clean
    assert REDACTED in json.loads(clean)["out"][0]


def test_a_token_spelled_with_escapes_is_replaced():
    assert json.loads(redact_tokens_in_json(f'"\\u0073{TOKENS[1][1:]}"')) == REDACTED
    assert json.loads(redact_tokens_in_json(f'"\\u000a{TOKENS[1]}"')) == f"\n{REDACTED}"


@pytest.mark.parametrize(
    "text",
    [
        '"run.n.tasks.abcdefghijklmnopqrstuvwxyz"',
        '{"a":"\\u00e9t\\u00e9",  "b" : 1.50}',
        '"line\\nruns.abcdefghijklmnopqrstuvwxyz"',
        '"\\r.abcdefghijklmnopqrstuvwxyz"',  # a carriage return, not the letter r
        "[" * 100_000 + '"\\u0041',
        '"open \\u0041',
    ],
)
def test_json_without_a_token_keeps_every_character(text):
    assert redact_tokens_in_json(text) == text


@pytest.mark.parametrize("text", [f"{TOKENS[0]}", f'"open {TOKENS[0]}', f'"a" {TOKENS[0]} "b"'])
def test_tokens_are_replaced_also_in_what_is_no_json(text):
    assert redact_tokens_in_json(text) == text.replace(TOKENS[0], REDACTED)


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_stays_json_whatever_is_replaced(value):
    document = json.dumps({"a": value, "b": f"\n{TOKENS[0]}"})
    clean = json.loads(redact_tokens_in_json(document))

    assert clean["b"] == f"\n{REDACTED}"


PEM_START = "-----BEGIN PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("secret", "said", "counted"),
    [
        (SECRET, f"{SECRET} {SECRET}", 2),
        ("prod", "in production", 0),
        (f"{PEM_START}\n{SECRET}", PEM_START, 0),
    ],
)
def test_what_may_stand_there_by_chance_is_replaced_and_not_counted(secret, said, counted):
    in_text, in_bytes = Redactor([secret]), Redactor([secret])

    assert REDACTED in in_text.text(said)
    assert in_bytes.found_in(said.encode())
    assert (in_text.replaced.secrets, in_bytes.replaced.secrets) == (counted, min(counted, 1))
