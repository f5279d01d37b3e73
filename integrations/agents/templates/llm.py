"""llm: asks a language model, within a budget, and holds its answer to a schema.

Input: ``workspace`` (absolute; the engine sets it) and what the template declares. Secret:
``LLM_API_KEY``, where the endpoint wants one. Output: ``answer`` (text, or what the schema says),
``model`` as the server names it, ``calls``, ``tokens_in``, ``tokens_out``, ``cost``, ``estimated``,
and ``tools``, how many it was let ask for, where its stage has any.
Artifacts: of PLAN ``request.json`` and ``prompt.md``, of EXECUTE ``conversation.json`` and
``answer.txt`` or ``answer.json``.

1. PLAN puts down the very request, with model, temperature and all messages; EXECUTE sends that.
2. No call begins that could break a budget: what it may cost at most is known before.
3. An answer that does not fit the schema is sent back with what is wrong with it, ``repairs``
   times; then the stage fails. An answer that was cut short never counts.
4. What the model says is data: it decides nothing here, and a pipeline acts on it behind a
   condition or a gate. A tool that it asks for is asked for at the engine, where table and people
   decide, ``tool_rounds`` times; what became of it is what the model hears.
5. Arguments of tools are not kept in the conversation: an operator may have hidden some. They stand
   on the ledger, with seals for those.
"""

from __future__ import annotations

import json
import re
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

from chat import CHARACTERS_A_TOKEN, Completion, Endpoint
from contract import asked, below, choice, finish, give_up, leave, leave_json, workspace
from json_schema import PROBLEMS_MAX, problems, unknown_words
from model_tools.offered import ToolsOffered

PROMPT_CHARACTERS_MAX = 1 << 20
TEXT_MAX = 16_384  # characters of an answer in the output; the artifact has all of it
REPAIRS_MAX = 5
TOOL_ROUNDS_MAX = 200
MILLION = 1_000_000
UNKEPT = "{}"  # in the place of arguments
FORMATS = ("json_schema", "json_object", "none")
_FENCED = re.compile(r"\A\s*```[a-z]*\n(.*)\n```\s*\Z", re.DOTALL)


def main() -> None:
    """Answer one request."""
    request = asked()
    given, prior = request["input"], request["prior"]
    if request["phase"] == "PLAN":
        body = body_of(given, prior)
        leave_json("request.json", {"endpoint": given.get("endpoint"), "body": body})
        texts = (f"## {each['role']}\n\n{each['content']}\n" for each in body["messages"])
        leave("prompt.md", "text/markdown", "\n".join(texts))
        tokens = estimate(body["messages"])
        finish(f"about {tokens} tokens for {body['model']}", {"tokens_estimated": tokens})
    planned = prior.get("request.json")
    # At T3 and above no earlier phase is heard; the inputs, which were approved, say the same.
    sent = json.loads(Path(planned["path"]).read_bytes())["body"] if planned else None
    Talk(request, sent or body_of(given, prior)).ask()


