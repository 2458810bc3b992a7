"""An installed distribution as the wheel that it came from: the files that its RECORD lists, each with the digest it says.

So a kit needs no network and no index, and holds what runs here, file for file. The archive around the files is another one than
the index's (other times, other compression), so its own digest differs; the digests in its RECORD are the same.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import re
import time
import zipfile
from importlib.metadata import Distribution
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ..errors import DicompressError, FileError

# What installers add: the first three say how it was installed here, and RECORD is written anew.
OF_INSTALLERS = ("INSTALLER", "REQUESTED", "direct_url.json", "RECORD", "RECORD.jws", "RECORD.p7s")
SCRIPTS = ("bin", "Scripts")  # folders of programs, on POSIX and Windows
EARLIEST, LATEST = 315532800, 4354819199  # that ZIP archives can tell: 1980 to 2107


class Member(NamedTuple):
    path: str  # in the wheel
    data: bytes
    executable: bool = False


def pack(package: Distribution, folder: Path) -> Path:
    """Write the wheel into `folder`. DicompressError if it is not installed as a wheel's files are, or was changed since."""
    info = _info(package)
    members = sorted(_members(package, info), key=lambda member: (member.path.startswith(info), member.path))
    record = io.StringIO()
    writer = csv.writer(record, lineterminator="\n")
    for member in members:
        writer.writerow((member.path, f"sha256={_digest(member.data)}", len(member.data)))
    writer.writerow((f"{info}/RECORD", "", ""))
    members.append(Member(f"{info}/RECORD", record.getvalue().encode()))
    path = folder / f"{info.removesuffix('.dist-info')}-{_tags(package)}.whl"
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member in members:
                entry = zipfile.ZipInfo(member.path, time.gmtime(_epoch())[:6])
                entry.external_attr = (0o100755 if member.executable else 0o100644) << 16
                archive.writestr(entry, member.data, zipfile.ZIP_DEFLATED)
    except OSError as error:
        raise FileError(f"cannot write {path}: {error.strerror}") from None
    return path


def _epoch() -> int:
    """Of all that is in the archive: SOURCE_DATE_EPOCH, if it is set."""
    try:
        return min(max(int(os.environ.get("SOURCE_DATE_EPOCH", EARLIEST)), EARLIEST), LATEST)
    except ValueError:
        raise DicompressError("SOURCE_DATE_EPOCH is no number of seconds") from None


def _info(package: Distribution) -> str:
    """The name of its .dist-info folder."""
    for path in package.files or []:
        if path.name == "METADATA" and path.parent.name.endswith(".dist-info"):
            return path.parent.name
    raise _not_packable(package, "no list of its files (RECORD) is installed, as with packages of systems")


def _members(package: Distribution, info: str) -> list[Member]:
    if "editable" in (package.read_text("direct_url.json") or ""):
        raise _not_packable(package, "it is installed in editable mode, without its own files")
    scripts = {point.name for point in package.entry_points if point.group in ("console_scripts", "gui_scripts")}
    found = []
    for path in package.files or []:
        if path.suffix == ".pyc" or (path.parent.name == info and path.name in OF_INSTALLERS):
            continue
        place = Path(os.path.normpath(str(path.locate())))
        name = str(PurePosixPath(*path.parts))
        if path.parts[0] == "..":
            folder, *rest = (part for part in path.parts if part != "..")
            if folder in SCRIPTS:
                if path.name.removesuffix(".exe") in scripts:
                    continue  # made from its entry points
                raise _not_packable(package, f"{place} was changed when it was installed")  # its first line names this Python
            name = "/".join((f"{info.removesuffix('.dist-info')}.data", "data", folder, *rest))
        try:
            data = place.read_bytes()
            executable = os.access(place, os.X_OK)
        except OSError as error:
            raise _not_packable(package, f"{place} cannot be read: {error.strerror}") from None
        if path.hash is None or path.hash.mode != "sha256" or path.hash.value != _digest(data):
            raise _not_packable(package, f"{place} is not what was installed")
        if name.endswith(".py") or name.startswith(info):
            executable = False
        found.append(Member(name, data, executable))
    return found


def _tags(package: Distribution) -> str:
    """As in the name of its wheel."""
    text = package.read_text("WHEEL") or ""
    tags = [tag.split("-") for tag in re.findall(r"^Tag: (\S+)$", text, re.MULTILINE)]
    if not tags or any(len(tag) != 3 for tag in tags):
        raise _not_packable(package, "it was not installed from a wheel")
    build = re.search(r"^Build: (\S+)$", text, re.MULTILINE)
    compressed = "-".join(".".join(dict.fromkeys(part)) for part in zip(*tags))
    return f"{build[1]}-{compressed}" if build else compressed


def _digest(data: bytes) -> str:
    """SHA-256, as RECORD has it."""
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _not_packable(package: Distribution, reason: str) -> DicompressError:
    version = f"{package.name}=={package.version}"
    how = "--wheel FILE names the wheel to take" if package.name == "dicompress" else f"pip install --force-reinstall {version}"
    return DicompressError(f"{version} cannot go into a kit: {reason}; {how}")
