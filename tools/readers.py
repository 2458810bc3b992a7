"""Which tools read the elements of compressed files: tries those that are installed; prints the table of docs/conformance.md.

    apt-get install dcmtk orthanc libgdcm-tools dcm2niix; pip install SimpleITK pynetdicom
    npm install dcmjs dicom-parser && NODE_PATH=node_modules python tools/readers.py

Each tool gets the originals first: one that does not take them is told as such. Servers run in a temporary folder, on free
ports of 127.0.0.1.
"""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pydicom
from pydicom.data import get_testdata_file

import dicompress.pydicom  # noqa: F401
from dicompress.dicom import DICOMPRESS, compress_file
from dicompress.dicom.syntax import JPEG, JPEG_XL_JPEG

HOST = "127.0.0.1"
FILES = {"CT": "CT_small.dcm", "CT of two frames": "eCT_Supplemental.dcm", "JPEG XL of JPEG": "SC_rgb_jpeg_dcmtk.dcm"}
SYSTEM = ("/usr/bin", "/usr/sbin", "/usr/local/bin", "/opt/homebrew/bin")  # first, as Python packages bring some of the names
DCMJS = """const {DicomMessage, DicomMetaDictionary} = require('dcmjs').data, file = require('fs').readFileSync(process.argv[1]);
const found = DicomMessage.readFile(file.buffer.slice(file.byteOffset, file.byteOffset + file.length));
console.log('Rows', DicomMetaDictionary.naturalizeDataset(found.dict).Rows)"""
DICOM_PARSER = """const found = require('dicom-parser').parseDicom(new Uint8Array(require('fs').readFileSync(process.argv[1])));
console.log('Rows', found.uint16('x00280010'))"""
PROFILE = """[[TransferSyntaxes]]
[Syntaxes]
{}
[[PresentationContexts]]
[Storage]
PresentationContext1 = {}\\Syntaxes
[[Profiles]]
[Default]
PresentationContexts = Storage
"""


@dataclass(frozen=True)
class Tool:
    """work: whether it does so with a file, in an empty folder."""

    name: str
    version: str
    work: Callable[[Path, Path], bool]


def rows(path: Path) -> int:
    return pydicom.dcmread(path, stop_before_pixels=True).Rows


def program(name: str, *parts: str) -> str | None:
    """The path of a program, one that names `parts` in what it says of its version."""
    for path in (*SYSTEM, None):
        found = shutil.which(name, path=path)
        if found and all(part in output(found, "--version") for part in parts):
            return found
    return None


def output(*command: str | Path) -> str:
    result = subprocess.run(list(map(str, command)), capture_output=True, timeout=120)
    return (result.stdout + result.stderr).decode("latin-1")


def version(text: str) -> str:
    return re.search(r"\d+(\.\d+)+", text)[0]


def lists(command: list[str], pattern: str) -> Callable[[Path, Path], bool]:
    """Whether a command shows Rows."""
    return lambda path, folder: re.search(pattern.format(rows(path)), output(*command, path)) is not None


def writes(*command: str) -> Callable[[Path, Path], bool]:
    """Whether a command FILE TARGET writes a file with all frames."""

    def work(path: Path, folder: Path) -> bool:
        target = folder / "written.dcm"
        output(*command, path, target)
        return target.exists() and len(pydicom.dcmread(target).PixelData) > 1000

    return work


def modifies(dcmodify: str) -> Callable[[Path, Path], bool]:
    def work(path: Path, folder: Path) -> bool:
        copy = shutil.copy(path, folder)
        output(dcmodify, "-m", "Rows=7", copy)
        return rows(copy) == 7

    return work


def images(dcm2niix: str) -> Callable[[Path, Path], bool]:
    def work(path: Path, folder: Path) -> bool:
        (folder / "in").mkdir()
        shutil.copy(path, folder / "in")
        output(dcm2niix, "-o", folder, folder / "in")
        return bool(list(folder.glob("*.nii*")))

    return work


def simple_itk(path: Path, folder: Path) -> bool:
    import SimpleITK

    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return False
    return reader.GetMetaData("0028|0010").strip() == str(rows(path))


def python_gdcm(path: Path, folder: Path) -> bool:
    import gdcm

    reader = gdcm.Reader()
    reader.SetFileName(str(path))
    return bool(reader.Read())