class Talk:
    """What is sent and answered until there is an answer that counts."""

    def __init__(self, request: dict[str, Any], body: dict[str, Any]) -> None:
        given = request["input"]
        key = request["secrets"].get("LLM_API_KEY", "")
        self.endpoint = Endpoint(str(given.get("endpoint")), key, request["deadline"])
        self.given = given
        self.body = body
        self.schema = schema_of(given)
        self.calls: list[Completion] = []
        self.offered = ToolsOffered(request.get("tools") or [])
        self.called = 0
        if self.offered:
            body["tools"] = self.offered.described()

    def ask(self) -> None:
        """Ask until the answer fits (3), and say the result."""
        messages = self.body["messages"]
        for _ in range(1 + min(max(0, self.given.get("repairs", 2)), REPAIRS_MAX)):
            said = self.answered()
            messages.append({"role": "assistant", "content": said.text})
            if said.end != "stop":
                self.fail(f"the answer is not whole: the server ended it with {said.end!r}")
            value, wrong = self.judge(said.text)
            if not wrong:
                self.deliver(value)
            messages.append({"role": "user", "content": correction(wrong)})
        self.fail(f"no answer fits the schema: {wrong[0]}")

    def answered(self) -> Completion:
        """Return the next answer, once the model asks for no more tools (4)."""
        rounds = min(max(0, self.given.get("tool_rounds", 20)), TOOL_ROUNDS_MAX)
        while True:
            self.refuse_cost()
            said = self.endpoint.complete(self.body)
            self.calls.append(said)
            if not (self.offered and said.tools):
                return said
            if rounds == 0:
                self.fail("it asks for tools again and again: tool_rounds is used up")
            rounds -= 1
            self.call(said)

    def call(self, said: Completion) -> None:
        """Ask for each tool, and tell the model what became of it (4)."""
        asked = [
            {
                "id": each.id or f"c{place}",
                "type": "function",
                "function": {"name": each.name, "arguments": each.arguments},
            }
            for place, each in enumerate(said.tools)
        ]
        told: dict[str, Any] = {"role": "assistant", "content": said.text, "tool_calls": asked}
        self.body["messages"].append(told)
        for each, named in zip(said.tools, asked, strict=True):
            self.called += 1
            became = self.offered.call(each.name, each.arguments, said.text)
            self.body["messages"].append(
                {"role": "tool", "tool_call_id": named["id"], "content": became}
            )

    def judge(self, text: str) -> tuple[Any, list[str]]:
        """Return the answer, and what is wrong with it."""
        if self.schema is None:
            return text, []
        fenced = _FENCED.match(text)
        try:
            value = json.loads(fenced[1] if fenced else text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            return None, [f"it is not JSON: {error}"]
        return value, list(islice(problems(value, self.schema), PROBLEMS_MAX))

    def refuse_cost(self) -> None:
        """Refuse a call that could break a budget (2)."""
        sent = [*self.body["messages"], *self.body.get("tools", ())]
        most_in, most_out = estimate(sent), self.body["max_tokens"]
        budget = self.given.get("token_budget")
        tokens = sum(each.tokens_in + each.tokens_out for each in self.calls) + most_in + most_out
        if budget is not None and tokens > budget:
            self.fail(
                f"another call could take {tokens} tokens in all, and token_budget is {budget}"
            )
        cost_budget = self.given.get("cost_budget")
        cost = self.cost() + self.price(most_in, most_out)
        if cost_budget is not None and cost > cost_budget:
            self.fail(
                f"another call could cost {cost:.4f} in all, and cost_budget is {cost_budget}"
            )

    def price(self, tokens_in: int, tokens_out: int) -> float:
        """Return what so many tokens cost."""
        per_in, per_out = (float(self.given.get(f"price_{way}") or 0) for way in ("in", "out"))
        return (tokens_in * per_in + tokens_out * per_out) / MILLION

    def cost(self) -> float:
        """Return what all calls have cost."""
        return sum(self.price(each.tokens_in, each.tokens_out) for each in self.calls)

    def account(self) -> dict[str, Any]:
        """Leave the conversation; return what it took."""
        leave_json("conversation.json", {**self.body, "messages": self.kept()})
        return {
            "model": self.calls[-1].model if self.calls else self.body["model"],
            "calls": len(self.calls),
            "tokens_in": sum(each.tokens_in for each in self.calls),
            "tokens_out": sum(each.tokens_out for each in self.calls),
            "cost": round(self.cost(), 6),
            "estimated": any(each.estimated for each in self.calls),
            **({"tools": self.called} if self.offered else {}),
        }

    def kept(self) -> list[dict[str, Any]]:
        """Return the messages without arguments of tools, some of which may be hidden (5)."""
        kept: list[dict[str, Any]] = json.loads(json.dumps(self.body["messages"]))
        for call in (each for message in kept for each in message.get("tool_calls", ())):
            call["function"]["arguments"] = UNKEPT
        return kept

    def deliver(self, value: Any) -> None:
        """End with an answer."""
        account = self.account()
        if self.schema is None:
            leave("answer.txt", "text/plain", value)
            value = value[:TEXT_MAX]
        else:
            leave_json("answer.json", value)
        tokens = account["tokens_in"] + account["tokens_out"]
        finish(f"{account['calls']} calls, {tokens} tokens", {"answer": value, **account})

    def fail(self, why: str) -> NoReturn:
        """End without one."""
        finish(why, self.account(), status="failed")


def body_of(given: dict[str, Any], prior: dict[str, Any]) -> dict[str, Any]:
    """Return the request that is sent (1)."""
    for name in ("endpoint", "model"):
        if not given.get(name):
            give_up(f"input `{name}` is missing")
    schema = schema_of(given)
    messages = [{"role": "user", "content": prompt_of(given, prior)}]
    if given.get("system"):
        messages.insert(0, {"role": "system", "content": given["system"]})
    body = {
        "model": given["model"],
        "temperature": given.get("temperature", 0),
        "max_tokens": given.get("max_tokens", 1024),
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    kind = choice(given, "response_format", FORMATS)
    if schema is not None and kind == "json_schema":
        named = {"name": "answer", "strict": True, "schema": schema}
        body["response_format"] = {"type": kind, "json_schema": named}
    elif schema is not None and kind == "json_object":
        body["response_format"] = {"type": kind}
    if schema is not None and kind != "json_schema":
        messages[-1]["content"] += (
            f"\n\nAnswer with JSON of this schema only:\n{json.dumps(schema)}"
        )
    return body


def prompt_of(given: dict[str, Any], prior: dict[str, Any]) -> str:
    """Return the words of the pipeline, a file of the workspace, and what earlier stages left."""
    parts = [given.get("prompt") or ""]
    if given.get("prompt_file"):
        parts.append(text_of(workspace(given) / below(given, "prompt_file"), "prompt_file"))
    for name in filter(None, re.split(r"[\s,]+", given.get("attach") or "")):
        if name not in prior:
            give_up(f"input `attach`: no earlier stage hands over {name!r}")
        parts.append(
            f'<output name="{name}">\n{text_of(Path(prior[name]["path"]), name)}\n</output>'
        )
    prompt = "\n\n".join(filter(None, parts))
    if not prompt or len(prompt) > PROMPT_CHARACTERS_MAX:
        give_up(f"the prompt has {len(prompt)} characters: give 1 to {PROMPT_CHARACTERS_MAX}")
    return prompt


def schema_of(given: dict[str, Any]) -> dict[str, Any] | None:
    """Return the schema that answers are held to."""
    text = given.get("schema") or ""
    if given.get("schema_file"):
        text = text_of(workspace(given) / below(given, "schema_file"), "schema_file")
    if not text:
        return None
    try:
        schema = json.loads(text)
    except ValueError as error:
        give_up(f"the schema is not JSON: {error}")
    unknown = list(islice(unknown_words(schema), PROBLEMS_MAX))
    if unknown or not isinstance(schema, dict):
        give_up(f"the schema is not understood: {', '.join(unknown) or 'it is no object'}")
    return schema


def text_of(file: Path, name: str) -> str:
    """Return what a file says."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        give_up(f"{name} cannot be read: {error}")


def estimate(messages: list[dict[str, Any]]) -> int:
    """Return about how many tokens these are, rather too many."""
    return len(json.dumps(messages, ensure_ascii=False)) // CHARACTERS_A_TOKEN + 1


def correction(wrong: list[str]) -> str:
    """Return what the model is told of its answer (3)."""
    listed = "\n".join(f"- {each}" for each in wrong)
    return f"That answer does not fit:\n{listed}\nAnswer with the corrected JSON only."


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


if __name__ == "__main__":
    main()
