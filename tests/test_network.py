"""Compressed files that went over a network (C-STORE) restore like those that did not: group 0002 is not sent, the rest is."""

import io
import subprocess
import sys

import numpy as np
import pynetdicom
import pytest
from helpers.command import run
from helpers.files import change, make, pydicom_file, read
from helpers.images import phantom
from helpers.jpegs import jpeg_file, jpegs
from helpers.objects import RECORD, Writer, insert, nested
from helpers.store import SUCCESS, Receiver, as_dataset, as_path, dcmtk, dcmtk_storescp, only, rewritten, send, without_meta
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian
from pynetdicom import AE

import dicompress.pydicom  # noqa: F401
from dicompress import Allowance
from dicompress.dicom import DICOMPRESS, compress_file, describe, restore_file, strip_file
from dicompress.dicom.part10 import parse
from dicompress.dicom.syntax import JPEG_XL_JPEG

FRAMES = np.stack([phantom(64, 64, s) for s in range(3)])
PREAMBLE = b"II*\0 a file of two kinds".ljust(128, b"\0")


def sequences(undefined: bool) -> bytes:
    return insert(make(FRAMES[0]), nested(Writer(undefined=undefined)))


def preamble() -> bytes:
    original = make(FRAMES[0])
    return PREAMBLE + original[len(PREAMBLE) :]


ORIGINALS = {
    "CT": lambda: pydicom_file("CT_small.dcm"),
    "multi-frame": lambda: make(FRAMES),
    "implicit": lambda: pydicom_file("MR_small_implicit.dcm"),
    "big-endian": lambda: pydicom_file("MR_small_bigendian.dcm"),
    "big-endian frames": lambda: make(FRAMES, ExplicitVRBigEndian),
    "deflated": lambda: make(FRAMES[0], DeflatedExplicitVRLittleEndian),
    "sequences": lambda: sequences(False),
    "sequences of undefined length": lambda: sequences(True),
    "overlays": lambda: pydicom_file("examples_overlay.dcm"),
    "preamble": preamble,
    "JPEG": lambda: pydicom_file("SC_rgb_jpeg_dcmtk.dcm"),
    "JPEG frames": lambda: pydicom_file("examples_ybr_color.dcm"),
    "JPEG fragments": lambda: jpeg_file(encapsulate(jpegs(3), fragments_per_frame=2), 3, DataSetTrailingPadding=b"\0" * 10),
}


@pytest.fixture(scope="module")
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()


@pytest.mark.parametrize("name", ORIGINALS)
@pytest.mark.parametrize("sent_as", [as_path, as_dataset])
@pytest.mark.parametrize("stored", [without_meta, rewritten])
def test_what_was_sent_restores_to_the_original_file(name, sent_as, stored, receiver, tmp_path):
    original = ORIGINALS[name]()
    compressed = compress_file(original).data
    received = receiver.take(sent_as(compressed, tmp_path), stored)
    assert received != compressed and received[:128] == bytes(128)
    meta = read(received).file_meta
    assert meta.ImplementationVersionName.startswith("PYNETDICOM")
    assert meta.TransferSyntaxUID == (JPEG_XL_JPEG if "JPEG" in name else DICOMPRESS)
    restored = restore_file(received)
    assert restored.data == original and restored.remark is None and not restored.edited
    info = describe(received)
    assert info.guarantee == "the original file, byte for byte"
    assert info.original_transfer_syntax.startswith(read(original).file_meta.TransferSyntaxUID)


@pytest.mark.parametrize("name", ["CT", "multi-frame", "implicit"])
def test_derived_images_restore_as_they_would_have(name, receiver, tmp_path):
    compressed = compress_file(ORIGINALS[name](), allowance=Allowance(near=2)).data
    received = receiver.take(as_path(compressed, tmp_path))
    restored, expected = restore_file(received), restore_file(compressed)
    assert restored.data == expected.data and restored.near == expected.near == 2 and restored.remark is None
    assert describe(received).guarantee == describe(compressed).guarantee
    assert read(received).file_meta.MediaStorageSOPInstanceUID == read(received).SOPInstanceUID


@pytest.mark.parametrize("name", ["CT", "multi-frame", "JPEG"])
def test_commands_on_received_files(name, receiver, tmp_path):
    original = ORIGINALS[name]()
    path = tmp_path / "received.dcm"
    path.write_bytes(receiver.take(read(compress_file(original).data)))
    run("verify", path)
    assert "byte for byte" in run("info", path).stdout
    run("decompress", path, "-o", tmp_path / "restored.dcm")
    assert (tmp_path / "restored.dcm").read_bytes() == original


@pytest.mark.parametrize("name", ["CT", "JPEG"])
def test_what_a_receiver_changes_is_told(name, receiver):
    """Many coerce Patient ID, some take private elements away: pixels and frames are what they were."""
    original = ORIGINALS[name]()
    compressed = compress_file(original).data
    coerced = receiver.take(read(change(compressed, PatientID="of the receiver")))
    restored = restore_file(coerced)
    assert restored.edited and "elements were changed after compression" in restored.remark
    assert describe(coerced).guarantee == restored.remark and describe(coerced).original_transfer_syntax is None
    assert read(restored.data).PatientID == "of the receiver"
    assert read(restored.data).PixelData == read(original).PixelData

    public = read(compressed)
    public.remove_private_tags()
    stripped = receiver.take(public)
    restored = restore_file(stripped)
    assert not restored.edited and "without a restore record" in restored.remark
    assert describe(stripped).guarantee == restored.remark
    assert read(restored.data).PixelData == read(original).PixelData