def send(path: Path, port: int) -> bool:
    from pynetdicom import AE

    dataset = pydicom.dcmread(path)
    sender = AE()
    sender.add_requested_context(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
    for _ in range(100):
        association = sender.associate(HOST, port)
        if association.is_established or association.rejected_contexts:
            break
        time.sleep(0.1)
    if not association.is_established:
        return False
    try:
        return association.send_c_store(dataset).get("Status") == 0
    finally:
        if association.is_established:
            association.release()


def receives(storescp: str) -> Callable[[Path, Path], bool]:
    def work(path: Path, folder: Path) -> bool:
        sop_class = pydicom.dcmread(path, stop_before_pixels=True).SOPClassUID
        syntaxes = ["1.2.840.10008.1.2.1", *sorted(JPEG), DICOMPRESS, JPEG_XL_JPEG]
        lines = "\n".join(f"TransferSyntax{k + 1} = {syntax}" for k, syntax in enumerate(syntaxes))
        (folder / "profile").write_text(PROFILE.format(lines, sop_class))
        port = free_port()
        options = ["-q", "-dhl", "+B", "-xf", folder / "profile", "Default", "-od", folder, str(port)]
        with running([storescp, *options]):
            return send(path, port)

    return work


@contextmanager
def running(command: list) -> Iterator[None]:
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def free_port() -> int:
    with socket.socket() as s:
        s.bind((HOST, 0))
        return s.getsockname()[1]


@contextmanager
def orthanc_server(orthanc: str) -> Iterator[tuple[str, int]]:
    """The address of its REST interface, and its DICOM port. It is set up to take every transfer syntax."""
    with tempfile.TemporaryDirectory() as folder:
        http, port = free_port(), free_port()
        settings = {
            "StorageDirectory": folder, "IndexDirectory": folder, "HttpPort": http, "DicomPort": port, "Plugins": [],
            "HttpBindAddresses": [HOST], "RemoteAccessAllowed": False, "AuthenticationEnabled": False,
            "DicomAlwaysAllowStore": True, "AcceptedTransferSyntaxes": ["1.2.840.10008.1.*", str(DICOMPRESS)],
            "OverwriteInstances": True,
        }  # fmt: skip
        path = Path(folder) / "orthanc.json"
        path.write_text(json.dumps(settings))
        with running([orthanc, path]):
            for _ in range(200):
                try:
                    urllib.request.urlopen(f"http://{HOST}:{http}/system", timeout=20).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield f"http://{HOST}:{http}", port


def orthanc_tools(address: str, port: int, named: str) -> list[Tool]:
    def ask(path: str, data: bytes | None = None) -> bytes | None:
        try:
            with urllib.request.urlopen(urllib.request.Request(address + path, data), timeout=60) as reply:
                return reply.read()
        except urllib.error.HTTPError:
            return None

    def upload(path: Path, folder: Path) -> str | None:
        reply = ask("/instances", path.read_bytes())
        return reply and f"/instances/{json.loads(reply)['ID']}"

    def keeps(path: Path, folder: Path) -> bool:
        place = upload(path, folder)
        return bool(place) and json.loads(ask(f"{place}/tags?simplify"))["Rows"] == str(rows(path)) and ask(
            f"{place}/file"
        ) == path.read_bytes()  # fmt: skip

    def changes(path: Path, folder: Path) -> bool:
        place = upload(path, folder)
        return ask(f"{place}/modify", json.dumps({"Replace": {"StudyID": "7"}}).encode()) is not None

    return [
        Tool("Orthanc: upload by REST, read the elements, give the same file back", named, keeps),
        Tool("Orthanc: change an element", named, changes),
        Tool("Orthanc: receive by C-STORE", named, lambda path, folder: send(path, port)),
    ]


def tools() -> Iterator[Tool]:
    if dcmdump := program("dcmdump", "$dcmtk"):
        named = version(output(dcmdump, "--version"))
        yield Tool("DCMTK dcmdump: list the elements", named, lists([dcmdump], r"\(0028,0010\) US {} "))
        for name in ("dcmconv", "dcmodify", "storescp"):
            path = program(name, "$dcmtk")
            what = {"dcmconv": "write the file anew", "dcmodify": "change an element", "storescp": "receive by C-STORE"}[name]
            works = {"dcmconv": writes(path, "+t="), "dcmodify": modifies(path), "storescp": receives(path)}[name]
            yield Tool(f"DCMTK {name}: {what}", named, works)
    if orthanc := program("Orthanc"):
        with orthanc_server(orthanc) as (address, port):
            yield from orthanc_tools(address, port, version(output(orthanc, "--version")))
    if gdcmdump := program("gdcmdump", "gdcm"):
        named = version(output(gdcmdump, "--version"))
        yield Tool("GDCM gdcmdump: list the elements", named, lists([gdcmdump], r"\(0028,0010\) US {} "))
    if find_spec("gdcm"):
        yield Tool("GDCM Reader in Python", importlib.metadata.version("python-gdcm"), python_gdcm)
    if find_spec("SimpleITK"):
        yield Tool("SimpleITK ImageFileReader: read the elements", importlib.metadata.version("SimpleITK"), simple_itk)
    if dcm2niix := program("dcm2niix"):
        yield Tool("dcm2niix: convert", version(output(dcm2niix, "--version")), images(dcm2niix))
    for name, script in (("dcmjs", DCMJS), ("dicom-parser", DICOM_PARSER)):
        for folder in filter(None, os.environ.get("NODE_PATH", "").split(os.pathsep)):
            description = Path(folder) / name / "package.json"
            if shutil.which("node") and description.exists():
                named = json.loads(description.read_text())["version"]
                yield Tool(f"{name}: read the elements", named, lists(["node", "-e", script], "Rows {}"))
                break
    yield Tool("pydicom: read the elements, write the file anew", pydicom.__version__, pydicom_writes)


def pydicom_writes(path: Path, folder: Path) -> bool:
    buffer = io.BytesIO()
    dataset = pydicom.dcmread(path)
    dataset.save_as(buffer)
    return pydicom.dcmread(io.BytesIO(buffer.getvalue())) == dataset


def cell(tool: Tool, original: bytes, compressed: bytes) -> str:
    answers = []
    for data in (original, compressed):
        with tempfile.TemporaryDirectory() as folder:
            path, place = Path(folder) / "image.dcm", Path(folder) / "place"
            place.mkdir()
            path.write_bytes(data)
            answers.append(tool.work(path, place))
    return ("yes" if answers[1] else "no") if answers[0] else "not the original"


def main() -> None:
    files = {}
    for column, name in FILES.items():
        original = Path(get_testdata_file(name)).read_bytes()
        files[column] = original, compress_file(original).data
    print(f"| tool | version | {' | '.join(files)} |\n|---|---|{'---|' * len(files)}")
    for tool in tools():
        print(f"| {tool.name} | {tool.version} | {' | '.join(cell(tool, *f) for f in files.values())} |", flush=True)


if __name__ == "__main__":
    main()
