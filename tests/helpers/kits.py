"""Kits, and dicompress's own wheel where it is installed in editable mode, which cannot be packed."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import dicompress

ROOT = Path(__file__).parents[2]
BUILT = (".pyc", "weights.bin")  # what no wheel has


def own_wheel(folder: Path) -> Path | None:
    """None if what is installed can be packed; else a wheel of the modules that run here, which is not built anew for that."""
    package = distribution("dicompress")
    if "editable" not in (package.read_text("direct_url.json") or ""):
        return None
    info, source = f"dicompress-{package.version}.dist-info", Path(dicompress.__file__).parent
    members = {f"dicompress/{path.relative_to(source).as_posix()}": path for path in source.rglob("*") if path.is_file()}
    members |= {f"dicompress/golden/{path.name}": path for path in (ROOT / "tests" / "golden").iterdir()}
    said = [f for f in package.files or [] if f.parent.name == info and f.name in ("METADATA", "WHEEL", "entry_points.txt")]
    members |= {f"{info}/{f.name}": Path(str(f.locate())) for f in said}
    members = {name: path for name, path in members.items() if not name.endswith(BUILT)}
    tag = next(line.split()[1] for line in (package.read_text("WHEEL") or "").splitlines() if line.startswith("Tag:"))
    wheel = folder / f"dicompress-{package.version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, path in members.items():
            archive.write(path, name)
        archive.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in (*members, f"{info}/RECORD")))
    return wheel


def without_network(*command, folder: Path) -> subprocess.CompletedProcess:
    """A program in an environment without settings of pip and with a proxy that is not there."""
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    names = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    environment = kept | nowhere | {"HOME": str(folder), "PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=300, env=environment, cwd=folder)


def fresh_environment(folder: Path) -> Path:
    """Its Python."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=300)
    return folder / ("Scripts" if os.name == "nt" else "bin") / "python"
