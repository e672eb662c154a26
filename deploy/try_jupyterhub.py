"""Try `jupyterhub_config.py`: two learners log in, each runs a spoken turn in a kernel, the overview shows both.

python deploy/try_jupyterhub.py        needs jupyterhub, and configurable-http-proxy on the PATH
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import uuid
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiohttp
import orjson

CONFIG = Path(__file__).with_name("jupyterhub_config.py")
NAMES = ("ada", "grace")
PASSWORD, TOKEN = "for-this-trial-only", "teacher-of-this-trial"
PATIENCE_S = 120.0
TURN = """
import os
from realtime_helpers import RealtimeSession, SpeechSource
user = SpeechSource()
session = RealtimeSession()
session.start(source=user)
user.say("My dog is called Biscuit.")
turn = session.wait_for_answer(1).turns[-1]
print(os.environ["JUPYTERHUB_USER"], "said:", turn.user_text, "| files:", *sorted(os.listdir("notebooks"))[:1])
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def log_in(session: aiohttp.ClientSession, hub: str, name: str) -> str:
    """Log in as a browser does, and make a token for what follows."""
    async with session.get(f"{hub}/hub/login"):
        pass
    form = {"username": name, "password": PASSWORD, "_xsrf": xsrf(session)}
    async with session.post(f"{hub}/hub/login", data=form, allow_redirects=False) as answer:
        assert answer.status == 302, await answer.text()
    headers = {"X-XSRFToken": xsrf(session), "Referer": f"{hub}/hub/home"}
    async with session.get(f"{hub}/hub/token") as answer:
        assert answer.status == 200
    headers["X-XSRFToken"] = xsrf(session)
    async with session.post(f"{hub}/hub/api/users/{name}/tokens", headers=headers, json={}) as answer:
        assert answer.status == 201, await answer.text()
        return str((await answer.json())["token"])


def xsrf(session: aiohttp.ClientSession) -> str:
    cookies = [cookie for cookie in session.cookie_jar if cookie.key == "_xsrf"]
    return max(cookies, key=lambda cookie: len(cookie["path"])).value


async def run_turn(hub: str, name: str) -> str:
    """A learner's own server, a kernel on it, a spoken turn in it; the session stays open."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        token = await log_in(browser, hub, name)
    async with aiohttp.ClientSession(headers={"Authorization": f"token {token}"}) as session:
        async with session.post(f"{hub}/hub/api/users/{name}/server") as answer:
            assert answer.status in (201, 202), await answer.text()
        while True:
            async with session.get(f"{hub}/hub/api/users/{name}") as answer:
                if (await answer.json())["servers"].get("", {}).get("ready"):
                    break
            await asyncio.sleep(0.3)
        async with session.post(f"{hub}/user/{name}/api/kernels", json={"name": "python3"}) as answer:
            assert answer.status == 201, await answer.text()
            kernel = (await answer.json())["id"]
        async with session.ws_connect(f"{hub}/user/{name}/api/kernels/{kernel}/channels") as channel:
            return await execute(channel, TURN)


async def execute(channel: aiohttp.ClientWebSocketResponse, code: str) -> str:
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": "", "session": uuid.uuid4().hex,
              "version": "5.3"}  # fmt: skip
    content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
    message = {"channel": "shell", "header": header, "parent_header": {}, "metadata": {}, "content": content}
    await channel.send_str(orjson.dumps(message).decode())
    said = ""
    async for frame in channel:
        told: dict[str, Any] = orjson.loads(frame.data)
        if told["parent_header"].get("msg_id") != header["msg_id"]:
            continue
        if told["msg_type"] == "stream":
            said += told["content"]["text"]
        if told["msg_type"] == "error":
            raise AssertionError("\n".join(told["content"]["traceback"]))
        if told["msg_type"] == "status" and told["content"]["execution_state"] == "idle":
            return said.strip()
    raise AssertionError("The kernel hung up.")


async def overview(port: int) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"http://127.0.0.1:{port}/class/figures") as answer,
    ):
        assert answer.status == 200, await answer.text()
        figures: dict[str, Any] = await answer.json()
        return figures


async def wait_until_it_answers(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        while True:
            with suppress(aiohttp.ClientError):
                async with session.get(url) as answer:
                    if answer.status < 500:
                        return
            await asyncio.sleep(0.3)


async def trial(hub_port: int, simulator_port: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        hub = f"http://127.0.0.1:{hub_port}"
        await wait_until_it_answers(f"{hub}/hub/login")
        await wait_until_it_answers(f"http://127.0.0.1:{simulator_port}/health")
        for line in await asyncio.gather(*(run_turn(hub, name) for name in NAMES)):
            print(line)
        figures = await overview(simulator_port)
    for row in figures["learners"]:
        print(f"overview: {row['name']}: {row['state']}, {row['responses']} answers, {row['tokens']} tokens")
    assert [row["name"] for row in figures["learners"]] == list(NAMES)
    assert all(row["responses"] == 1 and row["state"] == "connected" for row in figures["learners"])


def main() -> None:
    hub_port, simulator_port = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "hub.log").open("w+", encoding="utf-8") as log:
        environment = os.environ | {
            "CLASS_PASSWORD": PASSWORD, "CLASS_FOLDER": f"{folder}/class", "CLASS_LEARNERS": "5",
            "CLASS_HUB_PORT": str(hub_port), "CLASS_SIMULATOR_PORT": str(simulator_port),
            "REALTIME_TEACHER_TOKEN": TOKEN,
        }  # fmt: skip
        command = [sys.executable, "-m", "jupyterhub", "-f", str(CONFIG), f"--JupyterHub.hub_port={free_port()}",
                   f"--ConfigurableHTTPProxy.api_url=http://127.0.0.1:{free_port()}"]  # fmt: skip
        hub = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
        try:
            asyncio.run(trial(hub_port, simulator_port))
        except BaseException:
            log.seek(0)
            print(log.read()[-6000:], file=sys.stderr)
            raise
        finally:
            hub.terminate()
            hub.wait(30)
        log.seek(0)
        said = log.read()
        assert not any(secret in said for secret in (PASSWORD, TOKEN)), "a secret is in the hub's log"
    print("tried with", *(f"{name} {version(name)}" for name in ("jupyterhub", "jupyterlab", "ipykernel")))


if __name__ == "__main__":
    main()
