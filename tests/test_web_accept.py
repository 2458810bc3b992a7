"""Negotiation: what an Accept header makes of an object, by what it is stored in. No server."""

import pytest

pytest.importorskip("fastapi")

from pydicom.uid import UID

from dicompress.dicom import DICOMPRESS
from dicompress.server.web.accept import BadRequestError, NotAcceptableError, best, file_choices, frame_choices, wanted

NATIVE, IMPLICIT, BIG, RLE, JPEG, JLS, J2K, HTJ2K = (
    f"1.2.840.10008.1.2{end}" for end in (".1", "", ".2", ".5", ".4.50", ".4.80", ".4.90", ".4.201")
)
OCTETS, DICOM, PHC = "application/octet-stream", "application/dicom", "image/jphc"


def frames(accept: str, stored: str, several: bool = False, query: str = "") -> list[tuple[str, str, bool]]:
    found = frame_choices(wanted([accept] if accept else [], [query] if query else []), UID(stored), several)
    return [(choice.syntax, choice.media, choice.is_multipart) for choice in found]


def files(accept: str, stored: str, several: bool = False) -> list[tuple[str, bool]]:
    return [(choice.syntax, choice.is_multipart) for choice in file_choices(wanted([accept]), UID(stored), several)]


@pytest.mark.parametrize(
    "accept, stored, found",
    [
        ("", NATIVE, [(NATIVE, OCTETS, True)]),
        ("*/*", J2K, [(NATIVE, OCTETS, True)]),
        (OCTETS, NATIVE, [(NATIVE, OCTETS, False)]),
        (f'multipart/related; type="{OCTETS}"', RLE, [(NATIVE, OCTETS, True)]),
        (f"multipart/related; type={OCTETS}; transfer-syntax=*", NATIVE, [(HTJ2K, OCTETS, True), (NATIVE, OCTETS, True)]),
        ("*/*; transfer-syntax=*", BIG, [(HTJ2K, PHC, True), (NATIVE, OCTETS, True)]),
        ("image/*", NATIVE, [(HTJ2K, PHC, False)]),
        (PHC, IMPLICIT, [(HTJ2K, PHC, False)]),
        ("image/jls", NATIVE, [(JLS, "image/jls", False)]),
        ("image/x-jls", NATIVE, [(JLS, "image/jls", False)]),
        (f"image/jp2; transfer-syntax={J2K}", J2K, [(J2K, "image/jp2", False)]),
        (f"image/dicom-rle; transfer-syntax={RLE}", RLE, [(RLE, "image/dicom-rle", False)]),
        ("image/jp2;q=0.5, image/jls;q=0.9", NATIVE, [(JLS, "image/jls", False), (J2K, "image/jp2", False)]),
        ("image/*;q=0.5, image/jls", NATIVE, [(JLS, "image/jls", False), (HTJ2K, PHC, False)]),
        ("image/*, image/jphc;q=0, application/octet-stream;q=0.1", NATIVE, [(NATIVE, OCTETS, False)]),
        # only lossy: whatever is stored, as PS3.18 8.7.3 lets it be
        ("", JPEG, [(JPEG, "image/jpeg", True)]),
        (OCTETS, JPEG, [(JPEG, OCTETS, False)]),
        ("image/jpeg", JPEG, [(JPEG, "image/jpeg", False)]),
        (f"multipart/related; type={OCTETS}; transfer-syntax=*", JPEG, [(JPEG, OCTETS, True)]),
        # ours: for those who name it
        (f"{OCTETS}; transfer-syntax={DICOMPRESS}", NATIVE, [(DICOMPRESS, OCTETS, False)]),
        ("*/*; transfer-syntax=*", DICOMPRESS, [(HTJ2K, PHC, True), (NATIVE, OCTETS, True)]),
    ],
)
def test_frames_come_in_the_best_of_what_is_accepted(accept, stored, found):
    assert frames(accept, stored) == found


@pytest.mark.parametrize(
    "accept",
    ["text/html", "image/jpeg;q=0", f"{OCTETS}; transfer-syntax={IMPLICIT}", f"{OCTETS}; transfer-syntax={BIG}", "image/*;q=0"],
)
def test_what_nothing_fits_is_not_acceptable_and_the_message_says_what_does(accept):
    with pytest.raises(NotAcceptableError, match="image/jphc.*transfer-syntax=\\*"):
        frames(accept, NATIVE)


def test_several_frames_come_in_parts_only():
    assert frames("*/*", NATIVE, several=True) == [(NATIVE, OCTETS, True)]
    with pytest.raises(NotAcceptableError, match="multipart/related"):
        frames(OCTETS, NATIVE, several=True)


def test_the_accept_parameter_of_the_query_stands_before_the_header():
    assert frames("image/jls", NATIVE, query="image/jp2") == [(J2K, "image/jp2", False)]
    assert best(wanted(["image/png"], ["application/dicom json"]), ["application/dicom+json"], "") == "application/dicom+json"


@pytest.mark.parametrize(
    "accept, stored, found",
    [
        (DICOM, NATIVE, [(NATIVE, False)]),
        ("*/*", IMPLICIT, [(NATIVE, True)]),
        (f"multipart/related; type={DICOM}; transfer-syntax=*", J2K, [(J2K, True), (NATIVE, True), (HTJ2K, True)]),
        (f"{DICOM}; transfer-syntax=*", IMPLICIT, [(NATIVE, False), (HTJ2K, False)]),
        (f"{DICOM}; transfer-syntax=*", DICOMPRESS, [(NATIVE, False), (HTJ2K, False)]),
        (f"{DICOM}; transfer-syntax={DICOMPRESS}", NATIVE, [(DICOMPRESS, False)]),
        (DICOM, JPEG, [(JPEG, False), (NATIVE, False)]),
        (f'{DICOM}; transfer-syntax="{JLS}"; q=0.1, {DICOM}; transfer-syntax={HTJ2K}', NATIVE, [(HTJ2K, False), (JLS, False)]),
    ],
)
def test_files_come_in_the_best_of_what_is_accepted(accept, stored, found):
    assert files(accept, stored) == found


@pytest.mark.parametrize(
    "accept", ["image/jphc", OCTETS, f"{DICOM}; transfer-syntax={IMPLICIT}", "application/dicom+xml", f"{DICOM}; q=0"]
)
def test_files_are_nothing_else(accept):
    with pytest.raises(NotAcceptableError):
        files(accept, NATIVE)


@pytest.mark.parametrize("accept", ["nonsense", "a/b/c", "image/png; q=x", "image/png; =", "image /png"])
def test_what_is_no_media_type_is_a_bad_request(accept):
    with pytest.raises(BadRequestError):
        wanted([accept])


def test_quotes_may_hold_commas_and_semicolons():
    (found,) = wanted(['multipart/related; type="application/dicom"; boundary="a,b;c"; transfer-syntax=*; Q=0.3'])
    assert (found.media, found.is_multipart, found.syntax, found.quality) == (DICOM, True, "*", 0.3)
