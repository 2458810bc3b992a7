"""The table of peers and transfer syntaxes in docs/service.md is what happens. `pytest tests/test_dimse_peers.py -rP` prints it."""

import io
import json
import subprocess
import time
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from helpers.archive import rows
from helpers.files import pydicom_file, read, written
from helpers.gateway import HOST, TITLE, announced, made, opened, run, until
from helpers.orthanc import PROGRAM, Orthanc
from helpers.store import _free_port, dcmtk
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from dicompress.dicom import compress_file, transcode_file
from dicompress.server.settings import Peer

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
TABLE = Path(__file__).parents[1] / "docs/service.md"
STUDY, HEAD = "1.2.7", "| peer |"
SHORT = {
    "1.2.840.10008.1.2": "implicit", "1.2.840.10008.1.2.1": "explicit", "1.2.840.10008.1.2.2": "big endian",
    "1.2.840.10008.1.2.1.99": "deflated", "1.2.840.10008.1.2.5": "RLE", "1.2.840.10008.1.2.4.50": "JPEG", "1.2.840.10008.1.2.4.70": "JPEG lossless",
    "1.2.840.10008.1.2.4.80": "JPEG-LS", "1.2.840.10008.1.2.4.90": "JPEG 2000", "1.2.840.10008.1.2.4.201": "HTJ2K",
    "1.2.840.10008.1.2.4.110": "JPEG XL", "2.25.295627088644320522631179041711488646091": "ours",
}  # fmt: skip
STORESCU = {
    "implicit": "-xi", "explicit": "-xe", "big endian": "-xb", "deflated": "-xd", "RLE": "-xr", "JPEG": "-xy", "JPEG lossless": "-xs", "JPEG-LS": "-xt",
    "JPEG 2000": "-xv",
}  # fmt: skip


def files() -> dict[str, bytes]:
    """The same picture in each syntax, by the name of SHORT; JPEG's is another one, in colour."""
    plain = made(StudyInstanceUID=STUDY)
    found = {"explicit": plain, "big endian": pydicom_file("MR_small_bigendian.dcm"), "JPEG": pydicom_file("SC_rgb_jpeg_dcmtk.dcm")}
    for name, syntax in (("implicit", ImplicitVRLittleEndian), ("deflated", DeflatedExplicitVRLittleEndian)):
        dataset, buffer = read(plain), io.BytesIO()
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.save_as(buffer, implicit_vr=name == "implicit", little_endian=True)
        found[name] = buffer.getvalue()
    dataset = read(plain)
    dataset.compress(RLELossless, generate_instance_uid=False)
    found["RLE"] = written(dataset)
    dataset = read(plain)
    dataset.PixelData = encapsulate([imagecodecs.ljpeg_encode(dataset.pixel_array.astype(np.uint16), bitspersample=16)])
    dataset.file_meta.TransferSyntaxUID, dataset["PixelData"].VR, dataset.PixelRepresentation = "1.2.840.10008.1.2.4.70", "OB", 0
    found["JPEG lossless"] = written(dataset)
    found |= {SHORT[made.syntax]: made.data for made in (transcode_file(plain, to) for to in ("jls", "j2k", "htj2k"))}
    found["JPEG XL"] = transcode_file(made(StudyInstanceUID=STUDY, PixelRepresentation=0), "jxl").data
    found["ours"] = compress_file(plain).data
    return {name: renamed(found[name], number) for number, name in enumerate(SHORT.values())}


def renamed(file: bytes, number: int) -> bytes:
    dataset, buffer = read(file), io.BytesIO()
    dataset.SOPInstanceUID, dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.PatientID = (
        f"1.2.3.{number}",
        STUDY,
        "1.2.7.1",
        "P7",
    )
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"  # one of all: those of DCMTK's tools fill an association
    dataset.save_as(buffer)
    return announced(buffer.getvalue())


def told(sent: bytes, found: bytes | None) -> str:
    """A cell of the table: in which syntax it came. The pixels are compared."""
    if found is None:
        return "–"
    before, after = read(sent), read(found)
    if before.file_meta.TransferSyntaxUID == after.file_meta.TransferSyntaxUID:
        assert before.PixelData == after.PixelData
        return "as is"
    if SHORT[before.file_meta.TransferSyntaxUID] in ("JPEG XL", "ours"):
        before = read(transcode_file(sent, "native").data)
    np.testing.assert_array_equal(before.pixel_array, after.pixel_array)
    return SHORT[after.file_meta.TransferSyntaxUID]


def by_uid(found) -> dict[str, bytes]:
    return {str(read(file).SOPInstanceUID): file for file in found}


