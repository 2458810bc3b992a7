"""What a file hides comes back with its restore record, and goes with it: docs/conformance.md, "De-identification"."""

import io
import zlib

import pydicom
import pytest
from helpers.files import change, make, read
from helpers.images import phantom
from helpers.jpegs import jpeg_file, jpegs
from helpers.objects import RECORD, Writer, insert
from helpers.store import Receiver
from pydicom.encaps import encapsulate
from pydicom.uid import ImplicitVRLittleEndian

import dicompress.pydicom  # noqa: F401
from dicompress import Allowance, UnsupportedImageError
from dicompress.dicom import compress_file, describe, restore_file, strip_file
from dicompress.dicom.part10 import parse
from dicompress.dicom.record import RecordHead, RestoreRecord, find_record

NAME, PREAMBLE = b"Quixote^Dulcinea", b"scanned for W. Xylander"
TEXTS = (NAME, PREAMBLE)


def hiding(original: bytes) -> bytes:
    """The file with text in its preamble, and with a Patient Name behind which pydicom finds another."""
    offset, implicit = parse(original).body, parse(original).syntax == ImplicitVRLittleEndian
    first = original.index(b"\x10\0\x10\0", offset)
    assert original[first:].startswith(b"\x10\0\x10\0" + (b"" if implicit else b"PN"))
    shadowed = Writer(implicit).element(0x00100010, "PN", NAME)
    return PREAMBLE.ljust(128, b"\0") + original[128:first] + shadowed + original[first:]


def leaves(data: bytes) -> bytes:
    """What an inflater can read in the restore record without its dictionary, the elements it was made with."""
    record = find_record(read(data))
    packed = record[RecordHead.read(record)[1].position :]
    behind_head = packed[6:]  # of zlib: two bytes, and the dictionary's Adler-32
    return zlib.decompressobj(-15, zdict=b"\0" * 32768).decompress(behind_head)


ORIGINALS = {
    "explicit": lambda: hiding(make(phantom(64, 64))),
    "implicit": lambda: hiding(make(phantom(64, 64), ImplicitVRLittleEndian)),
    "frames": lambda: hiding(insert(make(phantom(40, 50)), Writer().element(0x00400253, "SH", b"7 "))),
    "JPEG": lambda: hiding(jpeg_file(encapsulate(jpegs(3)), 3)),
}


def saved(dataset: pydicom.Dataset) -> bytes:
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


def without_private_elements(compressed: bytes) -> bytes:
    """As the basic profile of PS3.15 has it: private elements go, and so does the preamble."""
    dataset = read(compressed)
    dataset.remove_private_tags()
    dataset.preamble = bytes(128)
    return saved(dataset)


@pytest.fixture(params=ORIGINALS)
def original(request):
    return ORIGINALS[request.param]()


def test_the_record_holds_what_the_elements_do_not_show(original):
    compressed = compress_file(original).data
    assert read(compressed).PatientName == read(original).PatientName and NAME not in compressed
    record = RestoreRecord.decode(find_record(read(compressed)), parse(compressed).elements.all)
    assert all(text in record.prefix for text in TEXTS)
    assert restore_file(compressed).data == original


def test_changed_elements_do_not_lock_the_record(original):
    """It is deflated, not encrypted: whoever only replaces the names leaves these."""
    changed = change(compress_file(original).data, PatientName="Nobody")
    assert restore_file(changed).edited and all(text in leaves(changed) for text in TEXTS)


@pytest.mark.parametrize("remove", [lambda c: strip_file(c).data, without_private_elements])
def test_nothing_of_it_is_left_without_the_record(original, remove):
    compressed = compress_file(original).data
    cleared = remove(compressed)
    assert not any(tag in read(cleared) for tag in RECORD) and b"DICOMPRESS" not in cleared
    assert not any(text in cleared for text in TEXTS)
    restored = restore_file(cleared)
    assert not any(text in restored.data for text in TEXTS)
    assert "without a restore record" in restored.remark and describe(cleared).guarantee == restored.remark
    assert read(restored.data).PixelData == read(original).PixelData
    with pytest.raises(UnsupportedImageError, match="no restore record to remove"):
        strip_file(cleared)


def test_no_text_is_left_of_a_preamble_that_a_network_does_not_carry(original):
    receiver = Receiver()
    try:
        cleared = receiver.take(read(strip_file(compress_file(original).data).data))
    finally:
        receiver.server.shutdown()
    assert not any(text in cleared + restore_file(cleared).data for text in TEXTS)


def test_files_compressed_without_a_record(original):
    result = compress_file(original, record=False)
    assert result.data == strip_file(compress_file(original).data).data
    assert "without a restore record" in result.remark
    assert not any(text in result.data[128:] for text in TEXTS)


def test_a_derived_image_hides_no_elements(original):
    if parse(original).pixels.encapsulated:
        pytest.skip("JPEG frames bear no error")
    compressed = compress_file(original, allowance=Allowance(near=2)).data
    record = RestoreRecord.decode(find_record(read(compressed)), parse(compressed).elements.all)
    assert NAME not in record.prefix + record.suffix and NAME not in compressed + restore_file(compressed).data
