"""Print how fast the web door gives a series of 200 slices, as tables for docs/dicomweb.md.

    python lab/benchmarks/dicomweb.py DATA/volumes/dev [--count 200] [--jobs 2]

The slices are the folder's CT images of 512 x 512, again and again with UIDs of their own, uncompressed. They are put into a store and asked
for as they came, then compressed and asked for again. "Cold": a gateway that keeps nothing, so that each frame is decoded; "warm": one that has
them all. "CPU": a worker's, of a cold answer. A client asks for one frame after the other, or four clients do: answers a second. Client,
gateway and workers are on the same machine.
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import active_children
from pathlib import Path

import httpx
import pydicom

from dicompress.server.serve import Gateway
from dicompress.server.settings import Settings
from dicompress.store import Store, worker

UID = "1.2.826.0.1.3680043.10.9.{}"
RELATED = 'multipart/related; type="application/octet-stream"; transfer-syntax='
ASKED = {
    "HTJ2K": ("/frames/1", RELATED + "*"), "native": ("/frames/1", RELATED + "1.2.840.10008.1.2.1"), "early picture": ("/early/1", "*/*"),
    "JPEG to look at": ("/rendered", "image/jpeg"),
}  # fmt: skip


def slices(folder: Path, count: int) -> Iterator[bytes]:
    found = [
        dataset
        for path in sorted(folder.rglob("*.dcm"))
        if (dataset := pydicom.dcmread(path)).get("Modality") == "CT" and dataset.Rows == 512
    ]
    for number in range(count):
        dataset = found[number % len(found)]
        if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
            dataset.decompress(generate_instance_uid=False)
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID = (
            UID.format(end) for end in ("1", "2", f"3.{number + 1}")
        )
        dataset.file_meta.MediaStorageSOPInstanceUID, dataset.InstanceNumber = dataset.SOPInstanceUID, number + 1
        buffer = io.BytesIO()
        dataset.save_as(buffer)
        yield buffer.getvalue()


@contextmanager
def door(store: Store, jobs: int, cache: int) -> Iterator[httpx.Client]:
    with Gateway(store, Settings(web_port=0, dicom_port=0, jobs=jobs, cache=cache)) as gateway, httpx.Client(timeout=600) as client:
        client.base_url = f"http://127.0.0.1:{gateway.web_port}"
        yield client


def get(client: httpx.Client, place: str, accept: str) -> int:
    answer = client.get(place, headers={"Accept": accept})
    answer.raise_for_status()
    return len(answer.content)


def seconds(client: httpx.Client, places: list[str], accept: str, clients: int = 1) -> tuple[float, float]:
    """Per answer, and its mean size in kB."""
    start = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        sizes = list(pool.map(lambda place: get(client, place, accept), places))
    return (time.perf_counter() - start) / len(places), sum(sizes) / len(sizes) / 1000


def cpu() -> float:
    """Seconds that the workers took so far (Linux)."""
    times = [Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[11:13] for child in active_children()]
    return sum(int(one) for pair in times for one in pair) / os.sysconf("SC_CLK_TCK")


def measure(store: Store, count: int, jobs: int, form: str) -> None:
    instances = [f"/studies/{UID.format(1)}/series/{UID.format(2)}/instances/{UID.format(f'3.{n + 1}')}" for n in range(count)]
    for name, (end, accept) in ASKED.items():
        places = [place + end for place in instances]
        with door(store, jobs, 1) as client:
            for _ in range(jobs):
                get(client, places[0], accept)  # workers start
            before = cpu()
            cold = [seconds(client, places[: count // 4], accept, clients) for clients in (1, 4)]  # a part of them, as it takes long
            work = 1000 * (cpu() - before) / (2 * (count // 4))
        with door(store, jobs, 10**9) as client:
            seconds(client, places, accept, 4)
            warm = [seconds(client, places, accept, clients) for clients in (1, 4)]
        rates = [f"{1 / each[0]:.0f}" for each in (*cold, *warm)]
        print(f"| {form} | {name} | {cold[0][1]:.0f} | {work:.1f} | {' | '.join(rates)} |", flush=True)
    with door(store, jobs, 10**9) as client:
        end, accept = ASKED["HTJ2K"]
        start = time.perf_counter()
        get(client, instances[0] + end, accept)
        first = time.perf_counter() - start
        while f"dicompress_warmed_total {count - 1}.0" not in client.get("/metrics").text:
            time.sleep(0.05)
        ready = time.perf_counter() - start
        whole, _ = seconds(client, [instances[0].partition("/instances")[0] + "/metadata"], "*/*")
    print(
        f"{form}: first frame of a gateway that just started {first:.2f} s, series ready {ready:.1f} s, its metadata {whole:.2f} s",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    rules = '[[rule]]\ndo = "lossless"\n'
    with tempfile.TemporaryDirectory() as folder, Store.create(Path(folder) / "store", text=rules) as store:
        for data in slices(options.folder, options.count):
            store.put(data)
        print(
            "| stored | asked for | kB | CPU ms | cold, 1 client | cold, 4 | warm, 1 | warm, 4 |\n|---|---|---|---|---|---|---|---|"
        )
        measure(store, options.count, options.jobs, "as it came")
        worker.compress_due(store, options.jobs, lambda _: None)
        assert {row["state"] for row in store.find("INSTANCE")} == {"compressed"}
        measure(store, options.count, options.jobs, "compressed")
    print(f"load average {os.getloadavg()[0]:.0f} of {os.cpu_count()} cores at the end")


if __name__ == "__main__":
    main()
