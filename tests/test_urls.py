"""Sources and targets at URLs: what is promised of files holds there, too."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

fsspec = pytest.importorskip("fsspec")
pytest.importorskip("s3fs")
pytest.importorskip("moto.server")

from helpers import clouds  # noqa: E402
from helpers.archives import call, make_series, pack, unpack  # noqa: E402
from helpers.command import run  # noqa: E402
from helpers.files import pydicom_file  # noqa: E402
from helpers.folders import contents, facts  # noqa: E402

from dicompress import DicompressError, FileError, places  # noqa: E402
from dicompress.cli import files  # noqa: E402
from dicompress.places import Url, remote  # noqa: E402

FILES = {"ct.dcm": pydicom_file(), "mr/mr.dcm": pydicom_file("MR_small.dcm"), "mr/read me #1%.txt": b"no image"}


@pytest.fixture(scope="module")
def server():
    with clouds.s3_server() as address:
        yield address


@pytest.fixture
def bucket(server, request):
    """s3://name of an empty bucket."""
    name = "bucket-" + str(abs(hash(request.node.name)))
    system().mkdir(name)
    yield f"s3://{name}"
    system().rm(name, recursive=True)


def system():
    return fsspec.filesystem("s3", use_listings_cache=False)


def renewed() -> None:
    """File systems that are made from now on know what was patched."""
    system().clear_instance_cache()
    remote._system.cache_clear()


def stored(url: str) -> dict[str, bytes]:
    """What is below a URL."""
    root = url.removeprefix("s3://") + "/"
    return {path.removeprefix(root): system().cat_file(path) for path in system().find(root)}


@pytest.fixture
def tree(tmp_path):
    for name, data in FILES.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(data)
    return tmp_path / "in"


def one(*arguments):
    return call(*arguments, "--jobs", 1)


def test_a_tree_goes_to_a_bucket_and_comes_back(tree, bucket, tmp_path):
    ended = one("compress", tree, "-o", f"{bucket}/small")
    assert ended.status == 0 and ended.out.startswith("2 compressed, 0 passed on, 1 other file copied, 0 failed; ")
    one("compress", tree, "-o", tmp_path / "small")
    assert stored(f"{bucket}/small") == contents(tmp_path / "small")
    assert one("verify", f"{bucket}/small").out == "2 verified, 1 not ours, 0 bad\n"
    assert one("decompress", f"{bucket}/small/", "-o", f"{bucket}/back").status == 0  # from a URL to a URL
    assert stored(f"{bucket}/back") == contents(tree)
    assert one("decompress", f"{bucket}/small", "-o", tmp_path / "back").status == 0
    assert contents(tmp_path / "back") == contents(tree)
    assert one("transcode", f"{bucket}/small/ct.dcm", "--to", "native", "-o", f"{bucket}/native/").status == 0
    assert list(stored(f"{bucket}/native")) == ["ct.dcm"]
    assert json.loads(call("info", f"{bucket}/small/ct.dcm", "--json").out)["file"] == f"{bucket}/small/ct.dcm"


def test_worker_processes_reach_the_bucket(tree, bucket):
    assert run("compress", tree, "-o", f"{bucket}/small", "--jobs", 2).stdout.startswith("2 compressed")
    assert len(stored(f"{bucket}/small")) == 3


def test_shards_and_listings_of_a_bucket(tree, bucket, tmp_path):
    for name, data in FILES.items():
        system().pipe_file(f"{bucket}/in/{name}", data)
    (tmp_path / "files").write_text("".join(f"{len(data)}\t{name}\n" for name, data in FILES.items()))
    for index in range(2):
        assert one("compress", f"{bucket}/in", "-o", f"{bucket}/a", "--shard", f"{index}/2").status == 0
        assert (
            one("compress", f"{bucket}/in", "-o", f"{bucket}/b", "--shard", f"{index}/2", "--listing", tmp_path / "files").status == 0
        )
    assert stored(f"{bucket}/a") == stored(f"{bucket}/b") != {}


