"""Suggests one thing, and is for it: what a gate that decides suggestions hears of either."""

import json
import sys

request = json.loads(sys.stdin.readline())
name = "settle-note-0123456789ab"
opinion = {"suggestion": name, "decision": "approve", "confidence": 0.9, "rationale": "do it"}
risk = request["input"].get("risk", "low")
output = {"suggestions": [{"id": name, "risk": risk, "trial": "none"}], "opinions": [opinion]}
print(json.dumps({"type": "result", "status": "ok", "output": output}), flush=True)
