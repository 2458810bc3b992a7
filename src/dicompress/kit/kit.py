"""The folder: whole, or not there."""

from __future__ import annotations

import os
import platform
import shutil
import sysconfig
import tempfile
import zipfile
from importlib.metadata import Distribution, distribution
from importlib.resources import files as resources
from pathlib import Path
from string import Template

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from ..disk.targets import PREFIX, SUFFIX, make_folder
from ..errors import DicompressError, FileError
from .installed import OURS, needed
from .materials import Wheels, bill, licences, sha256
from .wheel import pack

GOLDEN, WEIGHTS = f"{OURS}/golden/", f"{OURS}/models/pyramid/weights/"


def write(folder: Path, wheel: Path | None = None, extras: frozenset[str] = frozenset()) -> list[Path]:
    """The kit, into a folder that is not there yet or empty; its wheels. wheel: dicompress's own, if not what is installed.

    extras: of dicompress, in the kit as well. DicompressError if something that is needed is not installed or cannot be packed.
    """
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise FileError(f"the target {folder} exists; name a new folder")
        make_folder(folder.absolute().parent)
        with tempfile.TemporaryDirectory(prefix=PREFIX, suffix=SUFFIX, dir=folder.absolute().parent) as work:
            made = Path(work, "kit")
            wheels = _write(made, wheel, extras)
            os.replace(made, folder)
    except OSError as error:
        raise FileError(f"cannot write {folder}: {error.strerror}") from None
    return [folder / "wheels" / path.name for _, _, path in wheels.values()]


def _write(made: Path, wheel: Path | None, extras: frozenset[str]) -> Wheels:
    place = made / "wheels"
    place.mkdir(parents=True)
    wheels: Wheels = {}
    for name, (package, needs) in needed(extras).items():
        packed = _given(wheel, package, place) if name == OURS and wheel else pack(package, place)
        wheels[name] = package, needs, packed
    with zipfile.ZipFile(wheels[OURS][2]) as archive:
        _extract(archive, GOLDEN, made / "golden", "golden streams")
        _extract(archive, WEIGHTS, made / "weights", "cards of weights")
    shutil.copy(str(resources(__package__) / "check.py"), made / "check.py")
    (made / "sbom.cdx.json").write_text(bill(wheels, OURS), encoding="utf-8", newline="\n")
    (made / "README.md").write_text(_page(made, wheels, extras), encoding="utf-8", newline="\n")
    names = sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file())
    sums = "".join(f"{sha256(made / name)}  {name}\n" for name in names)
    (made / "SHA256SUMS").write_text(sums, encoding="utf-8", newline="\n")
    return wheels


def _given(wheel: Path, package: Distribution, place: Path) -> Path:
    """A copy. FileError if it is not the version that runs here, whose needs the kit has."""
    try:
        name, version, _, _ = parse_wheel_filename(wheel.name)
    except InvalidWheelFilename:
        raise FileError(f"{wheel} is no wheel by its name") from None
    if (name, str(version)) != (canonicalize_name(package.name), package.version):
        raise FileError(f"{wheel} is {name} {version}; the kit is of {package.name} {package.version}, which runs here")
    if not zipfile.is_zipfile(wheel):
        raise FileError(f"{wheel} is no wheel, or is not there")
    return Path(shutil.copy(wheel, place))


def _extract(archive: zipfile.ZipFile, prefix: str, folder: Path, what: str) -> None:
    names = [name for name in archive.namelist() if name.startswith(prefix) and not name.endswith("/")]
    if not names:
        raise DicompressError(f"{Path(str(archive.filename)).name} has no {what}: build it from a whole checkout")
    for name in names:
        path = folder / name.removeprefix(prefix)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(archive.read(name))


def _page(made: Path, wheels: Wheels, extras: frozenset[str]) -> str:
    rows = [f"| {p.name} | {p.version} | {', '.join(licences(p)) or 'not told'} | `{w.name}` |" for p, _, w in wheels.values()]
    text = Template((resources(__package__) / "page.md").read_text(encoding="utf-8"))
    return text.substitute(
        version=distribution(OURS).version,
        python=".".join(platform.python_version_tuple()[:2]),
        platform=sysconfig.get_platform(),
        requirement=f"'{OURS}[{','.join(sorted(extras))}]'" if extras else OURS,
        count=len(wheels),
        weights=", ".join(f"`{path.name}`" for path in sorted((made / "weights").iterdir())),
        packages="\n".join(("| package | version | licence | wheel |", "|---|---|---|---|", *rows)),
    )
