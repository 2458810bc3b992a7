"""What a client accepts, and what of that an object can be given in (PS3.18 8.7, RFC 9110 12.5.1).

transfer-syntax=* gives HTJ2K, or the native form where that does not hold the pixels; of lossy objects what is stored. Our own transfer syntax
is for those who name it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, HTJ2KLossless, ImplicitVRLittleEndian

from ...dicom.syntax import DICOMPRESS, LOSSLESS, NATIVE
from ...errors import DicompressError

DICOM, JSON, OCTETS, ANY, MULTIPART = (
    "application/dicom",
    "application/dicom+json",
    "application/octet-stream",
    "*/*",
    "multipart/related",
)
SYNTAXES = {  # of image types, those of which one is meant where none is named first
    "image/jphc": ("4.201", "4.202", "4.203"), "image/jls": ("4.80", "4.81"), "image/jp2": ("4.90", "4.91"), "image/jpx": ("4.92", "4.93"),
    "image/jpeg": ("4.70", "4.50", "4.51", "4.57"), "image/jxl": ("4.110", "4.111", "4.112"), "image/dicom-rle": ("5",),
}  # fmt: skip
DEFAULTS = {media: UID(f"1.2.840.10008.1.2.{syntaxes[0]}") for media, syntaxes in SYNTAXES.items()}
MEDIA = {UID(f"1.2.840.10008.1.2.{syntax}"): media for media, syntaxes in SYNTAXES.items() for syntax in syntaxes}
OTHER_NAMES = {
    "image/x-jls": "image/jls",
    "image/x-dicom-rle": "image/dicom-rle",
    "image/x-jp2": "image/jp2",
    "image/jpg": "image/jpeg",
}
NOT_ON_THE_WEB = {ImplicitVRLittleEndian, ExplicitVRBigEndian}  # PS3.18 8.7.3
TOKEN = re.compile(r'\s*([^\s=;,"]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^;,"]*))?\s*')
EITHER = re.compile(r'((?:[^,"]|"(?:[^"\\]|\\.)*")+)')


class NotAcceptableError(DicompressError):
    """Nothing that the client accepts can be given."""


class BadRequestError(DicompressError):
    """The request is not what the standard has."""


@dataclass(frozen=True)
class Wanted:
    """media: of a part, if it is a multipart message. syntax: "*", a UID or "". quality: 0 to 1."""

    media: str
    is_multipart: bool
    syntax: str = ""
    quality: float = 1.0

    def takes(self, media: str) -> bool:
        kind = self.media.partition("/")[0]
        return self.media in (ANY, media) or (self.media == f"{kind}/*" and media.startswith(f"{kind}/"))


@dataclass(frozen=True)
class Choice:
    """What the client would take: a transfer syntax as a media type."""

    syntax: UID
    media: str
    is_multipart: bool

    @property
    def content_type(self) -> str:
        return f"{self.media}; transfer-syntax={self.syntax}"


def wanted(headers: Sequence[str], query: Sequence[str] = ()) -> list[Wanted]:
    """The best first; of equal ones in their order. query: values of the parameter accept, which stands before the header.

    BadRequestError for what cannot be read.
    """
    text = re.sub(r"dicom (json|xml)", r"dicom+\1", ",".join(query)) or ",".join(headers)  # a bare + in a query is a blank
    found = [_one(part) for part in EITHER.findall(text) if part.strip()] or [Wanted(ANY, False)]
    return sorted(found, key=lambda one: -one.quality)


def best(found: Sequence[Wanted], offers: Sequence[str], what: str) -> str:
    """Of media types that have no transfer syntax, the default first. NotAcceptableError."""
    for one in found:
        for offer in offers:
            if one.quality and one.takes(offer) and _quality(found, offer) and not (one.is_multipart and one.media != ANY):
                return offer
    raise NotAcceptableError(f"{what} can be had as {', '.join(offers)}")


def frame_choices(found: Sequence[Wanted], stored: UID, several: bool) -> list[Choice]:
    """For frames of an object in the transfer syntax `stored`. several: more than one. NotAcceptableError."""
    choices = []
    for one in found:
        for syntax in _syntaxes(one, stored):
            media = _media(one, syntax)
            multipart = one.is_multipart or one.media == ANY
            if media and one.quality and _quality(found, media) and (multipart or not several):
                choices.append(Choice(syntax, media, multipart))
    if not choices:
        several_only = " Several frames come as multipart/related." if several else ""
        raise NotAcceptableError(
            f"frames can be had as application/octet-stream (native), image/jphc, image/jls, image/jp2, image/jxl without loss, and as they are "
            f"stored ({stored.name}, {stored}): transfer-syntax=* takes whatever fits.{several_only}"
        )
    return list(dict.fromkeys(choices))


def file_choices(found: Sequence[Wanted], stored: UID, several: bool) -> list[Choice]:
    """For a whole object. several: more than one. NotAcceptableError."""
    choices = []
    for one in found:
        if not one.takes(DICOM) or not one.quality or not _quality(found, DICOM):
            continue
        multipart = one.is_multipart or one.media == ANY
        if not multipart and several:
            continue
        named = [stored, ExplicitVRLittleEndian, HTJ2KLossless] if one.syntax == "*" else [UID(one.syntax)]
        if not one.syntax:
            named = [ExplicitVRLittleEndian] if _is_lossless(stored) else [stored, ExplicitVRLittleEndian]
        usual = [syntax for syntax in named if syntax not in NOT_ON_THE_WEB and (one.syntax == syntax or syntax != DICOMPRESS)]
        choices += [Choice(syntax, DICOM, multipart) for syntax in usual]
    if not choices:
        several_only = " Several come as multipart/related." if several else ""
        raise NotAcceptableError(
            f"it can be had as application/dicom; transfer-syntax=*, which gives what is stored ({stored.name}, {stored}), or another one "
            f"where the pixels can be had without loss.{several_only}"
        )
    return list(dict.fromkeys(choices))


def syntaxes(choices: Sequence[Choice]) -> tuple[UID, ...]:
    """The best first, each once."""
    return tuple(dict.fromkeys(choice.syntax for choice in choices))


def chosen(choices: Sequence[Choice], syntax: UID | None) -> Choice:
    """The best one in a transfer syntax."""
    return next(choice for choice in choices if choice.syntax == syntax)


def _one(text: str) -> Wanted:
    kind, *parameters = (TOKEN.fullmatch(part) for part in re.findall(r'(?:[^;"]|"(?:[^"\\]|\\.)*")+', text))
    if kind is None or kind[2] is not None or not re.fullmatch(r"[\w*+.-]+/[\w*+.-]+", kind[1]) or not all(parameters):
        raise BadRequestError(f"{text.strip()!r} is no media type")
    values = {one[1].lower(): (one[2] or "").strip().strip('"') for one in parameters if one}
    media = kind[1].lower()
    multipart = media in (MULTIPART, "multipart/*")
    inner = values.get("type", ANY).lower() if multipart else media
    try:
        quality = float(values.get("q", 1))
    except ValueError:
        raise BadRequestError(f"q={values['q']} is no number") from None
    return Wanted(OTHER_NAMES.get(inner, inner), multipart, values.get("transfer-syntax", ""), min(max(quality, 0.0), 1.0))


def _quality(found: Sequence[Wanted], media: str) -> float:
    """That of the entry that says most of a media type."""
    takers = [one for one in found if one.takes(media)]
    return max(takers, key=lambda one: (one.media == media, one.media != ANY, one.quality)).quality if takers else 0.0


def _is_lossless(syntax: UID) -> bool:
    """Whether the pixels can be had in another syntax."""
    return syntax in NATIVE or syntax in LOSSLESS or syntax == DICOMPRESS


def _syntaxes(one: Wanted, stored: UID) -> list[UID]:
    """For frames, the best first."""
    if one.syntax not in ("", "*"):
        return [UID(one.syntax)] if one.syntax not in NOT_ON_THE_WEB else []
    if not _is_lossless(stored):
        return [stored]
    if one.media in DEFAULTS:
        return [stored, DEFAULTS[one.media]] if MEDIA.get(stored) == one.media else [DEFAULTS[one.media]]
    return [HTJ2KLossless, ExplicitVRLittleEndian] if one.syntax == "*" or one.media == "image/*" else [ExplicitVRLittleEndian]


def _media(one: Wanted, syntax: UID) -> str | None:
    """As what a client takes frames in a syntax; octets hold them all."""
    own = MEDIA.get(syntax, OCTETS)
    if one.takes(own):
        return own
    return OCTETS if one.takes(OCTETS) else None
