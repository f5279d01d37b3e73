"""A fake payment server that speaks MCP; what reached it stands in the file it is given.

``python payments.py FILE LOST``: the answer to payment ``LOST`` is never given, for the server ends
when it has paid. Standard library only.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

REFUND = {
    "name": "refund",
    "description": "pays an amount back to the customer of a payment",
    "inputSchema": {
        "type": "object",
        "properties": {"payment": {"type": "string"}, "amount": {"type": "integer"}},
        "required": ["payment", "amount"],
    },
}
GREETING = {
    "protocolVersion": "2025-06-18",
    "capabilities": {"tools": {}},
    "serverInfo": {"name": "payments", "version": "1"},
}


def pay(arguments: dict[str, Any]) -> dict[str, Any]:
    """Pay, and say so."""
    with Path(sys.argv[1]).open("a", encoding="utf-8") as paid:
        paid.write(json.dumps(arguments) + "\n")
    if arguments["payment"] == sys.argv[2]:
        sys.exit(1)  # it has paid, and nobody hears of it
    return {"content": [{"type": "text", "text": f"paid {arguments['amount']}"}]}


def main() -> None:
    """Answer until the client hangs up."""
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message:
            continue
        method = message["method"]
        if method == "initialize":
            result: Any = GREETING
        elif method == "tools/call":
            result = pay(message["params"]["arguments"])
        else:
            result = {"tools": [REFUND]}
        said = {"jsonrpc": "2.0", "id": message["id"], "result": result}
        print(json.dumps(said), flush=True)  # noqa: T201 - MCP


if __name__ == "__main__":
    main()
