"""Sources and targets at URLs: what is promised of files holds there, too."""

import io
import json
import os
import subprocess
import sys
import time

import pytest

fsspec = pytest.importorskip("fsspec")
pytest.importorskip("s3fs")
pytest.importorskip("moto.server")

from helpers import clouds  # noqa: E402
from helpers.archives import call, make_series, pack, unpack  # noqa: E402
from helpers.clouds import FILES, one  # noqa: E402
from helpers.folders import contents, facts  # noqa: E402

from dicompress import FileError, places  # noqa: E402
from dicompress.places import remote  # noqa: E402


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
    return clouds.tree(tmp_path / "in")


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


@pytest.mark.slow
def test_a_killed_run_leaves_whole_files_and_goes_on(bucket, tmp_path):
    source = make_series(tmp_path / "in", range(8))
    command = ["compress", source, "-o", f"{bucket}/small", "--jobs", "2"]
    process = subprocess.Popen([sys.executable, "-m", "dicompress", *map(str, command)])
    try:
        while process.poll() is None and not stored(f"{bucket}/small"):
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    assert one("verify", f"{bucket}/small").status == 0
    before = stored(f"{bucket}/small")
    assert one(*command[:-2], "--resume").status == 0
    after = stored(f"{bucket}/small")
    assert len(after) == 8 and after.items() >= before.items()
    assert one("decompress", f"{bucket}/small", "-o", tmp_path / "back").status == 0
    assert contents(tmp_path / "back") == contents(source)


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


@pytest.mark.parametrize("option", ["--manifest", "--listing", "--uid-map", "--backup"])
def test_what_lies_on_this_machine_only_is_told(tree, bucket, option):
    ended = one("compress", tree, "-o", f"{bucket}/x", option, f"{bucket}/file")
    assert ended.status == 2 and "a path of this machine, not a URL" in ended.err


def test_a_header_is_read_without_its_pixels(bucket, monkeypatch):
    places.write(places.at(f"{bucket}/large"), bytes(3 << 20))
    asked = []
    monkeypatch.setattr(type(system()), "_cat_file", asked.append)  # by what reads whole files
    with places.opened(places.at(f"{bucket}/large")) as found:
        assert (len(found.file.read(100)), found.size) == (100, 3 << 20)
        assert len(found.file.cache.cache) <= 1 << 19
    assert asked == []


def test_through_pipes(bucket, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(FILES["ct.dcm"])))
    assert one("compress", "-", "-o", f"{bucket}/piped.dcm").status == 0
    command = [sys.executable, "-m", "dicompress", "decompress", f"{bucket}/piped.dcm", "-o", "-"]
    assert subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=300).stdout == FILES["ct.dcm"]
