"""A tool server for the MCP clients of an agent: its tools are those that the stage may call.

``python tool_server.py FOLDER [SERVER]``, as ``tools_server`` of the request has it; with the name
of one server, its tools alone. MCP on stdin and stdout, standard library only, in the agent's
sandbox. It makes no call and decides nothing: it writes what is asked for to the relay, as calls of
the contract, and hands back what became of them. The rules:

1. A tool has its own name where that is one, else that of its server before it.
2. Calls may be asked for side by side; they are made one after the other, where they are decided.
3. One such server at a time: another, beside it, would hear its answers.
"""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

PROTOCOL = "2025-06-18"
ASKS, TOLD, LISTED = "asks", "told", "tools.json"  # as the relay has them
_UNKNOWN_METHOD, _BAD_PARAMS = -32601, -32602


class ToolServer:
    """Speaks to one client."""

    def __init__(self, folder: Path, only: str | None) -> None:
        listed = json.loads((folder / LISTED).read_text())
        tools = [each for each in listed if only is None or each["server"] == only]
        names = [each["tool"] for each in tools]
        self._tools = {
            each["tool"]  # (1) its own name where that is one
            if names.count(each["tool"]) == 1
            else f"{each['server']}__{each['tool']}": each
            for each in tools
        }
        self._asks = os.open(folder / ASKS, os.O_WRONLY)
        self._numbers = itertools.count(1)
        self._waiting: dict[str, Any] = {}  # ids of requests, by ids of calls
        self._one = threading.Lock()
        threading.Thread(target=self._hear, args=(folder / TOLD,), daemon=True).start()

    def serve(self) -> None:
        """Answer until the client hangs up."""
        for line in sys.stdin:
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if isinstance(message, dict) and "method" in message and "id" in message:
                params = message.get("params")
                given = params if isinstance(params, dict) else {}
                self._answer(message["id"], message["method"], given)

    def _answer(self, number: Any, method: str, params: dict[str, Any]) -> None:
        if method == "initialize":
            version = params.get("protocolVersion")
            greeting = {
                "protocolVersion": version if isinstance(version, str) else PROTOCOL,
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "mandate", "version": "1"},
            }
            self._send({"id": number, "result": greeting})
        elif method == "ping":
            self._send({"id": number, "result": {}})
        elif method == "tools/list":
            tools = [_listed(name, tool) for name, tool in self._tools.items()]
            self._send({"id": number, "result": {"tools": tools}})
        elif method == "tools/call":
            self._call(number, params)
        else:
            error = {"code": _UNKNOWN_METHOD, "message": f"there is no {method} here"}
            self._send({"id": number, "error": error})

    def _call(self, number: Any, params: dict[str, Any]) -> None:
        tool = self._tools.get(str(params.get("name")))
        arguments = params.get("arguments") or {}
        if tool is None or not isinstance(arguments, dict):
            message = f"no such tool: {str(params.get('name'))[:80]}"
            self._send({"id": number, "error": {"code": _BAD_PARAMS, "message": message}})
            return
        call = f"mcp-{os.getpid()}-{next(self._numbers)}"
        self._waiting[call] = number
        said = {
            "type": "tool_call",
            "id": call,
            "server": tool["server"],
            "tool": tool["tool"],
            "arguments": arguments,
        }
        line = json.dumps(said, separators=(",", ":")).encode() + b"\n"
        while line:
            line = line[os.write(self._asks, line) :]

    def _hear(self, told: Path) -> None:
        with told.open() as lines:
            for line in lines:
                said = json.loads(line)
                number = self._waiting.pop(said["id"], None)
                if number is None:
                    continue
                is_ok = said["status"] == "ok"
                text = said["text"] if is_ok else f"{said['status']}: {said['text']}"
                content = [{"type": "text", "text": text}]
                self._send({"id": number, "result": {"content": content, "isError": not is_ok}})

    def _send(self, message: dict[str, Any]) -> None:
        with self._one:
            print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)  # noqa: T201 - MCP


def _listed(name: str, tool: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "description": tool.get("description", ""),
        "inputSchema": tool.get("input_schema") or {"type": "object"},
    }


def main() -> None:
    """Serve the tools that our arguments name."""
    folder = Path(sys.argv[1])
    lock = os.open(folder / LISTED, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # (3) one at a time
    except BlockingIOError:
        sys.exit("another tool server of this agent is at work: use that one")
    ToolServer(folder, sys.argv[2] if len(sys.argv) > 2 else None).serve()  # noqa: PLR2004


if __name__ == "__main__":
    main()
