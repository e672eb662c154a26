"""A notebook back as it was: what a learner made of it is kept beside it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ..errors import WorkshopError


def reset_notebook(number: str, folder: Path, pristine: Path | None = None) -> tuple[Path, Path | None]:
    """Put the notebook of this number back as the course has it.

    Args:
        number: Such as `03`; `3` will do.
        folder: Where the learner's notebooks are.
        pristine: A folder with untouched notebooks, as on a JupyterHub; without one, git knows how they were.

    Returns:
        The notebook, and where the learner's own was moved to: `None` when there was none, or it was untouched.

    Raises:
        WorkshopError: No such notebook, or nobody knows how it was.
    """
    originals = _from_folder(pristine) if pristine is not None else _from_git(folder)
    name = next((name for name in originals if name.startswith(f"{number:0>2}_")), None)
    if name is None:
        known = ", ".join(name[:2] for name in originals) or "none"
        raise WorkshopError(f"There is no notebook {number} to go back to.", f"Give one of these numbers: {known}.")
    original = (pristine / name).read_bytes() if pristine is not None else _git(folder, "show", f"HEAD:./{name}")
    path, kept = folder / name, None
    if path.exists() and path.read_bytes() != original:
        kept = next(free for copy in range(1, 1000) if not (free := folder / f"{path.stem}-mine-{copy}.ipynb").exists())
        path.rename(kept)
    path.write_bytes(original)
    return path, kept


def _from_folder(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("[0-9][0-9]_*.ipynb") if "-mine-" not in path.name)


def _from_git(folder: Path) -> list[str]:
    names = _git(folder, "ls-tree", "--name-only", "HEAD", "./").decode().splitlines()
    return sorted(name for name in names if name.endswith(".ipynb") and "-mine-" not in name)


def _git(folder: Path, *arguments: str) -> bytes:
    try:
        return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        raise WorkshopError(
            f"Nobody knows how the notebooks in {folder} were: it is no git checkout, or git is not installed.",
            "Name a folder with untouched ones: realtime-workshop reset 03 --pristine FOLDER",
        ) from None
