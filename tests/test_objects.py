"""Elements of all kinds around the pixels: originals come back, and compressed files show the same elements."""

import numpy as np
import pydicom
import pytest
from helpers.command import run
from helpers.files import change, make, read, rle
from helpers.images import phantom
from helpers.objects import Writer, assert_same_file, assert_same_image, elements, encapsulated, insert, nested, replaced, stored
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from dicompress import FileError
from dicompress.dicom import compress_file, restore_file

PIXELS = phantom(64, 64)
SYNTAXES = {False: ExplicitVRLittleEndian, True: ImplicitVRLittleEndian}


def overlay(w: Writer, group: int = 0x6000) -> bytes:
    rows = {0x10: b"\x40\0", 0x11: b"\x40\0", 0x100: b"\1\0", 0x102: b"\0\0"}
    facts = {**{e: ("US", v) for e, v in rows.items()}, 0x40: ("CS", b"G "), 0x50: ("SS", b"\1\0\1\0")}
    facts[0x3000] = "OW", bytes(range(256)) * 2
    return b"".join(w.element(group << 16 | e, *facts[e]) for e in sorted(facts))


def icon(w: Writer, pixels: bytes) -> bytes:
    facts = b"".join(w.element(0x00280000 | e, "US", b"\x08\0") for e in (0x10, 0x11, 0x100, 0x101))
    return w.nested(0x00880200, facts + pixels)


def unknown(w: Writer) -> bytes:
    """UN of undefined length: a sequence whose items are in implicit VR (PS3.5 6.2.2)."""
    inside = Writer(True).element(0x00291004, "LO", b"text")
    return w.element(0x00290010, "LO", b"ACME 1.1") + w.element(0x00291003, "UN", w.item(inside), undefined=True)


CREATOR, KNOWN_CREATOR = b"ACME 1.1", b"SIEMENS CSA HEADER"
KINDS = {
    "overlays": lambda w: overlay(w) + overlay(w, 0x601E),
    "icon": lambda w: icon(w, w.element(0x7FE00010, "OW" if w.implicit else "OB", bytes(range(64)))),
    "nested sequences": nested,
    "private block": lambda w: (
        w.element(0x00290010, "LO", CREATOR)
        + w.element(0x00290011, "LO", b"OTHER ")
        + w.element(0x00291001, "UN", b"\1\2\3\4\5\6")
        + w.nested(0x00291002, w.element(0x00290010, "LO", CREATOR) + w.element(0x00291001, "UN", b"\xff\xfe"))
        + w.element(0x00291101, "OB", b"abcd")
    ),
    "private block of a known creator": lambda w: (
        w.element(0x00290010, "LO", KNOWN_CREATOR)
        + w.element(0x00291008, "CS", b"IMAGE NUM 4 ")
        + w.element(0x00291009, "LO", b"20050101")
        + w.element(0x00291010, "OB", b"\1\2\3\4")
    ),
    "private elements without a creator": lambda w: w.element(0x00290001, "UN", b"ab") + w.element(0x00291001, "UN", b"abcd"),
    "known elements as UN": lambda w: w.element(0x00400253, "UN", b"abcd"),
    "empty values": lambda w: w.element(0x00400253, "SH") + w.element(0x00400260, "SQ") + w.element(0x00409225, "FD"),
    "group lengths": lambda w: (
        w.element(0x00400000, "UL", b"\x0c\0\0\0") + w.element(0x00400253, "SH", b"abcd") + w.element(0x7FE00000, "UL", b"\0\1\0\0")
    ),
    "elements out of order": lambda w: (
        w.element(0x00400253, "SH", b"abcd") + w.element(0x00080060, "CS", b"CT") + w.element(0x00100030, "DA", b"20200101")
    ),
    "values of odd length": lambda w: w.element(0x00400253, "SH", b"abc") + w.element(0x00291001, "UN", b"abc"),
    "values that are none": lambda w: w.element(0x00281052, "DS", b"abc ") + w.element(0x00400244, "DA", b"nonsense"),
    "long values": lambda w: w.element(0x0040A160, "UT", b"y" * 70000) + w.element(0x00400280, "ST", b"x" * 1024),
}
EXPLICIT_KINDS = KINDS | {
    "compressed icon": lambda w: icon(w, encapsulated(b"\1\2\3\4")),
    "sequence of unknown VR": unknown,
}