@pytest.mark.parametrize("name", ["sequences", "sequences of undefined length"])
def test_lengths_of_sequences_that_a_receiver_changes_are_no_change(name, receiver):
    def otherwise(event) -> bytes:
        dataset = read(rewritten(event))
        set_lengths(dataset, undefined=name == "sequences")
        buffer = io.BytesIO()
        dataset.save_as(buffer)
        return buffer.getvalue()

    original = ORIGINALS[name]()
    received = receiver.take(read(compress_file(original).data), otherwise)
    restored = restore_file(received)
    assert restored.data == original and not restored.edited


def set_lengths(dataset, undefined: bool) -> None:
    for element in filter(lambda e: e.VR == "SQ", dataset):
        element.is_undefined_length = undefined
        for item in element.value:
            item.is_undefined_length_sequence_item = undefined
            set_lengths(item, undefined)


@pytest.mark.parametrize("name", ["CT", "JPEG"])
def test_files_without_a_record_are_sent_as_well(name, receiver):
    compressed = compress_file(ORIGINALS[name]()).data
    received = receiver.take(read(strip_file(compressed).data))
    assert not any(tag in read(received) for tag in RECORD)
    assert read(restore_file(received).data).PixelData == read(ORIGINALS[name]()).PixelData


@pytest.mark.parametrize("name", ["CT", "JPEG frames"])
def test_files_sent_in_pieces(name, receiver, tmp_path, monkeypatch):
    monkeypatch.setattr(pynetdicom._config, "STORE_SEND_CHUNKED_DATASET", True)
    original = ORIGINALS[name]()
    assert restore_file(receiver.take(as_path(compress_file(original).data, tmp_path))).data == original


@pytest.mark.parametrize("name", ["CT", "JPEG"])
def test_nothing_is_sent_in_another_syntax_to_a_receiver_that_knows_only_that(name):
    dataset = read(compress_file(ORIGINALS[name]()).data)
    ae = AE()
    ae.add_supported_context(dataset.SOPClassUID)
    ae.add_requested_context(dataset.SOPClassUID)
    server = ae.start_server(("127.0.0.1", 0), block=False)
    association = ae.associate(*server.server_address)
    try:
        with pytest.raises(ValueError, match="No presentation context .* accepted"):
            association.send_c_store(dataset)
    finally:
        association.release()
        server.shutdown()


@pytest.mark.parametrize("imported", [True, False])
def test_a_process_with_and_without_the_import(imported, tmp_path):
    """docs/conformance.md tells that pynetdicom needs `import dicompress.pydicom`, and what it says without."""
    path = as_path(compress_file(ORIGINALS["CT"]()).data, tmp_path)
    code = f"""
import pydicom
from pynetdicom import AE, evt
ae = AE()
dataset = pydicom.dcmread({str(path)!r})
{"import dicompress.pydicom" * imported}
ae.add_supported_context(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
ae.add_requested_context(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, lambda event: 0)])
association = ae.associate(*server.server_address)
try:
    print(association.send_c_store(dataset).Status)
finally:
    association.release()
    server.shutdown()
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    if imported:
        assert result.stdout.strip() == str(SUCCESS), result.stderr
    else:
        assert result.returncode and "ValueError: UID is not a transfer syntax" in result.stderr


@pytest.mark.parametrize("name", ["CT", "multi-frame", "JPEG", "JPEG frames"])
def test_dcmtk_lists_all_elements(name, tmp_path):
    compressed = compress_file(ORIGINALS[name]()).data
    result = subprocess.run([dcmtk("dcmdump"), "-q", as_path(compressed, tmp_path)], capture_output=True)
    dataset = read(compressed)
    assert result.returncode == 0 and not result.stderr
    listed = {line[1:10] for line in result.stdout.decode("latin-1").splitlines() if line.startswith("(")}
    top = {f"{e.tag.group:04x},{e.tag.element:04x}" for e in dataset}
    assert top <= listed and "7fd9,1001" in listed and "7fe0,0010" in listed


@pytest.mark.parametrize("name", ["CT", "JPEG"])
def test_dcmtk_does_not_convert(name, tmp_path):
    compressed = compress_file(ORIGINALS[name]()).data
    path = as_path(compressed, tmp_path)
    result = subprocess.run([dcmtk("dcmconv"), path, tmp_path / "converted.dcm"], capture_output=True)
    assert result.returncode and not (tmp_path / "converted.dcm").exists() and path.read_bytes() == compressed


@pytest.mark.parametrize("name", ["CT", "multi-frame", "JPEG"])
def test_dcmtk_stores_what_restores_or_nothing(name, tmp_path):
    """3.6.7 accepts the association that it is set up for, then refuses the data set; another may know JPEG XL."""
    original = ORIGINALS[name]()
    compressed = compress_file(original).data
    with dcmtk_storescp(tmp_path, read(compressed).SOPClassUID, "+B") as (port, folder, log):
        status = send(as_path(compressed, tmp_path), port)
    if status and status.Status == SUCCESS:
        assert restore_file(only(folder.iterdir()).read_bytes()).data == original
    else:
        assert not list(folder.iterdir())
        assert status is None or "Unsupported transfer syntax" in log.read_text("latin-1")


def test_what_decompress_gives_goes_through_dcmtk(tmp_path):
    original = ORIGINALS["CT"]()
    restored = restore_file(compress_file(original).data).data
    with dcmtk_storescp(tmp_path, read(original).SOPClassUID, "+B") as (port, folder, _):
        assert send(as_path(restored, tmp_path), port).Status == SUCCESS
    received = only(folder.iterdir()).read_bytes()
    assert received[parse(received).body :] == original[parse(original).body :]
    assert restore_file(compress_file(received).data).data == received
