"""Print how fast a gateway takes objects in, beside Debian's Orthanc on the same machine in the same run, for docs/service.md.

    python lab/benchmarks/gateway.py [--count 2000] [--senders 4] [--edge 512] [--rounds 2]

Each sender is DCMTK's storescu (the Debian package dcmtk) with its share of the objects, all at a time. Objects are pydicom's CT, its picture
repeated to EDGE x EDGE, each with a SOP Instance UID of its own, 100 in a series, a study a sender. The two take turns, each round with a new storage. What is
acknowledged counts, and is read back afterwards: from the store by `get`, from Orthanc by its REST interface, and compared with
what was sent, by the SHA-256 of Pixel Data.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pydicom
from pydicom.data import get_testdata_file

HOST = "127.0.0.1"
SERIES = 100  # objects in a series
ORTHANC = shutil.which("Orthanc", path="/usr/sbin:/usr/bin")
STORESCU = next((str(p) for p in (Path("/usr/bin/storescu"), Path("/usr/local/bin/storescu")) if p.exists()), "storescu")


def objects(folder: Path, count: int, senders: int, edge: int) -> list[Path]:
    """A folder a sender."""
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    pixels = np.tile(dataset.pixel_array, (edge // 128 + 1, edge // 128 + 1))[:edge, :edge]
    dataset.Rows = dataset.Columns = edge
    found = [folder / f"sender{n}" for n in range(senders)]
    for sender in found:
        sender.mkdir()
    for number in range(count):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.4.{number}"
        sender, own = number % senders, number // senders
        dataset.PatientID, dataset.StudyInstanceUID = f"P{sender}", f"1.2.3.6.{sender}"
        dataset.SeriesInstanceUID = f"1.2.3.5.{sender}.{own // SERIES}"
        dataset.InstanceNumber = number
        dataset.PixelData = (pixels + number).astype("<i2").tobytes()  # no two alike
        dataset.save_as(found[sender] / f"{number}.dcm")
    return found


def hashes(folders: list[Path]) -> dict[str, str]:
    """Of Pixel Data, by UID."""
    return dict(_hash(path.read_bytes()) for folder in folders for path in folder.iterdir())


def _hash(file: bytes) -> tuple[str, str]:
    dataset = pydicom.dcmread(io.BytesIO(file))
    return str(dataset.SOPInstanceUID), hashlib.sha256(dataset.PixelData).hexdigest()


def free_port() -> int:
    with socket.socket() as s:
        s.bind((HOST, 0))
        return int(s.getsockname()[1])


@contextmanager
def gateway(folder: Path) -> Iterator[int]:
    program = [sys.executable, "-m", "dicompress"]
    subprocess.run([*program, "store", "init", str(folder)], check=True, stdout=subprocess.DEVNULL)
    port = free_port()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*program, "serve", str(folder), "--dicom-port", str(port), "--web-port", "0"], stderr=log)
        yield from _running(process, port)


@contextmanager
def orthanc(folder: Path) -> Iterator[int]:
    assert ORTHANC, "Debian's orthanc is not installed"
    folder.mkdir()
    port, http = free_port(), free_port()
    settings = {
        "StorageDirectory": "storage", "IndexDirectory": "storage", "HttpPort": http, "DicomPort": port, "Plugins": [],
        "OrthancExplorerEnabled": False,
    }  # fmt: skip
    (folder / "orthanc.json").write_text(json.dumps(settings))
    (folder / "http").write_text(str(http))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([ORTHANC, str(folder / "orthanc.json")], stderr=log, stdout=log)
        yield from _running(process, port)


def _running(process: subprocess.Popen[bytes], port: int) -> Iterator[int]:
    try:
        while True:
            assert process.poll() is None, "it does not start"
            try:
                socket.create_connection((HOST, port)).close()
                break
            except OSError:
                time.sleep(0.1)
        time.sleep(1)
        yield port
    finally:
        process.terminate()
        process.wait()


def send(port: int, folders: list[Path], title: str) -> tuple[float, int]:
    """Seconds, and how many were acknowledged."""
    start = time.perf_counter()
    command = [STORESCU, "-v", "-aec", title, "+sd", HOST, str(port)]
    processes = [subprocess.Popen([*command, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for folder in folders]
    texts = [process.communicate()[0] for process in processes]
    for process, text in zip(processes, texts):
        if process.returncode:
            print(f"a sender of {title} ended with {process.returncode}: {text[-500:].decode(errors='replace')}", file=sys.stderr)
    return time.perf_counter() - start, sum(len(re.findall(rb"Store Response \(Success\)", text)) for text in texts)


def kept(name: str, folder: Path) -> dict[str, str]:
    if name == "dicompress":
        from dicompress.store import Store

        with Store(folder) as store:
            return dict(_hash(store.get(row["SOPInstanceUID"])) for row in store.find("INSTANCE"))
    base = f"http://{HOST}:{(folder / 'http').read_text()}/instances"
    names = json.load(urllib.request.urlopen(base))
    return dict(_hash(urllib.request.urlopen(f"{base}/{one}/file").read()) for one in names)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--senders", type=int, default=4)
    parser.add_argument("--edge", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where the storages are made, for a while")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
        folders = objects(Path(temporary), options.count, options.senders, options.edge)
        sent = hashes(folders)
        size = sum(path.stat().st_size for folder in folders for path in folder.iterdir())
        print(
            f"{options.count} objects, {size / 1e6:.0f} MB, {options.senders} senders, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n"
        )
        print("| | seconds | objects/s | MB/s | acknowledged | read back right | load |\n|---|---|---|---|---|---|---|")
        for turn in range(options.rounds):
            for name, start, title in (("dicompress", gateway, "DICOMPRESS"), ("Orthanc", orthanc, "ORTHANC")):
                place = Path(temporary, f"{name}{turn}")
                load = os.getloadavg()[0]
                with start(place) as port:
                    seconds, acknowledged = send(port, folders, title)
                    right = sum(sent.get(uid) == found for uid, found in kept(name, place).items())
                print(
                    f"| {name} | {seconds:.1f} | {acknowledged / seconds:.0f} | {size / seconds / 1e6:.1f} | {acknowledged} | {right} | {load:.1f} |",
                    flush=True,
                )
                shutil.rmtree(place)


if __name__ == "__main__":
    main()
