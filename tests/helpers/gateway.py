"""Gateways in this process or in one of their own, and what asks them: pynetdicom, and DCMTK where it is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID
from pynetdicom import AE, build_context, evt
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext

from dicompress.dicom.part10 import named_syntax
from dicompress.server.dimse import Door
from dicompress.server.dimse.sending import _for_wire
from dicompress.server.settings import Settings
from dicompress.store import Store

from .archive import instance
from .files import read

HOST, TITLE, CALLER = "127.0.0.1", "DICOMPRESS", "TESTER"
TIMEOUT = 120


@contextmanager
def opened(folder: Path, context=None, **settings) -> Iterator[Door]:
    """The DIMSE door of a store, new or one that is there."""
    store = Store(folder) if folder.exists() else Store.create(folder)
    told = Settings(**{"dicom_port": 0, "timeout": 30.0} | settings)
    with store, Door(store, told, context) as door:
        yield door


@contextmanager
def served(folder: Path, *options: str, kill: bool = False) -> Iterator[int]:
    """The port of DIMSE of `dicompress serve`, in a process of its own; killed in the end, or told to stop."""
    command = [sys.executable, "-m", "dicompress", "serve", str(folder), "--dicom-port", "0", "--web-port", "0", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}) as process:
        try:
            for line in process.stderr:
                found = re.search(r"DIMSE on port (\d+)", line)
                if found:
                    break
            else:
                raise AssertionError("it does not start")
            yield int(found[1])
        finally:
            process.kill() if kill else process.terminate()
            process.stderr.read()
            assert process.wait(TIMEOUT) == (-9 if kill else 0)


@contextmanager
def associated(
    port: int, *contexts: PresentationContext, title: str = CALLER, called: str = TITLE, **options
) -> Iterator[Association]:
    ae = AE(title)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = TIMEOUT
    association = ae.associate(HOST, port, list(contexts), called, **options)
    try:
        yield association
    finally:
        if association.is_established:
            association.release()


def send(port: int, folder: Path, *files: bytes, title: str = CALLER) -> list[Dataset]:
    """The statuses of C-STOREs of files, byte for byte, in one association; while a door is open in this process.

    They are announced as what their file meta information says, or their data sets, where that says nothing.
    """
    metas = [(read_uids(file), named_syntax(file)[0]) for file in files]
    contexts = [build_context(sop_class, syntax) for sop_class, syntax in dict.fromkeys((uids[0], syntax) for uids, syntax in metas)]
    statuses = []
    with associated(port, *contexts, title=title) as association:
        assert association.is_established
        for file, ((sop_class, uid), syntax) in zip(files, metas):
            reference = Dataset()
            reference.SOPClassUID, reference.SOPInstanceUID = sop_class, uid
            (folder / "sent.dcm").write_bytes(_for_wire(file, reference, syntax))
            statuses.append(association.send_c_store(folder / "sent.dcm"))
    return statuses


def read_uids(file: bytes) -> tuple[UID, UID]:
    meta = read(file).file_meta
    return meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID


def announced(file: bytes, **meta) -> bytes:
    """A file with the file meta information that its data set asks for, or with other values of it."""
    dataset, buffer = read(file), DicomBytesIO()
    found = dataset.file_meta
    found.MediaStorageSOPClassUID, found.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    for name, value in meta.items():
        setattr(found, name, value)
    write_file_meta_info(buffer, found)
    return bytes(128) + b"DICM" + buffer.getvalue() + body(file)


def made(number: int = 1, **attributes) -> bytes:
    """`instance`, announced as what it is."""
    return announced(instance(number, **attributes))


def query(level: str, **keys) -> Dataset:
    found = Dataset()
    found.QueryRetrieveLevel = level
    for name, value in keys.items():
        setattr(found, name, value)
    return found


def find(port: int, model: UID, identifier: Dataset, **options) -> tuple[list[Dataset], list[int]]:
    """Matches, and the statuses of all answers."""
    with associated(port, build_context(model), **options) as association:
        answers = list(association.send_c_find(identifier, model))
    return [found for _, found in answers if found is not None], [status.Status for status, _ in answers]


def body(file: bytes) -> bytes:
    """The data set, as it is written."""
    return file[named_syntax(file)[1] :]


def run(*command: object, check: bool = True) -> str:
    """What a program prints."""
    done = subprocess.run([str(word) for word in command], capture_output=True, timeout=TIMEOUT)
    text = (done.stdout + done.stderr).decode("latin-1")
    assert done.returncode == 0 or not check, text
    return text


class Receiver:
    """A Storage SCP, by pynetdicom, for some transfer syntaxes of each SOP class. found: files, as they came."""

    def __init__(self, syntaxes: list[str], sop_classes: list[str], title: str = "RECEIVER", status: int = 0):
        self.found: list[bytes] = []
        self.originators: list[str] = []
        self.status = status
        ae = AE(title)
        for sop_class in sop_classes:
            ae.add_supported_context(sop_class, syntaxes)
        self.server = ae.start_server((HOST, 0), block=False, evt_handlers=[(evt.EVT_C_STORE, self._store)])
        self.port = self.server.server_address[1]

    def _store(self, event: evt.Event) -> int:
        self.found.append(event.encoded_dataset())
        self.originators.append(event.request.MoveOriginatorApplicationEntityTitle)
        return self.status

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, *_) -> None:
        self.server.shutdown()


def until(condition, seconds: float = TIMEOUT) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.05)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of localhost that is its own authority, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "key", "-out", folder / "pem", "-days", "2", *subject],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder / "pem", folder / "key"
