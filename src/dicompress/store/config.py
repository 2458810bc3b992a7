"""A store's folder: what it is made of (store.toml), its rules, and by default the objects and their index, too."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import units
from ..disk import targets
from ..errors import FileError

NAME, RULES, AUDIT = "store.toml", "rules.toml", "audit.jsonl"
OBJECTS, INDEX = "objects", "index.sqlite"
TEXT = """# What this store is made of. Rules of compression are in rules.toml beside it.
data = {data}    # a folder, from here, or a URL of fsspec
index = {index}  # a file of SQLite, from here, or a URL of PostgreSQL
lease = "10 min"  # for so long an object is a worker's, unless it says that it is still at it

[verify]  # by `dicompress store compress --watch`
every = "1 d"
sample = "1 %"  # those that were not looked at for longest
"""


@dataclass(frozen=True)
class Config:
    """data: a folder or a URL. index: a URL of SQLAlchemy. lease, verify_every: in seconds. verify_sample: a share."""

    folder: Path
    data: str
    index: str
    lease: float
    verify_every: float
    verify_sample: float

    @property
    def rules(self) -> Path:
        return self.folder / RULES

    @property
    def audit(self) -> Path:
        return self.folder / AUDIT


def new(folder: Path, data: str, index: str) -> Config:
    """What a new store will be, in a folder that is there then. FileError if there is a store already."""
    if (folder / NAME).exists():
        raise FileError(f"{folder} is a store already")
    try:
        targets.make_folder(folder)
    except OSError as error:
        raise FileError(f"{folder} cannot be made: {error.strerror}") from None
    return _config(folder, tomllib.loads(_text(data, index)))


def save(config: Config, data: str, index: str, rules: str) -> None:
    """Rules that are there stay."""
    if not config.rules.exists():
        targets.write(config.rules, rules.encode(), replace=False)
    targets.write(config.folder / NAME, _text(data, index).encode(), replace=False)


def load(folder: Path) -> Config:
    """FileError if there is no store, or its store.toml is none."""
    return _config(folder, read(folder / NAME, f"{folder} is no store: `dicompress store init {folder}` makes one"))


def _text(data: str, index: str) -> str:
    return TEXT.format(data=json.dumps(data), index=json.dumps(index))


def _config(folder: Path, values: Mapping[str, Any]) -> Config:
    verify = values.get("verify", {})
    unknown = [*(values.keys() - {"data", "index", "lease", "verify"}), *(verify.keys() - {"every", "sample"})]
    if unknown or not all(isinstance(values.get(k), str) for k in ("data", "index")):
        raise FileError(f"{folder / NAME}: it has data, index, lease and [verify] every, sample; not {', '.join(unknown) or 'both'}")
    data, index = values["data"], values["index"]
    try:
        return Config(
            folder, data if "://" in data else str(folder / data), index if "://" in index else f"sqlite:///{folder / index}",
            units.seconds(values.get("lease", "10 min")), units.seconds(verify.get("every", "1 d")),
            units.share(verify.get("sample", "1 %")),
        )  # fmt: skip
    except FileError as error:
        raise FileError(f"{folder / NAME}: {error}") from None


def read(path: Path, missing: str) -> Mapping[str, Any]:
    """A file of TOML. FileError."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise FileError(missing) from None
    except (OSError, ValueError) as error:
        raise FileError(f"{path} cannot be read: {error}") from None


def check_index(config: Config) -> None:
    """FileError if the file of an index in SQLite is not there: SQLite would make an empty one."""
    path = Path(config.index.removeprefix("sqlite:///"))
    if not path.exists():
        raise FileError(f"{path}, the store's index, is missing: put it back from a backup, or see docs/store.md")
