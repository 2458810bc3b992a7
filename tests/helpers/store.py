"""Senders and receivers of C-STORE in one process, and DCMTK's where it is installed."""

from __future__ import annotations

import io
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, AllStoragePresentationContexts, evt

from dicompress.dicom import DICOMPRESS
from dicompress.dicom.syntax import JPEG_XL_JPEG

from .files import read

HOST = "127.0.0.1"
SUCCESS = 0
PROFILE = """[[TransferSyntaxes]]
[Syntaxes]
TransferSyntax1 = {}
TransferSyntax2 = {}
TransferSyntax3 = {}
[[PresentationContexts]]
[Storage]
PresentationContext1 = {}\\Syntaxes
[[Profiles]]
[Default]
PresentationContexts = Storage
"""


def as_path(data: bytes, folder: Path) -> Path:
    path = folder / "sent.dcm"
    path.write_bytes(data)
    return path


def as_dataset(data: bytes, folder: Path) -> Dataset:
    return read(data)


def without_meta(event: evt.Event) -> bytes:
    """What came in as it came, behind file meta information of the receiver's own."""
    return event.encoded_dataset()


def rewritten(event: evt.Event) -> bytes:
    """What came in, read and written by pydicom."""
    dataset, buffer = event.dataset, io.BytesIO()
    dataset.file_meta = event.file_meta
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


class Receiver:
    """A storescp that takes our transfer syntaxes."""

    def __init__(self) -> None:
        self.stored, self.found = without_meta, []
        receiver = AE("RECEIVER")
        for context in AllStoragePresentationContexts:
            receiver.add_supported_context(context.abstract_syntax, [DICOMPRESS, JPEG_XL_JPEG])
        self.server = receiver.start_server((HOST, 0), block=False, evt_handlers=[(evt.EVT_C_STORE, self._store)])

    def _store(self, event: evt.Event) -> int:
        self.found.append(self.stored(event))
        return SUCCESS

    def take(self, sent: Path | Dataset, stored=without_meta) -> bytes:
        """The file that it writes of what send_c_store sends it."""
        self.stored = stored
        status = send(sent, self.server.server_address[1])
        assert status is not None and status.Status == SUCCESS
        return self.found.pop()


def send(sent: Path | Dataset, port: int, seconds: float = 20) -> Dataset | None:
    """The status of a C-STORE; None if the receiver does not take the transfer syntax. It is waited for."""
    syntax, sop_class = _contexts(sent)
    sender = AE("SENDER")
    sender.add_requested_context(sop_class, syntax)
    end = time.monotonic() + seconds
    while True:
        association = sender.associate(HOST, port)
        if association.is_established:
            break
        if association.rejected_contexts:
            return None
        assert time.monotonic() < end, "nobody listens"
        time.sleep(0.1)
    try:
        return association.send_c_store(sent)
    finally:
        if association.is_established:
            association.release()


def _contexts(sent: Path | Dataset) -> tuple[str, str]:
    dataset = sent if isinstance(sent, Dataset) else pydicom.dcmread(sent, stop_before_pixels=True)
    return dataset.file_meta.TransferSyntaxUID, dataset.SOPClassUID


def dcmtk(name: str) -> str:
    """The path of a tool of DCMTK: pynetdicom installs some of the same names. The test is skipped if there is none."""
    for folder in ("", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"):
        found = which(name, path=folder or None)
        if found and b"$dcmtk" in subprocess.run([found, "--version"], capture_output=True).stdout:
            return found
    pytest.skip(f"{name} of DCMTK is not installed")


@contextmanager
def dcmtk_storescp(folder: Path, sop_class: str, *options: str) -> Iterator[tuple[int, Path, Path]]:
    """The port, the folder of what is stored, and the log of a storescp that is set up to accept our transfer syntaxes."""
    command, target, log = dcmtk("storescp"), folder / "stored", folder / "storescp.log"
    target.mkdir()
    profile = folder / "storescp.cfg"
    profile.write_text(PROFILE.format(DICOMPRESS, JPEG_XL_JPEG, ExplicitVRLittleEndian, sop_class))
    port = _free_port()
    command = [command, "-dhl", "-v", "-xf", profile, "Default", "-od", target, *options, str(port)]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT) as process:
        try:
            yield port, target, log
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.socket() as s:
        s.bind((HOST, 0))
        return s.getsockname()[1]


def only(paths: Iterable[Path]) -> Path:
    (path,) = paths
    return path
