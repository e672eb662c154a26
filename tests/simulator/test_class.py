"""A class on one simulator: learners told apart, limited one by one, and seen by the teacher without their words."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as dial

from realtime_helpers import RealtimeSession, Settings
from realtime_helpers.audio.formats import silence
from realtime_helpers.errors import SessionError, WorkshopError
from realtime_helpers.settings import LEARNER_HEADER
from realtime_helpers.simulator import PACES, Config, Pace, Parts, Simulator
from realtime_helpers.simulator.classes import TEACHER_TOKEN_VARIABLE, classroom_of, limits_of, welcome
from realtime_helpers.simulator.learners import ClassLimits, Classroom, OneAtATime
from realtime_helpers.simulator.message import AUDIO_DELTA_MS
from realtime_helpers.simulator.parts import BuiltinEars
from realtime_helpers.simulator.shared_ears import SharedEars

from .desk import Desk

TOKEN = "teacher-of-the-class"
PATIENCE_S = 30.0


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def room(config: Config, clock: Clock) -> AsyncIterator[Simulator]:
    """A simulator for two learners with two sessions each."""
    config.clock = clock
    config.classroom = Classroom(ClassLimits(learners=2, sessions=2, requests_a_minute=3), TOKEN, clock)
    async with Simulator(config) as simulator:
        yield simulator


def enter(simulator: Simulator, name: str | None) -> dial:
    named = {} if name is None else {LEARNER_HEADER: quote(name, safe=" ")}
    url = simulator.base_url.replace("http", "ws", 1) + "/realtime?model=gpt-realtime-2.1-mini"
    return dial(url, additional_headers={"Authorization": "Bearer any", **named})


async def event(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_S):
        told: dict[str, Any] = orjson.loads(await socket.recv())
        return told


async def until(socket: ClientConnection, kind: str) -> dict[str, Any]:
    while (told := await event(socket))["type"] != kind:
        pass
    return told


async def ask(socket: ClientConnection, text: str) -> dict[str, Any]:
    """A typed turn with a text answer; its response."""
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    await socket.send(orjson.dumps({"type": "conversation.item.create", "item": item}).decode())
    wanted = {"type": "response.create", "response": {"output_modalities": ["text"]}}
    await socket.send(orjson.dumps(wanted).decode())
    response: dict[str, Any] = (await until(socket, "response.done"))["response"]
    return response


async def overview(simulator: Simulator, token: str = TOKEN) -> tuple[int, dict[str, Any]]:
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session,
        session.get(simulator.base_url.removesuffix("/v1") + "/class/figures") as answer,
    ):
        return answer.status, await answer.json()


async def until_shown(simulator: Simulator, **wanted: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not wanted.items() <= (await overview(simulator))[1].items():
            pass


def row_of(figures: dict[str, Any], name: str) -> dict[str, Any]:
    (row,) = (row for row in figures["learners"] if row["name"] == name)
    found: dict[str, Any] = row
    return found


# -- who is who ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "header"),
    [
        ({"REALTIME_LEARNER": "Ada Łoś", "JUPYTERHUB_USER": "ada"}, "Ada %C5%81o%C5%9B"),
        ({"JUPYTERHUB_USER": "ada"}, "ada"),
    ],
)
def test_the_environment_names_the_learner(environ: dict[str, str], header: str) -> None:
    assert Settings.from_environment(environ=environ).headers == {LEARNER_HEADER: header}


def test_no_real_service_is_told_a_name() -> None:
    environ = {"REALTIME_LEARNER": "Ada", "OPENAI_API_KEY": "k", "AZURE_OPENAI_ENDPOINT": "https://x.y",
               "AZURE_OPENAI_API_KEY": "k"}  # fmt: skip
    for backend in ("openai", "azure"):
        settings = Settings.from_environment(backend, environ=environ)  # type: ignore[arg-type]
        assert "Ada" not in str(settings.headers)
        assert not settings.learner
    assert Settings.from_environment(environ={}).headers == {}


async def test_the_teacher_sees_names_and_who_has_none(room: Simulator) -> None:
    async with enter(room, "Zoë\u202e Müller\n<b>"), enter(room, None):
        _, figures = await overview(room)
        assert [row["name"] for row in figures["learners"]] == ["somebody at 127.0.0.1", "Zoë Müller <b>"]
        assert {row["state"] for row in figures["learners"]} == {"connected"}
        assert (figures["here"], figures["sessions"], figures["seats"]) == (2, 2, 2)


async def test_a_session_of_ours_gives_the_name(room: Simulator) -> None:
    settings = replace(Settings.from_environment(simulator_url=room.base_url, environ={}), learner="Grace Hopper")

    def talk() -> None:
        with RealtimeSession(settings=settings) as session:
            session.start()
            session.send_text("Hello.")
            session.wait_for_answer(1)

    await asyncio.to_thread(talk)
    _, figures = await overview(room)
    row = row_of(figures, "Grace Hopper")
    assert row["responses"] == 1
    assert row["tokens"] > 100


# -- limits -------------------------------------------------------------------------------------------


async def test_a_learner_has_so_many_sessions_at_once_and_others_still_have_theirs(room: Simulator) -> None:
    async with AsyncExitStack() as stack:
        first, _ = [await stack.enter_async_context(enter(room, "Ada")) for _ in range(2)]
        third = await stack.enter_async_context(enter(room, "Ada"))
        error = (await event(third))["error"]
        assert error["code"] == "too_many_own_sessions"
        assert "Ada has 2 sessions open" in error["message"]
        assert "session.stop()" in error["message"]
        await third.wait_closed()
        assert third.close_code == 1013
        assert (await event(await stack.enter_async_context(enter(room, "Grace"))))["type"] == "session.created"
        _, figures = await overview(room)
        assert row_of(figures, "Ada")["limited"] == {"too_many_own_sessions": 1}
        assert row_of(figures, "Ada")["state"] == "limited"
        assert row_of(figures, "Grace")["limited"] == {}
        await first.close()
        await until_shown(room, sessions=2)
        assert (await event(await stack.enter_async_context(enter(room, "Ada"))))["type"] == "session.created"


async def test_a_full_class_says_so_and_a_seat_that_is_left_is_free(room: Simulator) -> None:
    async with enter(room, "Ada") as ada, enter(room, "Grace"):
        async with enter(room, "Joan") as joan:
            error = (await event(joan))["error"]
            assert error["code"] == "class_full"
            assert "has 2 learners, and all of them are here" in error["message"]
        assert (await overview(room))[1]["turned_away"] == 1
        await ada.close()
        await until_shown(room, here=1)
        async with enter(room, "Joan") as joan:
            assert (await event(joan))["type"] == "session.created"


async def test_a_learner_who_is_refused_reads_a_sentence(room: Simulator) -> None:
    settings = replace(Settings.from_environment(simulator_url=room.base_url, environ={}), learner="Joan")
    async with enter(room, "Ada"), enter(room, "Grace"):

        def come() -> None:
            with RealtimeSession(settings=settings) as session:
                session.start()
                session.wait_for(lambda now: now.turns)

        with pytest.raises(SessionError, match="Ask your teacher for a seat"):
            await asyncio.to_thread(come)


async def test_answers_a_minute_are_limited_for_each_learner(room: Simulator, clock: Clock) -> None:
    async with enter(room, "Ada") as ada, enter(room, "Grace") as grace:
        for _ in range(3):
            assert (await ask(ada, "Hello."))["status"] == "completed"
        clock.now_s += 20
        refused = await ask(ada, "Hello.")
        assert refused["status"] == "failed"
        error = refused["status_details"]["error"]
        assert error["code"] == "rate_limit_exceeded"
        assert "Wait 40 seconds" in error["message"]
        assert refused["usage"]["total_tokens"] == 0
        assert (await ask(grace, "Hello."))["status"] == "completed"
        _, figures = await overview(room)
        assert row_of(figures, "Ada")["limited"] == {"rate_limit_exceeded": 1}
        assert row_of(figures, "Ada")["errors"] == {"rate_limit_exceeded": 1}
        clock.now_s += 41
        assert (await ask(ada, "Hello."))["status"] == "completed"


async def test_http_requests_count_too(room: Simulator) -> None:
    headers = {"Authorization": "Bearer any", LEARNER_HEADER: "Ada"}
    body = {"model": "simulator", "messages": [{"role": "user", "content": "Hello."}]}
    async with aiohttp.ClientSession(headers=headers) as session:
        answers = [await session.post(f"{room.base_url}/chat/completions", json=body) for _ in range(4)]
        assert [answer.status for answer in answers] == [200, 200, 200, 429]
        assert (await answers[-1].json())["error"]["code"] == "rate_limit_exceeded"


def test_names_do_not_pile_up() -> None:
    clock = Clock()
    classroom = Classroom(ClassLimits(learners=2), TOKEN, clock)
    with classroom.seat(classroom.find("stays", None)):
        for number in range(1000):
            clock.now_s += 1
            with classroom.seat(classroom.find(f"name {number}", None)):
                pass
        names = [row["name"] for row in classroom.overview()["learners"]]
    assert "stays" in names
    assert len(names) <= 8
    assert len(Classroom(ClassLimits(1), TOKEN, clock).find("x" * 10_000, None).name) == 40


class SlowEars(BuiltinEars):
    """Hear when told to, and know how many they are asked by at once."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.asked: list[bytes] = []
        self.at_once = self.most = 0

    async def hear(self, pcm: bytes, language: str | None = None, prompt: str | None = None) -> str:
        self.asked.append(pcm)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await self.go.wait()
        finally:
            self.at_once -= 1
        return f"heard {pcm.decode()}"


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_one_learners_utterances_wait_for_each_other_and_for_nobody_else() -> None:
    ears = SlowEars()
    ada, grace = (Classroom(ClassLimits(2), TOKEN, Clock()).find(name, None) for name in ("Ada", "Grace"))
    work = [OneAtATime(ears, who).hear(sound, None, None) for who, sound in ((ada, b"1"), (ada, b"2"), (grace, b"3"))]
    hearing = asyncio.gather(*work)
    await settle()
    assert ears.asked == [b"1", b"3"]
    ears.go.set()
    assert await hearing == ["heard 1", "heard 2", "heard 3"]


