"""An agent that pays refunds, as it is told, and tries whatever was not paid once more.

It has no network and no key of the payment server: it asks, and hears what became of it.
"""

from __future__ import annotations

import json
import sys
from typing import Any


def say(kind: str, **fields: Any) -> None:
    """Write one message."""
    print(json.dumps({"type": kind, **fields}), flush=True)  # noqa: T201 - the contract


def main() -> None:
    """Pay every order of the request."""
    request = json.loads(sys.stdin.readline())
    if request["v"] != 1:
        sys.exit(78)
    told = []
    for number, order in enumerate(json.loads(request["input"]["orders"]), start=1):
        arguments = {"payment": order["payment"], "amount": order["amount"]}
        named = {"server": "pay", "tool": "refund", "arguments": arguments}
        say("tool_call", id=f"c{number}", why=order["why"], **named)
        answer = json.loads(sys.stdin.readline())
        told.append({"status": answer["status"], "text": answer["text"]})
        say("progress", message=f"refund of {order['amount']}: {answer['status']}")
    say("result", status="ok", summary="all orders were seen to", output={"told": told})


if __name__ == "__main__":
    main()
