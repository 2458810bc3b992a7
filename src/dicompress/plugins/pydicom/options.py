"""What pydicom's decoders and encoders are told of the pixels, and the elements that it stands for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydicom.dataset import Dataset

from ...dicom.pixels import PixelLayout, layout

OPTIONS = {
    "rows": "Rows",
    "columns": "Columns",
    "number_of_frames": "NumberOfFrames",
    "samples_per_pixel": "SamplesPerPixel",
    "planar_configuration": "PlanarConfiguration",
    "photometric_interpretation": "PhotometricInterpretation",
    "bits_allocated": "BitsAllocated",
    "bits_stored": "BitsStored",
    "pixel_representation": "PixelRepresentation",
}


def layout_of(options: Mapping[str, Any]) -> PixelLayout:
    """Of the options of a runner, among others. Floats by the keyword of their element.

    UnsupportedImageError, LimitError as `layout`.
    """
    elements = Dataset()
    for name, keyword in OPTIONS.items():
        if options.get(name) is not None:
            setattr(elements, keyword, options[name])
    return layout(elements, floating="Float" in str(options.get("pixel_keyword", "")))
