"""Browsers on other origins may call the HTTP endpoints, as they may call the service's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Expose-Headers": "Location",
}
_ALWAYS_ALLOWED = ("Authorization", "Content-Type")  # "*" would not cover Authorization


@web.middleware
async def cors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer preflights, and mark every other answer."""
    if request.method == "OPTIONS":
        asked = [name.strip() for name in request.headers.get("Access-Control-Request-Headers", "").split(",")]
        allowed = dict.fromkeys([*_ALWAYS_ALLOWED, *filter(None, asked)])
        headers = {**_HEADERS, "Access-Control-Allow-Headers": ", ".join(allowed), "Access-Control-Max-Age": "600"}
        return web.Response(status=204, headers=headers)
    response = await handler(request)
    if not response.prepared:
        response.headers.update(_HEADERS)
    return response
