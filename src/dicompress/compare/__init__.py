"""Two files of one image and a page that shows them side by side: `dicompress compare`. Needs the extra [compare]."""

from .comparison import Comparison, compare
from .page import page

__all__ = ["Comparison", "compare", "page"]
