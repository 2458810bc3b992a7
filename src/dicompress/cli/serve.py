"""`dicompress serve`: a store's two doors, DIMSE and DICOMweb (docs/service.md)."""

from __future__ import annotations

import logging
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from ..errors import DicompressError
from .store import Folder

NEEDED = ("pynetdicom", "fastapi", "uvicorn", "prometheus_client", "python_multipart", "sqlalchemy", "fsspec")
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def serve(
    store: Folder,
    host: Annotated[str | None, typer.Option(help="Address to bind to.", show_default="127.0.0.1")] = None,
    dicom_port: Annotated[int | None, typer.Option(min=0, max=65535, help="Of DIMSE.", show_default="11112")] = None,
    web_port: Annotated[int | None, typer.Option(min=0, max=65535, help="Of DICOMweb.", show_default="8042")] = None,
    aet: Annotated[
        str | None, typer.Option(metavar="TITLE", help="The AE title that is answered to.", show_default="DICOMPRESS")
    ] = None,
    viewer: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Serve the OHIF that is built there.", show_default=False)
    ] = None,
    log: Annotated[str, typer.Option(metavar="LEVEL", help="debug also logs what identifies patients.")] = "info",
) -> None:
    """Serve a store by DIMSE (C-ECHO, C-STORE, C-FIND, C-MOVE, C-GET, storage commitment) and DICOMweb until Ctrl-C or SIGTERM.

    Peers, limits, the token and TLS are in STORE/serve.toml. Compression is `dicompress store compress --watch`, beside it.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise DicompressError(f"serve needs {', '.join(missing)}: pip install 'dicompress[serve]'")
    if log.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise DicompressError(f"{log} is no level of a log: debug, info, warning, error")
    logging.basicConfig(level=log.upper(), format=FORMAT)
    warnings.simplefilter("ignore")  # pydicom's quote values
    for library, level in (("uvicorn", "WARNING"), ("pynetdicom", "WARNING"), ("pydicom", "ERROR")):  # as below that they do, too
        logging.getLogger(library).setLevel(level)
    import signal
    import threading

    from ..server import settings
    from ..server.serve import Gateway
    from ..store import Store

    told = settings.load(store, host=host, dicom_port=dicom_port, web_port=web_port, aet=aet, viewer=viewer)
    ends = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ends.set())
    with Store(store) as opened, Gateway(opened, told):
        ends.wait()
