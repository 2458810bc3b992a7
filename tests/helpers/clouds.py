"""An S3 server of our own, and file systems that fail as ours are told to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import fsspec
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem

from dicompress.places import remote

from .archives import call
from .files import pydicom_file

FILES = {"ct.dcm": pydicom_file(), "mr/mr.dcm": pydicom_file("MR_small.dcm"), "mr/read me #1%.txt": b"no image"}
SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"


def tree(folder: Path) -> Path:
    """`folder`, with these files."""
    for name, data in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def one(*arguments):
    """A command with a single worker, in this process."""
    return call(*arguments, "--jobs", 1)


@contextmanager
def s3_server() -> Iterator[str]:
    """The environment has it, for this process and those that it starts. Its address."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    settings = {
        "AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
    }  # fmt: skip
    try:
        with patch.dict(os.environ, settings):
            remote._system.cache_clear()
            yield address
    finally:
        remote._system.cache_clear()
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        server.stop()


class Slow(DirFileSystem):
    """slow://: a folder, as SFTP shows one: a file is seen while it is written. What was done is in `log`."""

    protocol, cachable = "slow", False
    root: str = ""
    log: list[tuple[str, str]] = []  # noqa: RUF012

    def __init__(self, **_: object):
        super().__init__(path=Slow.root, fs=LocalFileSystem())

    @classmethod
    def _strip_protocol(cls, path):
        return str(path).removeprefix("slow://").strip("/")

    def pipe_file(self, path, value, mode="overwrite", **_):
        Slow.log.append(("write", path))
        super().pipe_file(path, value)

    def mv(self, one, other, **_):
        Slow.log.append(("move", other))
        os.replace(os.path.join(Slow.root, one), os.path.join(Slow.root, other))
