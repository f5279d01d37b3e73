"""What pages load besides: a style sheet, a script, an icon; nothing from elsewhere."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mandate.console.pages.frame import ICON_PATH, SCRIPT_PATH, STYLE_PATH
from mandate.console.pages.style import CONSOLE_STYLE

KEPT: Final = {"cache-control": "max-age=300"}


def asset_routes() -> list[Route]:
    """Return their addresses."""
    return [
        Route(STYLE_PATH, _style, methods=["GET"]),
        Route(SCRIPT_PATH, _script, methods=["GET"]),
        Route(ICON_PATH, _icon, methods=["GET"]),
    ]


async def _style(_request: Request) -> Response:
    return Response(CONSOLE_STYLE, media_type="text/css", headers=KEPT)


async def _script(_request: Request) -> Response:
    return Response(_read("console.js"), media_type="text/javascript", headers=KEPT)


async def _icon(_request: Request) -> Response:
    return Response(_read("icon.svg"), media_type="image/svg+xml", headers=KEPT)


@cache
def _read(name: str) -> str:
    return (files("mandate.console") / "static" / name).read_text("utf-8")
