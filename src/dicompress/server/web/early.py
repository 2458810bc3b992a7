"""Early pictures of frames (docs/service.md), under a path of their own: who asks for frames never gets one."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from ...dicom.early import SYNTAX
from ...errors import UnsupportedImageError
from ..tasks import Early
from . import answers
from .accept import OCTETS
from .answers import Part
from .door import base, door
from .frames import frame_numbers
from .wado import INSTANCE

router = APIRouter()
TELLS = "an early picture, not for diagnosis: it has every few pixels of the frame only"


@router.get(INSTANCE + "/early/{number}", name="early")
async def early(request: Request, study: str, series: str, instance: str, number: str) -> Response:
    """Multipart, as viewers ask for frames. Where there is none the frame itself, by a redirection: viewers take errors for failures."""
    one = await door(request).object(study, series, instance)
    frame = frame_numbers(number, one)[0]
    tag = answers.etag("early", base(request), one.uid, one.form, frame)
    if answers.is_known(request, tag):
        return answers.not_modified(tag)
    try:
        found = await door(request).ask(one.task(Early, frame))
    except UnsupportedImageError:
        return RedirectResponse(f"../frames/{frame + 1}", 307)
    warned = {"Warning": answers.warning(TELLS)}
    part = Part(found.data, f"{OCTETS}; transfer-syntax={SYNTAX}", {"Content-Location": str(request.url.replace(query="")), **warned})
    body, content_type = answers.multipart(OCTETS, answers.boundary_of(tag), [part])
    return answers.whole(request, body, content_type, tag, warned)
