from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from realtime_helpers import AudioError
from realtime_helpers.audio.formats import silence
from realtime_helpers.audio.sources import Source
from realtime_helpers.session.outbox import Outbox

from .fake_browser import FakeBrowser, sound
from .test_speaker import in_virtual_time


async def take(chunks: AsyncIterator[bytes], count: int) -> list[int]:
    """The next chunks, each as the value of its samples."""
    return [int.from_bytes((await anext(chunks))[:2], "little") for _ in range(count)]


def hear(browser: FakeBrowser, sequence: int, *, stream: int = 1, value: int | None = None) -> None:
    browser.say("audio", sound(40, sequence + 1 if value is None else value), stream=stream, sequence=sequence)


async def listening(browser: FakeBrowser) -> AsyncIterator[bytes]:
    """Chunks of a microphone that a session listens to already."""
    chunks = browser.microphone.chunks()
    browser.show()
    first = asyncio.create_task(anext(chunks))
    await asyncio.sleep(0.1)
    assert browser.of_kind("want")[-1][0]["microphone"]
    hear(browser, 0, stream=0, value=99)
    assert (await first)[:2] == bytes([99, 0])
    return chunks


def test_it_is_a_source() -> None:
    assert isinstance(FakeBrowser().microphone, Source)


def test_chunks_come_in_order_and_once() -> None:
    async def play(browser: FakeBrowser) -> None:
        chunks = await listening(browser)
        for sequence in (0, 1, 3, 2, 2, 4):
            hear(browser, sequence)
        assert await take(chunks, 5) == [1, 2, 3, 4, 5]
        hear(browser, 0, stream=2, value=50)
        hear(browser, 1, stream=2, value=51)
        assert await take(chunks, 2) == [50, 51]
        assert (browser.microphone.missing_chunks, browser.microphone.duplicated_chunks) == (0, 1)

    in_virtual_time(play)


def test_what_is_lost_is_silent_and_counted() -> None:
    async def play(browser: FakeBrowser) -> None:
        chunks = await listening(browser)
        for sequence in (0, *range(2, 12)):
            hear(browser, sequence)
        assert await take(chunks, 4) == [1, 0, 3, 4]
        assert browser.microphone.missing_chunks == 1

    in_virtual_time(play)


def test_the_browsers_refusal_is_raised() -> None:
    async def play(browser: FakeBrowser) -> None:
        browser.show()
        waiting = asyncio.create_task(anext(browser.microphone.chunks()))
        await asyncio.sleep(1)
        browser.say("problem", part="sound", what="The browser was told not to.", next="Allow it.")
        with pytest.raises(AudioError, match=r"The browser was told not to\. Allow it\."):
            await waiting

    in_virtual_time(play)


def test_a_microphone_that_was_unplugged_is_told_and_may_come_back() -> None:
    async def play(browser: FakeBrowser) -> None:
        chunks = await listening(browser)
        browser.say("problem", part="sound", what="It was unplugged.", next="Plug it in, then press Start.")
        assert browser.problems == ["It was unplugged. Plug it in, then press Start."]
        assert b"".join([await anext(chunks) for _ in range(25)]) == silence(1000)
        hear(browser, 0, stream=2, value=7)
        assert await take(chunks, 1) == [7]

    in_virtual_time(play)


def test_a_widget_that_nobody_shows_is_not_waited_for() -> None:
    async def play(browser: FakeBrowser) -> None:
        with pytest.raises(AudioError, match="put `audio` in the last line of a cell"):
            await anext(browser.microphone.chunks())
        assert asyncio.get_running_loop().time() == pytest.approx(20, abs=1)

    in_virtual_time(play)


def test_a_microphone_of_a_closed_widget_is_refused_at_once() -> None:
    async def play(browser: FakeBrowser) -> None:
        waiting = asyncio.create_task(anext(browser.microphone.chunks()))
        await asyncio.sleep(1)
        browser.page.close()
        with pytest.raises(AudioError, match="was closed"):
            await waiting
        browser.show()
        with pytest.raises(AudioError, match="was closed"):
            await anext(browser.microphone.chunks())
        with pytest.raises(AudioError, match="was closed"):
            browser.speaker.open()
        assert asyncio.get_running_loop().time() < 2

    in_virtual_time(play)


