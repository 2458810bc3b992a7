"""URLs that are no object store's: files, memory, the web, and file systems where a file is seen while it is written."""

import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

fsspec = pytest.importorskip("fsspec")

from helpers import clouds  # noqa: E402
from helpers.archives import call  # noqa: E402
from helpers.clouds import FILES, one  # noqa: E402
from helpers.folders import contents, facts  # noqa: E402

from dicompress import DicompressError, FileError, places  # noqa: E402
from dicompress.cli import files  # noqa: E402
from dicompress.places import Url, remote  # noqa: E402


@pytest.fixture
def tree(tmp_path):
    return clouds.tree(tmp_path / "in")


def test_file_urls_are_paths(tree, tmp_path):
    assert one("compress", f"file://{tree}", "-o", f"file://{tmp_path}/small").status == 0
    assert places.at(f"file://{tree}") == tree
    assert facts(tmp_path / "small" / "ct.dcm") == facts(tree / "ct.dcm")  # with all that paths are promised
    assert one("compress", f"file://{tree}", "--in-place").status == 0


def test_memory(tree):
    assert call("compress", tree, "-o", "memory://small", "--jobs", 2).status == 0  # by no other process, whose memory that would be
    assert one("verify", "memory://small").out == "2 verified, 1 not ours, 0 bad\n"
    fsspec.filesystem("memory").rm("/small", recursive=True)


def test_the_web_is_a_source_and_no_target(tree, tmp_path):
    handler = partial(SimpleHTTPRequestHandler, directory=tree)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{web.server_port}/ct.dcm"
        assert one("compress", url, "-o", f"{tmp_path}/small/").status == 0
        assert one("decompress", tmp_path / "small", "-o", tmp_path / "back").status == 0
        ended = one("compress", tree / "ct.dcm", "-o", url.replace("ct", "new"))
        assert ended.status == 1 and f"cannot write {url.replace('ct', 'new')}: " in ended.err
        web.shutdown()
    assert contents(tmp_path / "back") == {"ct.dcm": FILES["ct.dcm"]}


@pytest.fixture
def slow(tmp_path, monkeypatch):
    fsspec.register_implementation("slow", clouds.Slow, clobber=True)
    monkeypatch.setattr(clouds.Slow, "root", str(tmp_path / "served"))
    monkeypatch.setattr(clouds.Slow, "log", [])
    (tmp_path / "served").mkdir()
    remote._system.cache_clear()
    yield tmp_path / "served"
    remote._system.cache_clear()


def test_where_a_file_is_seen_while_it_is_written_it_is_moved_when_it_is_whole(tree, slow):
    assert one("compress", tree, "-o", "slow://host/small").status == 0
    moves = [path for what, path in clouds.Slow.log if what == "move"]
    writes = [path for what, path in clouds.Slow.log if what == "write"]
    assert sorted(moves) == sorted(f"host/small/{name}" for name in FILES)
    assert all(Path(path).name.startswith(".dicompress-") for path in writes)
    assert sorted(contents(slow)) == sorted(moves)
    assert one("verify", "slow://host/small").out == "2 verified, 1 not ours, 0 bad\n"
    assert set(call("compress", tree, "-o", "slow://host/small", "--resume", "--json", "--jobs", 1).statuses.values()) == {"kept"}
    with pytest.raises(FileError, match="exists; --force"):
        places.write(places.at("slow://host/small/ct.dcm"), b"x", replace=False)


def test_what_is_half_written_there_has_another_name(slow, monkeypatch):
    places.write(places.at("slow://host/a"), b"before")

    def cut(self, path, value, **_):
        with self.open(path, "wb") as file:
            file.write(value[:2])
        raise OSError("the line is cut")

    monkeypatch.setattr(clouds.Slow, "pipe_file", cut)
    with pytest.raises(FileError, match="cannot write slow://host/a: the line is cut"):
        places.write(places.at("slow://host/a"), b"after")
    assert contents(slow) == {"host/a": b"before"}
    (slow / "host" / ".dicompress-0.partial").write_bytes(b"what a killed run left")
    assert [task.name for task in files.tasks(["slow://host"], None)] == ["a"]


def test_folders_that_cannot_be_listed_are_told(slow, monkeypatch):
    (slow / "in" / "shut").mkdir(parents=True)
    (slow / "in" / "a.dcm").write_bytes(FILES["ct.dcm"])
    ls = clouds.Slow.ls

    def refuse(self, path, *args, **options):
        if path.endswith("shut"):
            raise PermissionError(13, "Permission denied")
        return ls(self, path, *args, **options)

    monkeypatch.setattr(clouds.Slow, "ls", refuse)
    found = files.tasks(["slow://in"], None)
    assert [(task.name, task.problem) for task in found] == [("", "in/shut cannot be read: Permission denied"), ("a.dcm", None)]


@pytest.mark.parametrize("name, path, suffix, parent", [
    ("s3://b/a/x.dcma", "b/a/x.dcma", ".dcma", "s3://b/a"), ("S3://b/", "b", "", "s3://"), ("gs://b/.hidden", "b/.hidden", "", "gs://b"),
])  # fmt: skip
def test_names_of_urls(name, path, suffix, parent):
    url = Url.of(name)
    assert (url.path, url.suffix, str(url.parent)) == (path, suffix, parent)
    assert str(url / "c" / "d e.dcm") == f"{url}/c/d e.dcm"


def test_a_url_without_its_package_says_what_to_install():
    for url in ("nosuch://x/y", "gs://x/y"):
        try:
            places.at(url)
        except DicompressError as error:
            assert url.partition("//")[0] in str(error)
    code = (
        "import sys; sys.modules['fsspec'] = None\n"
        "from dicompress.cli import main; sys.argv[1:] = ['verify', 's3://b/x']\nsys.exit(main())"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert (ended.returncode, ended.stderr) == (1, "dicompress: s3://b: URLs need fsspec: pip install 'dicompress[cloud]'\n")
