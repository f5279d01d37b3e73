"""Asks two things and waits for the answers; says how far it is before each."""

import json
import sys


def say(kind, **fields):
    print(json.dumps({"type": kind, **fields}), flush=True)


request = json.loads(sys.stdin.readline())
answers = request["answers"]
for name in ("region", "size"):
    if name not in answers:
        say("checkpoint", data={"asked": name})
        say("question", id=name, text=f"Which {name}?")
        answers[name] = json.loads(sys.stdin.readline())["answer"]
say("result", status="ok", output=answers)