@pytest.mark.parametrize("kind, implicit", [*((k, False) for k in EXPLICIT_KINDS), *((k, True) for k in KINDS)])
@pytest.mark.parametrize("undefined", [False, True], ids=["defined", "undefined"])
def test_elements_survive(kind, implicit, undefined):
    more = EXPLICIT_KINDS[kind](Writer(implicit, undefined))
    compressed = assert_same_file(insert(make(PIXELS, SYNTAXES[implicit]), more))
    assert len(elements(compressed)) > len(elements(read(make(PIXELS))))


@pytest.mark.parametrize("kind", EXPLICIT_KINDS)
def test_elements_survive_around_encapsulated_pixels(kind):
    assert_same_image(insert(rle(), EXPLICIT_KINDS[kind](Writer(undefined=True))))


BEHIND = {
    "private elements": lambda w: w.element(0x7FE10010, "LO", CREATOR) + w.element(0x7FE11001, "UN", b"abcdef"),
    "padding": lambda w: w.element(0xFFFCFFFC, "OB", bytes(100)),
    "an element out of order": lambda w: w.element(0x00080060, "CS", b"CT"),
    "a byte": lambda w: b"\0",
    "seven bytes": lambda w: b"\xff" * 7,
    "zeros up to a block": lambda w: bytes(64),
}


@pytest.mark.parametrize("kind", BEHIND)
@pytest.mark.parametrize("make_original", [
    lambda more: insert(make(PIXELS), behind=more(Writer())),
    lambda more: insert(make(PIXELS, ImplicitVRLittleEndian), behind=more(Writer(True))),
    lambda more: insert(rle(), behind=more(Writer())),
], ids=["explicit", "implicit", "RLE"])  # fmt: skip
def test_what_stands_behind_the_pixels(kind, make_original, recwarn):
    original = make_original(BEHIND[kind])
    (assert_same_file if read(original).file_meta.TransferSyntaxUID != RLELossless else assert_same_image)(original)
    assert not recwarn.list


def test_what_cannot_be_an_element_behind_the_pixels_is_an_error():
    with pytest.raises(FileError, match="cannot be read"):
        compress_file(insert(make(PIXELS), behind=b"\xff" * 8))


NAME = "Buc^Jérôme"
TEXTS = {  # Specific Character Set: text in it, or not
    "ISO_IR 100": NAME.encode("latin-1"),
    "\\ISO 2022 IR 87": b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
    "ISO 2022 IR 13\\ISO 2022 IR 87": b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J",
    "\\ISO 2022 IR 149": b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7",
    "ISO 2022 IR 100\\ISO 2022 IR 144": NAME.encode("latin-1") + b"\x1b-L" + "Люкс".encode("iso8859-5"),
    "GB18030": "Wang^XiaoDong=王^小东".encode("gb18030"),
    "GBK": "Wang^XiaoDong=王^小东".encode("gbk"),
    # not what they claim
    "": NAME.encode("latin-1"),
    "ISO_IR 6": NAME.encode("utf-8"),
    "ISO_IR 192": NAME.encode("latin-1"),
    "GB18030 ": "Wang^王".encode("gb18030")[:-1],
    "ISO 2022 IR 6\\ISO 2022 IR 87": b"abc\x1b$Z;3ED\x1b(B^x",
    "ISO 2022 IR 87\\NONSENSE 7": NAME.encode("latin-1"),
    "ISO-IR 100": NAME.encode("latin-1"),
}


