"""Archives by somebody who makes the checksums right again: errors or the right files, and claims cost nothing."""

import zlib

import pytest
from helpers.series import MIXED, come_back, two_runs

from dicompress import DicompressError, LimitError, StreamError
from dicompress.series import Archive, parts
from dicompress.series.entry import from_json, to_json
from dicompress.series.heads import MAGIC, Packer, joined, split, zstd


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return two_runs(tmp_path_factory.mktemp("series") / "a.dcma")


@pytest.fixture
def opened(tmp_path):
    """A function that opens an archive of these bytes."""

    def opened(data: bytes) -> Archive:
        (tmp_path / "x.dcma").write_bytes(data)
        return Archive(tmp_path / "x.dcma")

    return opened


@pytest.fixture
def sound(opened, whole):
    with opened(whole) as archive:
        yield archive


class Raw(bytes):
    """In place of what Zstandard makes of the facts."""


def forged(path, whole: bytes, archive: Archive, change) -> Archive:
    """With an index whose facts, rows [gap, head, data, facts], `change` has changed."""
    place, head = parts.read_head(archive._bytes, parts.last_index(archive._bytes))
    packed, digests = split(head, 2)
    index = from_json(archive.packer.unpack(packed))
    changed = change(index) or index
    if isinstance(changed, dict) and isinstance(changed.get("files"), list) and len(changed["files"]) > 9:
        digests = bytes(32 * len(changed["files"]))
    with path.open("wb") as file:
        file.write(whole[: place.start])
        text = (
            changed if isinstance(changed, Raw) else archive.packer.pack(changed if isinstance(changed, bytes) else to_json(changed))
        )
        new = parts.write(file, parts.INDEX, joined(text, digests), parts.read_data(archive._bytes, place))
        parts.write_footer(file, new)
    return Archive(path)


def fact(**changes):
    def change(index):
        for name, value in changes.items():
            index["files"][4][3][name] = value

    return change


def row(**changes):
    def change(index):
        for name, value in changes.items():
            index["files"][4][["gap", "head", "data", "facts"].index(name)] = value

    return change


NONSENSE = {
    "series": lambda index: {"files": index["files"]},
    "no files": lambda index: {"series": "1", "files": 7},
    "a list": lambda index: [1, 2],
    "twice": lambda index: index["files"].append([0, 1, 1, index["files"][0][3]]),
    "negative": row(gap=-30),
    "far": row(gap=1 << 50),
    "long head": row(head=1 << 40),
    "long data": row(data=1 << 61),
    "no number": row(data="1"),
    "infinite": row(data=1e999),
    "facts": row(facts=[1]),
    "number": fact(number=1 << 60),
    "truth": fact(number=True),
    "method": fact(method="other"),
    "path": fact(path=3),
    "shape": fact(shape=[0, 48]),
    "axes": fact(shape=[4]),
    "type": fact(dtype="float16"),
    "object": fact(dtype="O"),
    "frames": fact(frames=-1),
    "references": fact(references=[0, 1, 2]),
    "itself": fact(references=[4, 5, 3]),
    "place": fact(place="1"),
    "nowhere": fact(place=float("nan")),
    "form": fact(form=[1]),
    "level": fact(form={"level": 10}),
    "mode": fact(mode=1 << 20),
    "unknown": fact(other=1),
    "deep": lambda index: b"[" * 100_000,
    "digits": lambda index: b'{"series":"1","files":[[' + b"9" * 9999 + b"]]}",
    "no JSON": lambda index: b"\xff",
    "no frame": lambda index: Raw(b"nothing of Zstandard"),
}


@pytest.mark.parametrize("change", NONSENSE.values(), ids=NONSENSE)
def test_a_forged_index_is_none_and_the_parts_are_there(tmp_path, whole, sound, change):
    with forged(tmp_path / "y.dcma", whole, sound, change) as archive:
        assert archive.problems and come_back(archive) == set(range(9))


