"""`/class`: the teacher's overview. The page holds no data; its figures are given to the teacher's token only."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from importlib.resources import files

import orjson
from aiohttp import web

from .admission import key_in
from .config import Config
from .http_doors import http_error
from .learners import Classroom
from .protocol_error import ProtocolError
from .realtime_door import learner_of

PATH = "/class"
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_FILES = {
    "": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}


def add_classroom(app: web.Application, classroom: Classroom) -> None:
    """Add the overview, and have every HTTP request counted for the learner who sends it."""

    def file(name: str, content_type: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        text = files(__package__).joinpath("classroom_page", name).read_text(encoding="utf-8")

        async def answer(_request: web.Request) -> web.Response:
            return web.Response(text=text, content_type=content_type, charset="utf-8", headers=_HEADERS)

        return answer

    async def figures(request: web.Request) -> web.Response:
        token = key_in(request.headers) or ""
        if not hmac.compare_digest(token.encode(errors="replace"), classroom.teacher_token.encode()):
            return http_error(401, ProtocolError("invalid_api_key", "This is not the teacher's token."))
        return web.Response(body=orjson.dumps(classroom.overview()), content_type="application/json", headers=_HEADERS)

    for path, (name, content_type) in _FILES.items():
        app.router.add_get(PATH + path, file(name, content_type))
    app.router.add_get(f"{PATH}/figures", figures)


def refusal_of_learner(request: web.Request, config: Config) -> ProtocolError | None:
    """Why this HTTP request of a learner must wait, if it must. Their key was accepted already."""
    learner = learner_of(request, config)
    return None if learner is None else learner.another_request()