def with_text(syntax, claim: str, text: bytes) -> bytes:
    """A file with a text as a name and elsewhere, also in items, one of them with a character set of its own."""
    w = Writer(syntax == ImplicitVRLittleEndian, undefined=True)
    text += b" " * (len(text) % 2)
    claim += " " * (len(claim) % 2)
    original = replaced(make(PIXELS, syntax), w.element(0x00080005, "CS", b"ISO_IR 192"), w.element(0x00080005, "CS", claim.encode()))
    original = replaced(original, w.element(0x00100010, "PN", "Ünïcode^Test".encode()), w.element(0x00100010, "PN", text))
    other = w.element(0x00080005, "CS", b"ISO_IR 144") + w.element(0x0040A160, "UT", "Люкс".encode("iso8859-5"))
    more = w.element(0x00290010, "LO", text) + w.element(0x00400254, "LO", text)
    return insert(original, more + w.nested(0x0040A730, w.element(0x00400254, "LO", text), other))


@pytest.mark.parametrize("claim", TEXTS, ids=repr)
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian], ids=lambda s: s.name)
@pytest.mark.filterwarnings("ignore")
def test_text_keeps_its_bytes_whatever_character_set_it_claims(claim, syntax):
    original = with_text(syntax, claim, TEXTS[claim])
    compressed = compress_file(original, threads=1).data
    assert restore_file(compressed, threads=1).data == original
    before, after = stored(read(original)), stored(read(compressed))
    for tag in (0x00100010, 0x00290010, 0x00400254, 0x0040A730):
        assert after[tag] == before[tag]
    edited = read(restore_file(change(compressed, Modality="CT"), threads=1).data)
    assert edited.Modality == "CT" and stored(edited)[0x00100010] == before[0x00100010]


@pytest.mark.filterwarnings("ignore")
def test_text_keeps_its_bytes_in_big_endian_files():
    original = replaced(make(PIXELS, ExplicitVRBigEndian), "Ünïcode^Test".encode(), NAME.encode("latin-1") + b"^abc")
    compressed = compress_file(original, threads=1).data
    assert restore_file(compressed, threads=1).data == original
    assert stored(read(compressed))[0x00100010] == NAME.encode("latin-1") + b"^abc"


def test_values_of_two_meanings_in_implicit_vr():
    """LUT Data of more than 64 kB, US or SS by Pixel Representation, OW or US."""
    w = Writer(True)
    table = (np.arange(65536, dtype="<u2") >> 8).tobytes()
    lut = w.element(0x00283002, "", b"\0\0\0\0\x10\0") + w.element(0x00283006, "", table)
    more = w.element(0x00280106, "", b"\xfe\xff") + w.element(0x00280120, "", b"\x30\xf8") + w.nested(0x00283000, lut)
    signed = make(PIXELS.astype(np.int16) - 1024, ImplicitVRLittleEndian)
    compressed = assert_same_file(insert(signed, more))
    assert (compressed.SmallestImagePixelValue, compressed.PixelPaddingValue) == (-2, -2000)
    (item,) = compressed.ModalityLUTSequence
    assert item["LUTData"].VR == "OW" and item.LUTData == table


def test_a_large_element_is_stored_once():
    profile = np.random.default_rng(0).bytes(150_000)
    original = insert(make(PIXELS), Writer().element(0x00291010, "OB", profile))
    compressed = compress_file(original, threads=1).data
    assert compressed.count(profile[-1000:]) == 1 and len(compressed) < len(profile) + 6000


def test_on_the_command_line(tmp_path):
    w = Writer(undefined=True)
    everything = b"".join(EXPLICIT_KINDS[kind](w) for kind in ("overlays", "icon", "nested sequences", "private block"))
    originals = {
        "native.dcm": insert(make(PIXELS), everything, BEHIND["padding"](w)),
        "rle.dcm": insert(rle(), everything, BEHIND["private elements"](w)),
    }
    source = tmp_path / "in"
    source.mkdir()
    for name, data in originals.items():
        (source / name).write_bytes(data)
    run("compress", source, "-o", tmp_path / "small")
    run("verify", tmp_path / "small")
    run("decompress", tmp_path / "small", "-o", tmp_path / "back")
    assert (tmp_path / "back" / "native.dcm").read_bytes() == originals["native.dcm"]
    before, after = read(originals["rle.dcm"]), pydicom.dcmread(tmp_path / "back" / "rle.dcm")
    assert elements(before) == elements(after) and np.array_equal(before.pixel_array, after.pixel_array)
