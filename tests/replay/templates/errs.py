"""Errs until its plan is clarified."""

import json
import sys
import time


def say(kind, **fields):
    print(json.dumps({"type": kind, **fields}), flush=True)


request = json.loads(sys.stdin.readline())
clarification = request["clarification"]
is_hopeless = clarification is None or request["input"].get("hopeless")
if request["phase"] == "EXECUTE" and is_hopeless:
    say("error", message="it went wrong")
    time.sleep(60)
say("result", status="ok", output={"clarified": clarification["number"] if clarification else 0})