async def test_only_so_many_recognisers_work_and_the_same_sound_is_heard_once() -> None:
    pool = [SlowEars(), SlowEars()]
    shared = SharedEars(pool)
    hearing = [asyncio.create_task(shared.hear(sound)) for sound in (b"1", b"1", b"2", b"3", b"4")]
    await settle()
    assert sum(ears.at_once for ears in pool) == 2
    hearing[0].cancel()  # somebody leaves; the other who said the same still waits for it
    for ears in pool:
        ears.go.set()
    assert await asyncio.gather(*hearing[1:]) == ["heard 1", "heard 2", "heard 3", "heard 4"]
    assert await shared.hear(b"1") == "heard 1"
    assert sorted(sound for ears in pool for sound in ears.asked) == [b"1", b"2", b"3", b"4"]
    assert max(ears.most for ears in pool) == 1


async def test_a_recogniser_that_fails_is_asked_again() -> None:
    class Failing(BuiltinEars):
        calls = 0

        async def hear(self, pcm: bytes, language: str | None = None, prompt: str | None = None) -> str:
            self.calls += 1
            if self.calls == 1:
                raise WorkshopError("It broke.", "Again.")
            return "words"

    shared = SharedEars([Failing()])
    with pytest.raises(WorkshopError):
        await shared.hear(b"1")
    assert await shared.hear(b"1") == "words"