def row(known: dict[str, bytes], found: dict[str, bytes]) -> list[str]:
    return [told(file, found.get(str(read(file).SOPInstanceUID))) for file in known.values()]


def in_store(door) -> dict[str, bytes]:
    return {one.SOPInstanceUID: door.store.get(one.SOPInstanceUID) for one in rows(door.store)}


def from_storescu(known, folder) -> list[str]:
    with opened(folder / "store") as door:
        for name, option in STORESCU.items():
            (folder / "sent.dcm").write_bytes(known[name])
            run(dcmtk("storescu"), option, "-aec", TITLE, HOST, door.port, folder / "sent.dcm")
        return row(known, in_store(door))


def from_orthanc(known, folder) -> list[str]:
    with Orthanc(folder / "orthanc", compress=False) as orthanc, opened(folder / "store") as door:
        orthanc.get("/modalities/gateway", "PUT", json.dumps({"AET": TITLE, "Host": HOST, "Port": door.port}).encode())
        for file in known.values():
            body = {"Resources": [orthanc.post(file)], "Synchronous": True, "Permissive": True}
            orthanc.get("/modalities/gateway/store", "POST", json.dumps(body).encode())
        return row(known, in_store(door))


def full(door, known) -> None:
    for file in known.values():
        door.store.put(file)


def to_storescp(known, folder, *options: str) -> list[str]:
    (folder / "out").mkdir()
    port = _free_port()
    with subprocess.Popen([dcmtk("storescp"), "-aet", "RECEIVER", "-od", folder / "out", *options, str(port)]) as receiver:
        time.sleep(0.5)
        try:
            with opened(folder / "store", peers={"RECEIVER": Peer(HOST, port)}) as door:
                full(door, known)
                moved(door.port, "RECEIVER")
        finally:
            receiver.terminate()
    return row(known, by_uid(path.read_bytes() for path in (folder / "out").iterdir()))


def moved(port: int, to: str) -> None:
    run(
        dcmtk("movescu"),
        "-S",
        "-aec",
        TITLE,
        "-aem",
        to,
        "-k",
        "0008,0052=STUDY",
        "-k",
        f"StudyInstanceUID={STUDY}",
        HOST,
        port,
        check=False,
    )


def to_getscu(known, folder) -> list[str]:
    (folder / "out").mkdir()
    with opened(folder / "store") as door:
        full(door, known)
        keys = ["-k", "0008,0052=STUDY", "-k", f"StudyInstanceUID={STUDY}"]
        run(dcmtk("getscu"), "-S", "-aec", TITLE, "-od", folder / "out", *keys, HOST, door.port, check=False)
    return row(known, by_uid(path.read_bytes() for path in (folder / "out").iterdir()))


def to_orthanc(known, folder) -> list[str]:
    with Orthanc(folder / "orthanc", compress=False) as orthanc:
        with opened(folder / "store", peers={"ORTHANC": Peer(HOST, orthanc.dicom)}) as door:
            full(door, known)
            moved(door.port, "ORTHANC")
        return row(known, by_uid(orthanc.file(name) for name in orthanc.json("/instances")))


def to_gateway(known, folder) -> list[str]:
    with opened(folder / "other", aet="OTHER") as other:
        with opened(folder / "store", peers={"OTHER": Peer(HOST, other.port, private=True)}) as door:
            full(door, known)
            moved(door.port, "OTHER")
        until(lambda: not other.ae.active_associations)
        return row(known, in_store(other))


@pytest.mark.skipif(PROGRAM is None, reason="Debian's orthanc is not installed")
def test_the_table_of_peers_is_what_happens(tmp_path):
    known, lines = files(), []
    for name, function, options in (
        ("DCMTK storescu, C-STORE to us", from_storescu, ()),
        ("Orthanc, C-STORE to us", from_orthanc, ()),
        ("DCMTK getscu, C-GET", to_getscu, ()),
        ("DCMTK storescp, C-MOVE", to_storescp, ()),
        ("DCMTK storescp +xa, C-MOVE", to_storescp, ("+xa",)),
        ("Orthanc, C-MOVE", to_orthanc, ()),
        ("another gateway, C-MOVE", to_gateway, ()),
    ):
        folder = tmp_path / str(len(lines))
        folder.mkdir()
        lines.append(f"| {name} | {' | '.join(function(known, folder, *options))} |")
    names = [f"{HEAD} {' | '.join(SHORT.values())} |", f"|---{'|---' * len(SHORT)}|"]
    table = "\n".join([*names, *lines])
    print(table)
    assert table in TABLE.read_text(), "docs/service.md"