CLAIMS = {
    "another file's part": lambda index: index["files"][4].__setitem__(3, index["files"][4][3] | {"path": "012.dcm", "number": 77}),
    "size": fact(size=1 << 61),
    "large image": fact(shape=[1 << 30, 1 << 30]),
    "many frames": fact(frames=1 << 40),
    "circle": lambda index: (
        [f[3].update(references=[(f[3]["number"] + 1) % 7]) for f in index["files"] if f[3]["method"] == "slice"] and index
    ),
    "lost": fact(references=[12345]),
    "no slice": fact(references=[7]),
    "other references": fact(references=[1]),
    "kept": fact(method="kept"),
    "compressed": fact(method="compressed", form={"start": 1 << 61}),
    "words": fact(form={"words": 1}),
    "big": fact(form={"big": 1}),
    "deflated": fact(form={"level": 9, "body": 1 << 61}),
}


@pytest.mark.parametrize("change", CLAIMS.values(), ids=CLAIMS)
def test_what_an_index_claims_costs_nothing_and_makes_no_wrong_file(tmp_path, whole, sound, change):
    with forged(tmp_path / "y.dcma", whole, sound, change) as archive:
        assert archive.problems == []
        bad = {number for number in archive.entries if archive.check(number)}
        assert bad and all(archive.restore(n) == MIXED[archive.entries[n].path] for n in set(archive.entries) - bad)
        for number in archive.entries:
            if archive.entries[number].method == "slice":
                try:
                    archive.header(number)
                except DicompressError:
                    pass


def test_a_chain_of_hundreds_is_refused_at_once(tmp_path, whole, sound):
    """Each of 300 entries, which are one part in truth, leans on the two before it."""

    def change(index):
        file = index["files"][0]
        facts = [file[3] | {"number": n, "references": [k for k in (n - 1, n - 2) if k >= 0]} for n in range(300)]
        index["files"] = [[file[0] if not n else 0, 1, 1, facts[n]] for n in range(300)]

    with forged(tmp_path / "y.dcma", whole, sound, change) as archive:
        assert archive.problems == [] and len(archive.entries) == 300
        with pytest.raises(StreamError, match="too many"):
            archive.pixels(299)


def test_bombs_are_refused(tmp_path, whole, sound, monkeypatch):
    bomb = zstd.compress(bytes(300 << 20), 1).removeprefix(MAGIC)
    assert len(bomb) < 1 << 16
    with forged(tmp_path / "y.dcma", whole, sound, lambda index: Raw(bomb)) as archive:
        assert "the limit is" in archive.problems[0] and come_back(archive) == set(range(9))
    monkeypatch.setenv("DICOMPRESS_MAX_MEMORY", str(1 << 30))
    with pytest.raises(LimitError):
        Packer().unpack(bomb)
    for claim in (1 << 40, (1 << 64) - 2):
        frame = bytes([0b11100000]) + claim.to_bytes(8, "little") + b"\1\0\0"
        with pytest.raises((LimitError, StreamError)):
            Packer().unpack(frame)


def test_parts_that_claim_to_be_huge(opened, whole):
    def header(head: int, data: int) -> bytes:
        start = parts.HEADER.pack(parts.PART, parts.FILE, head, data, 0)[:-4]
        return start + zlib.crc32(start).to_bytes(4, "little")

    for claim in (header(0, 1 << 40), header(0, (1 << 64) - 1), header((1 << 32) - 1, 5)):
        with opened(whole[:8] + claim + whole[8:-3]) as archive:
            assert come_back(archive) == set(range(9))


def test_what_looks_like_parts_does_not_take_for_ever(opened):
    """Each claims that the rest of the archive is its head."""
    size = 1 << 20
    data = b"".join(
        parts.HEADER.pack(parts.PART, parts.FILE, max(0, size - at - 21), 0, 0) for at in range(8, size, parts.HEADER.size)
    )
    with pytest.raises(LimitError, match="looks like parts"):
        opened(parts.MAGIC + data)
