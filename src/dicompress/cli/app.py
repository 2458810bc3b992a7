"""The commands of `dicompress` (typer)."""

from __future__ import annotations

import signal
import sys
from typing import Annotated

import typer

from .. import __version__
from ..errors import DicompressError
from . import archive, output, plugged, series, serve, store, tools, transcode

app = typer.Typer(
    cls=plugged.Commands,
    help="Learned compression of DICOM images, lossless or with a bounded error, bit-exact on every machine.",
    no_args_is_help=True,
    **plugged.LIKE,
)
for command in (
    archive.compress, archive.decompress, transcode.transcode, archive.verify, archive.strip, archive.info,
    series.pack, series.unpack, series.list_, series.extract, serve.serve, tools.demo, tools.compare, tools.merge_reports, tools.kit,
):  # fmt: skip
    app.command(command.__name__.rstrip("_").replace("_", "-"))(command)
app.add_typer(store.app, name="store")


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does
    try:
        try:
            app()
        finally:
            if sys.stdout:
                sys.stdout.flush()
    except DicompressError as error:
        _end(str(error))
    except OSError as error:
        output.discard()
        _end(f"{error.filename or 'cannot write to standard output'}: {error.strerror}")


def _end(text: str) -> None:
    """One line, and exit status 1."""
    print(f"dicompress: {output.printable(text)}", file=sys.stderr)
    sys.exit(1)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"dicompress {__version__}")
        raise typer.Exit()


@app.callback()
def _options(
    version: Annotated[bool | None, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = None,
) -> None:
    pass