def test_nothing_is_replaced_unless_that_is_said(tree, bucket):
    target, mine = f"{bucket}/ct.dcm", FILES["mr/mr.dcm"]
    system().pipe_file(target, mine)
    ended = one("compress", tree / "ct.dcm", "-o", target)
    assert ended.status == 1 and f"{tree}/ct.dcm: the target {target} exists; --force replaces it" in ended.err
    assert one("compress", tree / "ct.dcm", "-o", target, "--resume").status == 1
    assert system().cat_file(target) == mine
    with pytest.raises(FileError, match="exists; --force"):  # what appeared a moment ago, too
        places.write(places.at(target), b"ours", replace=False)
    assert system().cat_file(target) == mine
    places.write(places.at(target), mine, replace=False)  # a second try of a request whose answer was lost
    assert one("compress", tree / "ct.dcm", "-o", target, "--force").status == 0
    assert one("verify", target).out == "1 verified, 0 not ours, 0 bad\n"


def test_a_run_goes_on(tree, bucket):
    one("compress", tree / "ct.dcm", "-o", f"{bucket}/small/")
    good = stored(f"{bucket}/small")["ct.dcm"]
    system().pipe_file(f"{bucket}/small/mr/mr.dcm", good[:-99])  # damaged: a file that is cut
    ended = call("compress", tree, "-o", f"{bucket}/small", "--resume", "--json", "--jobs", 1)
    assert ended.statuses == {"ct.dcm": "kept", "mr.dcm": "compressed", "read me #1%.txt": "passed on"}
    assert one("verify", f"{bucket}/small").status == 0


def test_what_fails_is_told_with_its_url(tree, bucket):
    system().pipe_file(f"{bucket}/in/ct.dcm", FILES["ct.dcm"])
    ended = one("compress", f"{bucket}/in", f"{bucket}/none.dcm", "-o", f"{bucket}/out")
    assert ended.status == 1 and f"{bucket}/none.dcm: cannot be read: there is no such file" in ended.err
    assert list(stored(f"{bucket}/out")) == ["in/ct.dcm"]
    ended = one("compress", tree / "ct.dcm", "-o", "s3://no-such-bucket-here/out/")
    assert ended.status == 1 and "cannot write s3://no-such-bucket-here/out/ct.dcm: " in ended.err
    assert "no-such-bucket-here" not in system().ls("")


def test_secrets_are_never_told(tree, bucket, monkeypatch):
    for url in ("sftp://me:hunter2@host/x", "https://host/x?X-Amz-Signature=hunter2"):
        ended = one("compress", tree, "-o", url)
        assert ended.status == 1 and "hunter2" not in ended.err and "credentials are taken from the environment" in ended.err
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    command = [sys.executable, "-m", "dicompress", "verify", f"{bucket}/x"]
    environment = os.environ | {"AWS_MAX_ATTEMPTS": "1"}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert ended.returncode == 1 and bucket in ended.stderr
    assert clouds.SECRET not in ended.stdout + ended.stderr and "Traceback" not in ended.stderr


def test_a_bad_upload_is_a_failure(tree, bucket, monkeypatch):
    real = remote._system

    class Worn:
        def __init__(self, files):
            self.files = files

        def __getattr__(self, name):
            return getattr(self.files, name)

        def pipe_file(self, path, data, **options):
            self.files.pipe_file(path, data[:-1] + b"?", **options)

    monkeypatch.setattr(remote, "_system", lambda *place: Worn(real(*place)))
    ended = one("compress", tree / "ct.dcm", "-o", f"{bucket}/ct.dcm")
    assert ended.status == 1 and f"cannot write {bucket}/ct.dcm: what is read again is not what was written" in ended.err


def test_an_upload_that_is_cut_leaves_nothing(bucket, monkeypatch):
    """Large files go in parts: they are put together in one step, or given up."""
    data = os.urandom(12 << 20)
    system_of_s3 = type(system())
    pipe, call_s3, calls = system_of_s3._pipe_file, system_of_s3._call_s3, []

    async def in_parts(self, path, data, **options):
        return await pipe(self, path, data, chunksize=5 << 20, **options)

    async def cut(self, method, *args, **options):
        calls.append(method)
        if method == "upload_part" and options["PartNumber"] == 3:
            raise OSError("the line is cut")
        return await call_s3(self, method, *args, **options)

    monkeypatch.setattr(system_of_s3, "_pipe_file", in_parts)
    renewed()
    places.write(places.at(f"{bucket}/large"), data)
    assert stored(bucket) == {"large": data}
    monkeypatch.setattr(system_of_s3, "_call_s3", cut)
    with pytest.raises(FileError, match="large: the line is cut"):
        places.write(places.at(f"{bucket}/large"), data[::-1])
    assert "abort_multipart_upload" in calls
    monkeypatch.undo()
    renewed()
    assert stored(bucket) == {"large": data}


