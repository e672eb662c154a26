"""Rules of the house that no single room can keep: floors, lists that must agree, what may be committed."""

from __future__ import annotations

import ast
import inspect
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import realtime_helpers

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "realtime_helpers"

# design, floors: each room imports only what is on a lower floor (or beside it, where named)
FLOORS = {
    "errors": 0, "settings": 0, "runtime": 0, "tables": 0,
    "protocol": 1, "audio.formats": 1, "audio.g711": 1, "audio.resampling": 1, "speech": 1,
    "simulator": 2,  # beside the house: floors 0 and 1 only
    "conversation": 2,
    "options": 2,
    "memory": 3, "audio": 3, "tools": 3, "tracing": 3, "telemetry": 3, "backends": 3,
    "session": 4,
    "experiments": 5, "plots": 5,
    "widgets": 6, "course": 6, "audio_choice": 6, "demo": 6, "doctor": 6, "cli": 6, "__main__": 6,
}  # fmt: skip
SIMULATOR_DOORS = {"backends", "cli", "experiments"}


def room_of(module: str) -> str:
    parts = module.split(".")
    return ".".join(parts[:2]) if ".".join(parts[:2]) in FLOORS else parts[0]


def imports() -> list[tuple[str, str]]:
    """Pairs of (importing module, imported module) inside the package."""
    found = []
    for file in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(file.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        if module == "__init__":
            continue
        package = module if file.name == "__init__.py" else module.rpartition(".")[0]
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                parts = package.split(".") if package else []
                base = parts[: len(parts) - node.level + 1]
                names = [node.module] if node.module else [alias.name for alias in node.names]
                found += [(module, ".".join([*base, name])) for name in names]
    return found


def test_there_is_something_to_check() -> None:
    assert len(imports()) > 100


@pytest.mark.parametrize(("importer", "imported"), sorted({(a, b) for a, b in imports() if room_of(a) != room_of(b)}))
def test_a_room_imports_only_what_is_below_it(importer: str, imported: str) -> None:
    above, below = room_of(importer), room_of(imported)
    if below == "simulator":
        assert above in SIMULATOR_DOORS, "only these doors may know the simulator"
    else:
        assert FLOORS[below] <= FLOORS[above]
        if above == "simulator":
            assert FLOORS[below] <= 1


def test_the_pure_rooms_touch_neither_loop_nor_socket_nor_clock() -> None:
    for room in ("conversation", "protocol"):
        for file in (PACKAGE / room).glob("*.py"):
            names = {
                alias.name.split(".")[0]
                for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
                if isinstance(node, ast.Import)
                for alias in node.names
            }
            assert not names & {"asyncio", "socket", "time", "threading", "websockets", "aiohttp"}, file


def test_public_names_are_exactly_those_announced() -> None:
    announced = realtime_helpers.__all__
    assert announced == sorted(announced, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    for name in announced:
        value = getattr(realtime_helpers, name)
        assert value.__doc__ or (not inspect.isroutine(value) and not inspect.isclass(value)), name


def cpu_seconds_to_import(name: str, cache: Path, absent: tuple[str, ...] = ()) -> float:
    """The least of three, once its bytecode is there, as on every machine that has run it once."""
    code = f"""
import sys, time
for name in {absent!r}:
    sys.modules[name] = None  # importing it now fails
start = time.process_time()  # other people's work on this machine is not ours
import {name}
print(time.process_time() - start)
"""
    command = [sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(cache), "PYTHONDONTWRITEBYTECODE": ""}
    runs = [
        subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8", check=True, cwd=ROOT)
        for _ in range(4)
    ]
    return min(float(run.stdout) for run in runs[1:])


def test_importing_is_quick_and_needs_no_sound_plot_or_widget_library(tmp_path: Path) -> None:
    absent = ("sounddevice", "matplotlib", "ipywidgets", "IPython", "aiohttp", "openai", "pydantic")
    ours = cpu_seconds_to_import("realtime_helpers", tmp_path, absent)
    assert ours < cpu_seconds_to_import("openai", tmp_path) * 0.4  # a yardstick that slows down with the machine


def requirements(lines: list[str]) -> set[str]:
    return {re.sub(r"\s*;.*", "", line).strip() for line in lines}


def test_environment_yml_and_pyproject_list_the_same_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["simulator"], *extras["audio"], *extras["lab"]]
    wanted = [line for line in wanted if "python_version == '3.12'" not in line]  # environment.yml is Python 3.11

    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert "python=3.11" in environment["dependencies"]
    listed = next(entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    listed = [line for line in listed if not line.startswith("-")]
    assert requirements(listed) == requirements(wanted)
    for package in ("jupyter", "ipywidgets", "nest-asyncio", "sounddevice", "openai", "websockets"):
        assert any(line.startswith(package) for line in listed)


def test_constraints_name_exact_versions_and_no_host() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) > 50
    for line in lines:
        assert re.fullmatch(r"[\w.-]+==[\w.+!]+( ; .+)?", line), line


def tracked_files() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False
    )
    if listing.returncode:
        pytest.skip("not a git checkout: clone the repository to run this test")
    return [ROOT / name for name in listing.stdout.splitlines()]


def test_no_committed_file_holds_a_key_or_a_path_of_somebodys_machine() -> None:
    files = tracked_files()
    assert len(files) > 50
    for file in files:
        if file.suffix in {".py", ".md", ".toml", ".yml", ".ipynb", ".txt", ""} and file.is_file():
            text = file.read_text(encoding="utf-8")
            assert not re.search(r"sk-[A-Za-z0-9_-]{20,}", text), file
            assert not re.search(r"(?<![\w.~-])/(?:work|root|home|Users)/\w", text), file