# -- the overview -------------------------------------------------------------------------------------


async def test_only_the_teachers_token_opens_the_overview(room: Simulator) -> None:
    for token in ("any", TOKEN[:-1], "", "ünlesbar"):
        status, body = await overview(room, token.encode().decode("latin-1"))
        assert status == 401
        assert "learners" not in body
    assert (await overview(room))[0] == 200


async def test_the_page_loads_nothing_from_elsewhere_and_holds_no_figures(room: Simulator) -> None:
    root = room.base_url.removesuffix("/v1")
    async with aiohttp.ClientSession() as session, enter(room, "Ada"):
        for path in ("/class", "/class/page.js", "/class/page.css"):
            async with session.get(root + path) as answer:
                text = await answer.text()
                assert answer.status == 200
                assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
                assert "//" not in text.replace("// ", ""), "nothing external"
                assert "Ada" not in text
                assert TOKEN not in text


async def test_without_a_class_there_is_no_such_page(simulator: Simulator) -> None:
    assert (await overview(simulator))[0] == 404


async def test_nothing_that_is_said_reaches_the_overview(config: Config, clock: Clock) -> None:
    config.classroom = Classroom(ClassLimits(learners=1), TOKEN, clock)
    typed, spoken = "my pin is 4711", "my dog is called biscuit"
    pcm = silence(200) + config.parts.voice.engine.speak(spoken).pcm + silence(800)  # type: ignore[attr-defined]
    async with Simulator(config) as simulator, enter(simulator, "Ada") as socket:
        said = [orjson.dumps(await ask(socket, typed)).decode()]
        await socket.send('{"type": "conversation.item.delete", "item_id": "item_about_biscuit"}')
        audio = {"input": {"transcription": {"model": "gpt-transcribe"}}}
        update = {"type": "session.update", "session": {"type": "realtime", "audio": audio}}
        await socket.send(orjson.dumps(update).decode())
        append = {"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode()}
        await socket.send(orjson.dumps(append).decode())
        heard = await until(socket, "conversation.item.input_audio_transcription.completed")
        assert "biscuit" in heard["transcript"]
        done = await until(socket, "response.done")
        said += [part["transcript"] for item in done["response"]["output"] for part in item["content"]]
        _, figures = await overview(simulator)
    row = row_of(figures, "Ada")
    assert row["responses"] == 2
    assert row["errors"] == {"item_delete_invalid_item_id": 1}
    assert set(row) == {"name", "state", "open", "sessions", "minutes", "quiet_s", "responses", "tokens", "errors",
                        "limited"}  # fmt: skip
    shown = orjson.dumps(figures).decode().lower()
    for word in ("4711", "pin", "biscuit", "dog", heard["transcript"], *said):
        assert word.lower() not in shown


def test_no_token_is_repeated_where_it_is_known_and_none_is_in_a_repr() -> None:
    known = {TEACHER_TOKEN_VARIABLE: TOKEN}
    classroom = classroom_of(30, known)
    assert TOKEN not in repr(Config(classroom=classroom, pace=PACES["fast"]))
    assert TOKEN not in welcome(classroom, "http://127.0.0.1:8765/v1", "127.0.0.1", known)
    made_up = classroom_of(30, {})
    line = welcome(made_up, "http://127.0.0.1:8765/v1", "127.0.0.1", {"REALTIME_SIMULATOR_KEY": "swordfish-1"})
    assert f"http://127.0.0.1:8765/class#{made_up.teacher_token}" in line
    assert "swordfish" not in line
    assert "the same REALTIME_SIMULATOR_KEY" in line
    assert made_up.teacher_token != classroom_of(30, {}).teacher_token
    assert limits_of(made_up).sessions == 180
    with pytest.raises(WorkshopError, match="one could guess it"):
        classroom_of(30, {TEACHER_TOKEN_VARIABLE: "1234"})


# -- what keeps events in time ------------------------------------------------------------------------


async def test_a_delta_that_is_late_does_not_make_those_after_it_late(parts: Parts) -> None:
    desk = Desk(parts=parts, pace=replace(PACES["realtime"], before_item_ms=0, before_audio_ms=0))
    loop, came, over = asyncio.get_running_loop(), list[float](), asyncio.Event()

    def take(told: dict[str, Any]) -> None:
        if told["type"] == "response.output_audio.delta":
            came.append(loop.time())
            if len(came) == 3:
                time.sleep(0.8)  # the machine was busy with something else
        if told["type"] == "response.done":
            over.set()

    desk.session.send = take
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Tell me a long story."}]}
    await desk.say("conversation.item.create", item=item)
    await desk.say("response.create")
    async with asyncio.timeout(PATIENCE_S):
        await over.wait()
    await desk.close()
    due_s = (len(came) - 1) * AUDIO_DELTA_MS / 8 / 1000
    assert due_s > 1.5, "the story is long enough to catch up in"
    assert came[-1] - came[0] < due_s + 0.4


async def test_what_hearing_takes_is_part_of_the_wait_for_an_answer(parts: Parts) -> None:
    class OwnTime(BuiltinEars):
        async def hear(self, pcm: bytes, language: str | None = None, prompt: str | None = None) -> str:
            del pcm, language, prompt
            await asyncio.sleep(0.8)
            return "how are you today"

    pace = Pace(before_item_ms=1_000)
    desk = Desk(parts=replace(parts, ears=OwnTime()), pace=pace)
    loop, came, there = asyncio.get_running_loop(), dict[str, float](), asyncio.Event()

    def take(told: dict[str, Any]) -> None:
        came.setdefault(told["type"], loop.time())
        if told["type"] == "response.output_item.added":
            there.set()

    desk.session.send = take
    await desk.say("session.update", session={"type": "realtime", "audio": {"input": {"turn_detection": None}}})
    await desk.say("input_audio_buffer.append", audio=base64.b64encode(silence(600)).decode())
    await desk.say("input_audio_buffer.commit")
    await desk.say("response.create")
    async with asyncio.timeout(PATIENCE_S):
        await there.wait()
    await desk.close()
    assert 0.99 < came["response.output_item.added"] - came["response.created"] < 1.5


def test_a_code_that_somebody_else_made_up_is_not_shown() -> None:
    learner = Classroom(ClassLimits(1), TOKEN, Clock()).find("Ada", None)
    failed = {"status_details": {"error": {"code": "my-dog-is-called-biscuit"}}, "usage": None}
    learner.server_event({"type": "response.done", "response": failed})
    learner.server_event({"type": "error", "error": {"code": None}})
    assert learner.errors == {"other": 1, "none": 1}
