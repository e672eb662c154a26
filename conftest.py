"""Notebooks run in the kernel of `tests/notebooks/kernels`: a failure in the background fails the cell."""

from __future__ import annotations

import os
from pathlib import Path

from tests.kernels import use_own_ports

_KERNELS = Path(__file__).parent / "tests" / "notebooks"
os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [str(_KERNELS), os.environ.get("JUPYTER_PATH")]))
use_own_ports()