def test_keys_that_would_leave_the_folder_are_told(bucket, tmp_path):
    for key in ("in/../../up.dcm", "in//etc/abs.dcm", "in/good.dcm"):
        system().pipe_file(f"{bucket}/{key}", FILES["ct.dcm"])
    ended = one("compress", f"{bucket}/in", "-o", tmp_path / "deep" / "out")
    assert ended.status == 1 and ended.err.count("its path would leave the folder") == 2
    assert list(contents(tmp_path)) == ["deep/out/good.dcm"]


def test_archives_of_series_in_a_bucket(bucket, tmp_path):
    source = make_series(tmp_path / "in")
    url = f"{bucket}/packed/1.2.3.4.dcma"
    assert pack(source, f"{bucket}/packed").status == 0
    pack(source, tmp_path / "packed")
    assert stored(f"{bucket}/packed") == contents(tmp_path / "packed")
    assert set(pack(source, f"{bucket}/packed").statuses.values()) == {"failed"}
    before = stored(f"{bucket}/packed")
    assert set(pack(source, f"{bucket}/packed", "--resume").statuses.values()) == {"kept"}
    assert stored(f"{bucket}/packed") == before
    make_series(source, [7])
    ended = pack(source, f"{bucket}/packed", "--resume")
    assert ended.status == 0 and ended.statuses["07.dcm"] == "compressed"
    assert one("verify", f"{bucket}/packed").out == "5 verified, 0 not ours, 0 bad\n"
    assert len(call("list", url).out.splitlines()) == 5
    assert call("extract", url, "02.dcm", "-o", tmp_path / "two.dcm").status == 0
    assert (tmp_path / "two.dcm").read_bytes() == (source / "02.dcm").read_bytes()
    assert unpack(url, tmp_path / "back").status == unpack(f"{bucket}/packed", f"{bucket}/back").status == 0
    assert contents(tmp_path / "back") == contents(source) == stored(f"{bucket}/back")
    assert facts(tmp_path / "back" / "00.dcm") == facts(source / "00.dcm")


def test_series_in_a_bucket_are_packed(bucket, tmp_path):
    for path in make_series(tmp_path / "in").iterdir():
        system().pipe_file(f"{bucket}/in/{path.name}", path.read_bytes())
    assert pack(f"{bucket}/in", tmp_path / "packed").status == 0
    assert unpack(tmp_path / "packed", tmp_path / "back").status == 0
    assert contents(tmp_path / "back") == contents(tmp_path / "in")


def test_an_archive_that_changed_meanwhile_stays(bucket, tmp_path):
    url = places.at(f"{bucket}/a.dcma")
    places.write(url, b"one")
    with pytest.raises(FileError, match="changed meanwhile"), places.changed_here(url) as path:
        path.write_bytes(path.read_bytes() + b" and two")
        places.write(url, b"three")
    assert stored(bucket) == {"a.dcma": b"three"}


def test_nothing_is_replaced_in_place_at_a_url(tree, bucket):
    for command in (["compress", "--in-place"], ["strip"]):
        ended = one(*command, f"{bucket}/x.dcm")
        assert ended.status == 1 and f"{bucket}/x.dcm: only files of this machine are replaced in place" in ended.err


def test_through_pipes(tree, bucket):
    command = [sys.executable, "-m", "dicompress", "compress", "-", "-o", f"{bucket}/piped.dcm"]
    subprocess.run(command, input=FILES["ct.dcm"], check=True, timeout=300)
    command = [sys.executable, "-m", "dicompress", "decompress", f"{bucket}/piped.dcm", "-o", "-"]
    assert subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=300).stdout == FILES["ct.dcm"]


def test_file_urls_are_paths(tree, tmp_path):
    assert one("compress", f"file://{tree}", "-o", f"file://{tmp_path}/small").status == 0
    assert places.at(f"file://{tree}") == tree
    assert facts(tmp_path / "small" / "ct.dcm") == facts(tree / "ct.dcm")  # with all that paths are promised
    assert one("compress", f"file://{tree}", "--in-place").status == 0


def test_memory(tree):
    assert one("compress", tree, "-o", "memory://small").status == 0
    assert one("verify", "memory://small").out == "2 verified, 1 not ours, 0 bad\n"
    fsspec.filesystem("memory").rm("/small", recursive=True)


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
