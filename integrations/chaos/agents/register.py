"""The tool server of experiments: keeps what it is asked to, and obeys orders to stand or to lose.

``python register.py KEPT ORDERS``: each call becomes a line of its arguments in the file
``KEPT/<tool>``. An order is a file of ``ORDERS``, named after the run and the tool that a call is
of; see ``integrations.chaos.servers``. Speaks MCP. Standard library only.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

STANDS_S = 5.0
LOOK_EVERY_S = 0.02
FIELDS = {"run": {"type": "string"}, "objective": {"type": "string"}}
TOOLS = {
    "note": "notes that an objective is looked at; to note it twice is to note it once",
    "publish": "publishes an objective, for all to see",
}
GREETING = {
    "protocolVersion": "2025-06-18",
    "capabilities": {"tools": {}},
    "serverInfo": {"name": "register", "version": "1"},
}


def listed() -> list[dict[str, Any]]:
    """Return the tools, as MCP lists them."""
    schema = {"type": "object", "properties": FIELDS, "required": [*FIELDS]}
    return [
        {"name": name, "description": says, "inputSchema": schema} for name, says in TOOLS.items()
    ]


def keep(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Do what is asked, and say so, unless an order says otherwise."""
    kept, orders = map(Path, sys.argv[1:3])
    name = arguments["run"].replace("/", "~")
    order = taken(orders / f"{name}.{tool}")
    if order == "stand":
        stand(orders / f"{name}.{tool}.stands")
    with (kept / tool).open("a", encoding="utf-8") as file:
        file.write(json.dumps(arguments) + "\n")
    if order == "lose":
        sys.exit(1)  # it is done, and nobody hears of it
    return {"content": [{"type": "text", "text": f"{tool}: done"}]}


def taken(file: Path) -> str:
    """Take the order that there is, and return it."""
    try:
        what = file.read_text()
        file.unlink()
    except OSError:  # nothing is ordered
        return ""
    return what


def stand(file: Path) -> None:
    """Be seen to stand here, by a file that is open, and wait to be let go."""
    with file.open("w", encoding="utf-8"):
        end = time.monotonic() + STANDS_S
        while file.exists() and time.monotonic() < end:
            time.sleep(LOOK_EVERY_S)


def main() -> None:
    """Answer until the client hangs up."""
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message:
            continue
        method, params = message["method"], message.get("params", {})
        if method == "initialize":
            result: Any = GREETING
        elif method == "tools/call":
            result = keep(params["name"], params["arguments"])
        else:
            result = {"tools": listed()}
        said = {"jsonrpc": "2.0", "id": message["id"], "result": result}
        print(json.dumps(said), flush=True)  # noqa: T201 - MCP


if __name__ == "__main__":
    main()
