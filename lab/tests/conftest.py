"""The fixtures of dicompress's own tests, here too."""

from pathlib import Path
from runpy import run_path

SHARED = run_path(str(Path(__file__).parents[2] / "tests" / "conftest.py"))
globals().update({name: thing for name, thing in SHARED.items() if not name.startswith("__")})
