"""Debian's Orthanc with the storage script of integrations/orthanc, in a folder and on ports of its own."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileDataset
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelGet as StudyRootGet

SCRIPT = Path(__file__).parents[2] / "integrations/orthanc/dicompress_storage.py"
PLUGINS = Path("/usr/share/orthanc/plugins")
PROGRAM = shutil.which("Orthanc", path="/usr/sbin:/usr/bin")
TIMEOUT = 120


def needed() -> None:
    """Skip where something is missing, and say what."""
    plugin = PLUGINS / "libOrthancPython.so"
    if not PROGRAM or not plugin.exists():
        pytest.skip("Debian's orthanc and orthanc-python are not installed")
    embedded = re.search(rb"libpython3\.(\d+)\.so", plugin.read_bytes())
    packages = Path(sys.prefix, "lib", f"python3.{sys.version_info.minor}", "site-packages")
    if not embedded or int(embedded[1]) != sys.version_info.minor:
        pytest.skip(f"Orthanc has Python 3.{embedded and int(embedded[1])}, this is 3.{sys.version_info.minor}")
    if not packages.is_dir():
        pytest.skip("dicompress is not in a virtual environment")


class Orthanc:
    def __init__(self, folder: Path, compress: bool = True):
        self.folder, self.storage = folder, folder / "storage"
        with socket.socket() as http, socket.socket() as dicom:
            http.bind(("127.0.0.1", 0))
            dicom.bind(("127.0.0.1", 0))
            self.http, self.dicom = http.getsockname()[1], dicom.getsockname()[1]
        self.set_up(compress)

    def set_up(self, compress: bool) -> None:
        """compress: with the script, or as Debian has it."""
        plugins = ["libOrthancDicomWeb.so"] + ["libOrthancPython.so"] * compress
        settings = {
            "StorageDirectory": "storage", "IndexDirectory": "storage", "HttpPort": self.http, "DicomPort": self.dicom,
            "Plugins": [str(PLUGINS / name) for name in plugins if (PLUGINS / name).exists()], "UnknownSopClassAccepted": True,
            "DicomAlwaysAllowGet": True, "MaximumStorageCacheSize": 0,  # reads are from the disk
            "PythonScript": str(SCRIPT), "Dicompress": {"Environment": sys.prefix}, "OrthancExplorerEnabled": False,
        }  # fmt: skip
        self.folder.mkdir(exist_ok=True)
        (self.folder / "orthanc.json").write_text(json.dumps(settings))

    def __enter__(self) -> Orthanc:
        self.log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen([PROGRAM, self.folder / "orthanc.json"], stdout=self.log, stderr=self.log)
        for _ in range(10 * TIMEOUT):
            assert self.process.poll() is None, (self.folder / "log").read_text(errors="replace")[-3000:]
            try:
                self.get("/system")
                return self
            except OSError:
                time.sleep(0.1)
        raise AssertionError("Orthanc does not answer")

    def __exit__(self, *_) -> None:
        self.process.terminate()
        self.process.wait(TIMEOUT)
        self.log.close()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(TIMEOUT)

    def worker(self) -> int | None:
        """Its process number."""
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:  # it has ended
                continue
            if words[2:4] == [b"work", bytes(self.storage)]:
                return int(folder.name)
        return None

    def get(self, path: str, method: str = "GET", data: bytes | None = None, accept: str = "*/*") -> bytes:
        """urllib.error.HTTPError, an OSError, if it is refused."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", data, {"Accept": accept}, method=method)
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            return answer.read()

    def json(self, path: str):
        return json.loads(self.get(path))

    def post(self, file: bytes) -> str:
        """Orthanc's own name of the instance."""
        return json.loads(self.get("/instances", "POST", file))["ID"]

    def file(self, name: str) -> bytes:
        return self.get(f"/instances/{name}/file")

    def md5(self, name: str) -> str:
        """Of the file as it came, in Orthanc's own index."""
        return self.get(f"/instances/{name}/attachments/dicom/md5").decode()

    def status(self, wanted: Callable[[dict], bool]) -> dict:
        """The script's, when it is as `wanted`."""
        for _ in range(10 * TIMEOUT):
            status = self.json("/dicompress")
            if wanted(status):
                return status
            time.sleep(0.1)
        raise AssertionError(status)

    def compressed(self) -> dict:
        """The status, when nothing waits any more."""
        return self.status(lambda status: "raw" not in status["states"])

    def stored(self) -> dict[str, int]:
        """Sizes of all attachments, by name."""
        return {path.name: path.stat().st_size for path in self.storage.glob("??/??/*")}

    def store(self, datasets: Iterable[FileDataset]) -> list[str]:
        """By C-STORE. UIDs of those that were taken."""
        taken = []
        for some in groups(datasets):
            ae = AE()
            for context in {(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID) for dataset in some}:
                ae.add_requested_context(*context)
            association = ae.associate("127.0.0.1", self.dicom)
            for dataset in some:
                try:
                    status = association.send_c_store(dataset)
                except (ValueError, AttributeError):  # Orthanc does not take its transfer syntax, or it cannot be encoded
                    continue
                taken += [dataset.SOPInstanceUID] * (status.get("Status") == 0)
            association.release()
        return taken

    def retrieve(self, study: str, datasets: list[FileDataset]) -> dict[str, Dataset]:
        """A study by C-GET, each of its `datasets` in the transfer syntax that it has. By UID."""
        found, ae, roles = {}, AE(), []
        ae.add_requested_context(StudyRootGet)
        for context in {(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID) for dataset in datasets}:
            ae.add_requested_context(*context)
            roles.append(build_role(context[0], scp_role=True))

        def keep(event) -> int:
            dataset = event.dataset
            dataset.file_meta = event.file_meta
            found[dataset.SOPInstanceUID] = dataset
            return 0

        association = ae.associate("127.0.0.1", self.dicom, ext_neg=roles, evt_handlers=[(evt.EVT_C_STORE, keep)])
        query = Dataset()
        query.QueryRetrieveLevel, query.StudyInstanceUID = "STUDY", study
        statuses = [status.get("Status") for status, _ in association.send_c_get(query, StudyRootGet)]
        association.release()
        assert statuses[-1] == 0
        return found


def groups(datasets: Iterable[FileDataset], size: int = 50) -> list[list[FileDataset]]:
    datasets = list(datasets)
    return [datasets[at : at + size] for at in range(0, len(datasets), size)]