def test_stop_ends_the_turn_with_silence_and_start_goes_on() -> None:
    async def play(browser: FakeBrowser) -> None:
        chunks = await listening(browser)
        hear(browser, 0)
        browser.say("stopped", by="user")
        assert await take(chunks, 1) == [1]
        assert b"".join([await anext(chunks) for _ in range(25)]) == silence(1000)
        browser.say("started")
        hear(browser, 0, stream=2, value=7)
        assert await take(chunks, 1) == [7]

    in_virtual_time(play)


def test_a_closed_page_is_told_and_a_new_one_goes_on() -> None:
    async def play(browser: FakeBrowser) -> None:
        chunks = await listening(browser)
        browser.say("bye")
        assert "Open it again" in browser.problems[0]
        assert b"".join([await anext(chunks) for _ in range(25)]) == silence(1000)
        browser.show("two")
        assert browser.sent[-1][0] == {"kind": "want", "page": "two", "microphone": True, "speaker": False}
        browser.say("audio", sound(40, 5), window="two", stream=1, sequence=0)
        assert await take(chunks, 1) == [5]

    in_virtual_time(play)


def test_closing_the_iterator_lets_the_microphone_go() -> None:
    async def play(browser: FakeBrowser) -> None:
        chunks = await listening(browser)
        with pytest.raises(AudioError, match="Another session"):
            await anext(browser.microphone.chunks())
        await chunks.aclose()  # type: ignore[attr-defined]
        assert not browser.of_kind("want")[-1][0]["microphone"]
        hear(browser, 1)
        again = browser.microphone.chunks()
        waiting = asyncio.create_task(anext(again))
        await asyncio.sleep(1)
        assert not waiting.done(), "what nobody listened to is not kept"
        waiting.cancel()

    in_virtual_time(play)


def test_what_a_blocked_kernel_held_up_is_all_sent() -> None:
    async def play(browser: FakeBrowser) -> None:
        chunks = await listening(browser)
        outbox = Outbox()
        sent: list[bytes] = []

        async def upload() -> None:  # as a session does
            async for chunk in chunks:
                if browser.microphone.is_live:
                    outbox.offer_audio(chunk)
                else:
                    await outbox.room()
                    outbox.queue_audio(chunk)

        async def transmit() -> None:
            while True:
                event = await outbox.take()
                assert isinstance(event, bytes)
                sent.append(event)
                await asyncio.sleep(0.001)

        tasks = [asyncio.create_task(upload()), asyncio.create_task(transmit())]
        for sequence in range(250):
            hear(browser, sequence)
        await asyncio.sleep(2)
        assert len(sent) == 250
        assert outbox.dropped_chunks == 0
        for task in tasks:
            task.cancel()

    in_virtual_time(play)


def test_the_users_stop_is_remembered_for_a_page_that_is_loaded_again() -> None:
    def welcomed(browser: FakeBrowser, window: str) -> bool:
        browser.say("bye", window=browser.of_kind("welcome")[-1][0]["page"])
        browser.show(window)
        stopped: bool = browser.of_kind("welcome")[-1][0]["stopped"]
        return stopped

    async def play(browser: FakeBrowser) -> None:
        chunks = await listening(browser)
        assert not welcomed(browser, "two")
        browser.say("stopped", window="two", by="user")
        browser.say("stopped", window="two", by="hidden")
        assert welcomed(browser, "three")
        browser.say("started", window="three")
        browser.say("stopped", window="three", by="hidden")
        assert not welcomed(browser, "four")
        browser.say("stopped", window="four", by="user")
        await chunks.aclose()  # type: ignore[attr-defined]
        assert welcomed(browser, "five")
        browser.speaker.open()
        assert not welcomed(browser, "six"), "another session"
        browser.speaker.close()

    in_virtual_time(play)
