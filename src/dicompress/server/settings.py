"""What a gateway is told: options of `dicompress serve`, and STORE/serve.toml for peers, limits and secrets."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

from .. import units
from ..errors import FileError
from ..store import config

NAME = "serve.toml"
TOKEN = "DICOMPRESS_TOKEN"  # noqa: S105  # the variable of the environment that may have it
PATHS = ("certificate", "key", "authorities", "viewer")
LONGEST_TITLE = 16  # characters of an AE title


class Peer(NamedTuple):
    """Where C-MOVE and storage commitment reach an AE title. tls: it speaks TLS. private: it names our transfer syntax as one it reads."""

    host: str
    port: int
    tls: bool = False
    private: bool = False


@dataclass(frozen=True)
class Settings:
    """host: what both doors bind to. Ports: 0 for any that is free. aet: the AE title that is answered to. peers: by AE title.

    token: what web clients must send ("Authorization: Bearer ..."); none: everybody is answered. certificate, key: PEM files, for TLS
    of both doors. authorities: a PEM file of those whose certificates DICOM peers must show. max_object: bytes of an object that is
    taken. timeout: seconds without a word after which a peer is given up. jobs: processes that decode. cache: bytes of frames that
    are kept. viewer: the folder of a built OHIF. origins: of pages elsewhere that may call the web door (CORS), with blanks between them.
    """

    host: str = "127.0.0.1"
    dicom_port: int = 11112
    web_port: int = 8042
    aet: str = "DICOMPRESS"
    peers: Mapping[str, Peer] = field(default_factory=dict)
    token: str | None = None
    certificate: Path | None = None
    key: Path | None = None
    authorities: Path | None = None
    max_object: int = 2 * 10**9
    max_associations: int = 50
    timeout: float = 60.0
    jobs: int = os.cpu_count() or 1
    cache: int = 512 * 10**6
    viewer: Path | None = None
    origins: str | None = None

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches the doors."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def load(folder: Path, **options: Any) -> Settings:
    """serve.toml of a store, if there is one, and options, which win unless they are None. FileError if they make no sense."""
    path = folder / NAME
    values = dict(config.read(path, "")) if path.exists() else {}
    told, peers = values.pop("serve", {}), values.pop("peer", [])
    try:
        if values or not isinstance(told, dict) or not isinstance(peers, list):
            raise FileError(f"it has [serve] and [[peer]], not {', '.join(values) or 'others'}")
        found = {name: _value(name, value, folder) for name, value in told.items()}
        found["peers"] = dict(_peer(one) for one in peers)
    except FileError as error:
        raise FileError(f"{path}: {error}") from None
    if os.environ.get(TOKEN):
        found["token"] = os.environ[TOKEN]
    settings = replace(Settings(), **found | {name: value for name, value in options.items() if value is not None})
    check(settings)
    return settings


def check(settings: Settings) -> None:
    """FileError for what would not work, or would open a door by mistake."""
    _title(settings.aet)
    if bool(settings.certificate) != bool(settings.key):
        raise FileError("TLS takes both, certificate and key")
    if settings.authorities and not settings.certificate:
        raise FileError("authorities, of peers' certificates, goes with certificate and key")
    if not settings.is_local and not settings.token:
        raise FileError(
            f"bound to {settings.host}, others than this machine reach the web door: set a token ({TOKEN} in the environment, or "
            f"token in {NAME}), or leave the host at 127.0.0.1"
        )


def _value(name: str, value: Any, folder: Path) -> Any:
    known = {one.name for one in fields(Settings)} - {"peers"}
    if name not in known:
        raise FileError(f"{name} is no setting; there are {', '.join(sorted(known))}")
    if name in ("max_object", "cache"):
        return units.size(value)
    if name == "timeout":
        return units.seconds(value)
    default: Any = getattr(Settings, name, None)
    if isinstance(default, int):
        if type(value) is not int or value < (0 if name.endswith("port") else 1):
            raise FileError(f"{name} = {value!r} is no number, or too small")
        return value
    if not isinstance(value, str):
        raise FileError(f"{name} = {value!r} is no text")
    return folder / value if name in PATHS else value


def _peer(values: Any) -> tuple[str, Peer]:
    kinds: dict[str, type] = {"aet": str, "host": str, "port": int, "tls": bool, "private": bool}
    if not isinstance(values, dict) or not {"aet", "host", "port"} <= values.keys() <= kinds.keys():
        raise FileError(f"a [[peer]] has aet, host, port, and tls, private if it wants them; not {values!r}")
    for name, value in values.items():
        if type(value) is not kinds[name]:
            raise FileError(f"{name} = {value!r} of a [[peer]] is no {kinds[name].__name__}")
    return _title(values["aet"]), Peer(**{name: value for name, value in values.items() if name != "aet"})


def _title(title: str) -> str:
    """PS3.5 6.2, AE. FileError."""
    if not 0 < len(title.strip()) <= len(title) <= LONGEST_TITLE or not title.isascii() or not title.isprintable() or "\\" in title:
        raise FileError(f"{title!r} is no AE title: at most {LONGEST_TITLE} characters of ASCII, no backslash")
    return title.strip()
