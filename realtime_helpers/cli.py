"""The command line: `realtime-workshop demo | lab | reset | serve | doctor | ...`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from .errors import MissingPartError, WorkshopError
from .settings import SIMULATOR_KEY_VARIABLE, SIMULATOR_URL_VARIABLE

app = typer.Typer(
    help="Long voice conversations with the Realtime API, on a local simulator or for real.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


class BackendName(StrEnum):
    """Servers to talk to."""

    simulator = "simulator"
    openai = "openai"
    azure = "azure"


class PaceName(StrEnum):
    """How long the simulator takes."""

    fast = "fast"
    realtime = "realtime"


@contextmanager
def _errors_in_words() -> Iterator[None]:
    """Print an expected error as one sentence with its next step, and exit with 1."""
    try:
        yield
    except (WorkshopError, TimeoutError) as error:
        Console(stderr=True).print(Text(f"Error: {error}", "red"), soft_wrap=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


@app.command()
def demo(
    backend: Annotated[
        BackendName, typer.Option(help="Server to talk to; the real ones need a key and cost money.")
    ] = (BackendName.simulator),
    url: Annotated[str | None, typer.Option(help="Use the simulator that runs at this URL.")] = None,
    clips: Annotated[
        Path | None, typer.Option(help="Folder with 01.wav, 02.wav, … : the script in your voice.")
    ] = None,
    listen: Annotated[
        bool | None, typer.Option("--listen/--silent", help="Play through the speaker. Default: if there is one.")
    ] = None,
    output: Annotated[Path, typer.Option(help="Folder for the recording and the events.")] = Path("demo-output"),
    script: Annotated[
        bool, typer.Option("--script", help="Only print the lines, for recording them yourself.")
    ] = False,
) -> None:
    """Hold a whole spoken conversation, with a summary in the middle, and check it."""
    from .demo import ALL_LINES, DemoOptions, run_demo

    if script:
        for number, line in enumerate(ALL_LINES, start=1):
            Console().print(f"{number:02}.wav  {line.says}", highlight=False)
        raise typer.Exit

    with _errors_in_words():
        options = DemoOptions(backend.value, url, clips, listen, output)
        code = run_demo(options, Console())
    raise typer.Exit(code)


class Retention(StrEnum):
    """What becomes of older assistant audio."""

    documented = "documented"
    observed = "observed"


class LogLevel(StrEnum):
    """From which weight on things are logged."""

    debug = "debug"
    info = "info"
    warning = "warning"
    error = "error"


@app.command()
def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8765,
    learners: Annotated[
        int | None,
        typer.Option(
            "--class",
            min=1,
            max=500,
            metavar="N",
            show_default=False,
            help="Serve a class of N learners: limits for each, an overview for the teacher. See docs/serving.md.",
        ),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(
            show_default="127.0.0.1; with --class 0.0.0.0",
            help="Address to listen on; other than this machine's only with a key.",
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes behind the port. Not on Windows.")] = 1,
    pace: Annotated[
        PaceName, typer.Option(help="`realtime` imitates recorded latencies; `fast` waits for nothing.")
    ] = (PaceName.realtime),
    require_key: Annotated[
        bool, typer.Option(help=f"Accept only the API key in the environment variable {SIMULATOR_KEY_VARIABLE}.")
    ] = False,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate (PEM); then the URL is https://.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Private key of the certificate (PEM).")] = None,
    max_sessions: Annotated[
        int | None,
        typer.Option(
            min=1, show_default="500; with --class 6 a learner", help="Sessions open at once, in each process."
        ),
    ] = None,
    drain: Annotated[
        float, typer.Option(min=0, help="Seconds that open sessions may go on after a termination signal.")
    ] = 0,
    log_level: Annotated[
        LogLevel, typer.Option(help="What is logged, as JSON lines on standard error; never what is said.")
    ] = (LogLevel.warning),
    scenario: Annotated[
        str | None, typer.Option(help="What goes wrong on purpose: a name or a TOML file, see docs/faults.md.")
    ] = None,
    retention: Annotated[
        Retention, typer.Option(help="Older replies stay audio (documented) or only their text does (observed).")
    ] = (Retention.documented),
    session_seconds: Annotated[float, typer.Option(min=1, help="Life of a session; the service's is one hour.")] = 3600,
    seed: Annotated[
        int | None, typer.Option(help="Repeats stories, ids and latencies; with --pace fast, every byte.")
    ] = None,
    responder: Annotated[str, typer.Option(help="Who decides what to say: builtin or URL#MODEL.")] = "builtin",
    voice: Annotated[str, typer.Option(help="Who speaks: builtin, piper:PATH or URL#MODEL.")] = "builtin",
    ears: Annotated[str, typer.Option(help="Who hears: builtin, faster-whisper[:MODEL] or URL#MODEL.")] = "builtin",
    leash: Annotated[bool, typer.Option(hidden=True, help="Stop when standard input ends.")] = False,
) -> None:
    """Run the simulator. Prints `ready URL` once it accepts connections; Ctrl-C stops it."""
    with _errors_in_words():
        if learners is not None and workers > 1:
            raise WorkshopError(
                "A class is counted and limited in one process, which carries it (docs/serving.md).",
                "Leave --workers out.",
            )
        host = host or ("127.0.0.1" if learners is None else "0.0.0.0")
        key = _required_key() if require_key else _key_of_class(host) if learners is not None else None
        if workers > 1 and leash:
            raise WorkshopError("--leash holds one process only.", "Leave --workers out.")
        if workers > 1 and sys.platform == "win32":
            raise WorkshopError("Windows cannot fork workers.", "Leave --workers out: one process serves a class.")
        if (tls_cert is None) != (tls_key is None):
            raise WorkshopError("A certificate and its key go together.", "Give both --tls-cert and --tls-key.")
        try:
            from .simulator import PACES, Config, Limits, Parts, Simulator, classes, load_scenario, logs, server
            from .simulator.engines import choose_ears, choose_responder, choose_voice

            if workers > 1:
                from .simulator.workers import serve_workers
        except ModuleNotFoundError as error:
            raise MissingPartError(
                f"The simulator needs the package {error.name!r}, which is not installed.",
                "In the workshop's folder: pip install -e '.[simulator]'",
            ) from None
        server.check_exposure(host, key)
        logs.configure(log_level.value)
        tls = server.Tls(tls_cert, tls_key) if tls_cert and tls_key else None
        classroom = None if learners is None else classes.classroom_of(learners, os.environ)
        limits = Limits() if classroom is None else classes.limits_of(classroom)

        def config() -> Config:
            hearing = choose_ears(ears, at_once=1 if classroom is None else classes.RECOGNISERS)
            made = Config(
                parts=Parts(choose_responder(responder, seed or 0), choose_voice(voice), hearing),
                pace=PACES[pace.value], required_key=key,
                limits=limits if max_sessions is None else replace(limits, sessions=max_sessions),
                seed=seed, retention=retention.value, session_seconds=session_seconds, classroom=classroom,
            )  # fmt: skip
            if scenario is not None:
                made.scenario = load_scenario(scenario)
            if key is not None:
                made.signing_key = server.signing_key_from(key)
            return made

        def announce(url: str) -> None:
            print(f"ready {url}", flush=True)  # noqa: T201 - other programs read this line
            if classroom is not None:
                print(classes.welcome(classroom, url, host, os.environ), flush=True)  # noqa: T201

        if workers > 1:
            serve_workers(
                config, announce, workers=workers, host=host, port=port, tls=tls, drain_seconds=drain
            )  # fmt: skip
        else:
            server.serve(
                Simulator(config(), host=host, port=port, tls=tls), announce, drain_seconds=drain,
                leash=sys.stdin.fileno() if leash else None,
            )  # fmt: skip


def _key_of_class(host: str) -> str | None:
    """The key of a class: the one in the environment; only on this machine alone it may do without."""
    from .simulator.server import is_local

    if is_local(host):
        return os.environ.get(SIMULATOR_KEY_VARIABLE) or None
    if not os.environ.get(SIMULATOR_KEY_VARIABLE):
        raise WorkshopError(
            "A class comes over the network, and whoever reaches this machine could use the simulator without a key.",
            f"export {SIMULATOR_KEY_VARIABLE}=$(openssl rand -hex 16), which learners set too; or --host 127.0.0.1, "
            "where all work on this machine, as with JupyterHub.",
        )
    return _required_key()


def _required_key() -> str:
    key = os.environ.get(SIMULATOR_KEY_VARIABLE, "")
    if not key:
        raise WorkshopError(
            f"--require-key needs a key in the environment variable {SIMULATOR_KEY_VARIABLE}, which is not set.",
            f"Set it first: export {SIMULATOR_KEY_VARIABLE}=... (clients need the same).",
        )
    return key


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the simulator; 0 takes a free one.")] = 0,
    folder: Annotated[Path, typer.Option(help="Folder with the notebooks.")] = Path("notebooks"),
) -> None:
    """Open JupyterLab on the course, with a simulator already running. Other options go to JupyterLab."""
    from .demo.child import running_simulator

    with _errors_in_words():
        if not folder.is_dir():
            raise WorkshopError(f"There is no folder {folder}.", "Run this in the folder that holds notebooks/.")
        with running_simulator(port) as url:
            Console().print(f"simulator ready at {url}")
            environment = {**os.environ, SIMULATOR_URL_VARIABLE: url}
            command = [sys.executable, "-m", "jupyterlab", str(folder), *context.args]
            jupyter = subprocess.Popen(command, env=environment)
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is Jupyter's, which asks before it ends
            code = jupyter.wait()
    raise typer.Exit(code)


@app.command()
def reset(
    number: Annotated[str, typer.Argument(help="Of the notebook, such as 03.")],
    folder: Annotated[Path, typer.Option(help="Folder with your notebooks.")] = Path("notebooks"),
    pristine: Annotated[Path | None, typer.Option(help="Folder with untouched ones, where git does not know.")] = None,
) -> None:
    """Put a notebook back as the course has it; yours is kept beside it."""
    from .course.resetting import reset_notebook

    with _errors_in_words():
        if not folder.is_dir():
            raise WorkshopError(f"There is no folder {folder}.", "Run this in the folder that holds notebooks/.")
        path, kept = reset_notebook(number, folder, pristine)
    Console().print(f"{path} is as the course has it." + (f" Yours is {kept}." if kept else ""), highlight=False)


@app.command()
def doctor() -> None:
    """Show what works on this machine, and how to repair what does not."""
    from .doctor import examine

    report = examine()
    Console().print(report)
    raise typer.Exit(0 if report.is_fit else 1)


@app.command()
def scenarios(
    only: Annotated[str | None, typer.Option(help="Play this scenario and no other.")] = None,
    explain: Annotated[str | None, typer.Option(help="Play this scenario, and tell moment by moment.")] = None,
) -> None:
    """Play 24 things that go wrong to a naive algorithm and to this package, side by side."""
    from .experiments.scenarios import SCENARIOS, run_scenarios
    from .experiments.scenarios.show import explanation, last_line, results_table

    console = Console()
    with _errors_in_words():
        names = [name for name in (explain, only) if name] or [case.name for case in SCENARIOS]
        with console.status("") as status:
            results = run_scenarios(names, on_result=lambda result: status.update(result.case.what))
    console.print(explanation(results[0]) if explain else results_table(results))
    line = last_line(results)
    print(line)  # noqa: T201 - other programs read this line
    raise typer.Exit(0 if line.endswith(" ours_lost=0") else 1)


@contextmanager
def _laboratory() -> Iterator[None]:
    """Experiments run the simulator in this process."""
    with _errors_in_words():
        try:
            yield
        except ModuleNotFoundError as error:
            raise MissingPartError(
                f"Experiments need the package {error.name!r}, which is not installed.",
                "In the workshop's folder: pip install -e '.[simulator]'",
            ) from None


@app.command()
def soak(
    turns: Annotated[int, typer.Option(help="Length of the conversation.")] = 10_000,
    trigger: Annotated[int, typer.Option(help="Conversation tokens at which old turns are summarised.")] = 2_000,
    keep: Annotated[int, typer.Option(help="Newest turns that stay word for word.")] = 2,
) -> None:
    """Hold a very long conversation on the simulator, and check that nothing is lost and nothing grows."""
    with _laboratory():
        from .experiments.soak import SoakPlan, run_soak

        code = run_soak(SoakPlan(turns, trigger, keep), Console())
    raise typer.Exit(code)


@app.command()
def recall(
    trigger: Annotated[int, typer.Option(help="Conversation tokens at which each policy acts.")] = 2_000,
    keep: Annotated[int, typer.Option(help="Newest turns that stay word for word.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print plain data instead of a table.")] = False,
) -> None:
    """Plant ten facts, and compare what policies still know after 1, 2, 5 and 20 summaries, and at what cost."""
    with _laboratory():
        from .experiments.recall import MEANING, RecallPlan, recall_table, run_recall

        report = run_recall(RecallPlan(trigger_tokens=trigger, keep_turns=keep), Console(stderr=True))
    if as_json:
        Console().print_json(data=report.as_rows())
    else:
        Console().print(recall_table(report))
        Console().print(f"\n{MEANING}", highlight=False)
