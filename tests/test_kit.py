"""The offline kit: a machine without a network installs from it and decodes; what it has is what its bill says."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest
from helpers.command import run
from helpers.kits import fresh_environment, own_wheel, without_network
from pydicom.data import get_testdata_file

import dicompress

pytest.importorskip("cyclonedx.contrib", reason="needs the extra kit")

from dicompress.errors import DicompressError
from dicompress.kit import installed
from dicompress.kit.kit import write
from dicompress.kit.materials import sha256
from dicompress.kit.wheel import pack

NEEDED = {"dicompress", "imagecodecs", "numpy", "pydicom", "rich", "typer"}


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kit")
    wheel = own_wheel(folder)
    told = run("kit", "-o", folder / "kit", *(("--wheel", wheel) if wheel else ())).stdout
    assert f"{folder / 'kit' / 'README.md'} says how to install them" in told
    return folder / "kit"


@pytest.mark.slow
def test_a_machine_without_network_installs_from_it_and_decodes(kit, tmp_path):
    python = fresh_environment(tmp_path / "venv")
    install = ("-m", "pip", "install", "-q", "--no-compile", "--no-index", "--find-links", kit / "wheels", "dicompress")
    page = (kit / "README.md").read_text(encoding="utf-8")
    assert "pip install --no-index --find-links wheels dicompress\n" in page and "python check.py" in page
    done = without_network(python, *install, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    done = without_network(python, kit / "check.py", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(" golden streams, all decode to the same bits\n")
    original = Path(get_testdata_file("CT_small.dcm"))
    for command in (("compress", original, "-o", "small.dcm"), ("decompress", "small.dcm", "-o", "again.dcm")):
        assert without_network(python, "-m", "dicompress", *command, folder=tmp_path).returncode == 0
    assert (tmp_path / "again.dcm").read_bytes() == original.read_bytes()


def test_its_wheels_hold_the_files_that_their_records_say(kit):
    wheels = sorted((kit / "wheels").iterdir())
    assert {path.name.partition("-")[0] for path in wheels} >= NEEDED
    for path in wheels:
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            (record,) = (name for name in archive.namelist() if name.endswith(".dist-info/RECORD"))
            listed = [line.rsplit(",", 2)[0].strip('"') for line in archive.read(record).decode().splitlines()]
            assert sorted(listed) == sorted(archive.namelist())


def test_its_bill_of_materials_is_valid_and_complete(kit):
    pytest.importorskip("jsonschema")
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = (kit / "sbom.cdx.json").read_text(encoding="utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    main = bill["metadata"]["component"]
    assert (main["name"], main["version"], main["type"]) == ("dicompress", dicompress.__version__, "application")
    components = [main, *bill["components"]]
    found = {c["properties"][0]["value"]: c["hashes"] for c in components}
    assert found == {w.name: [{"alg": "SHA-256", "content": sha256(w)}] for w in (kit / "wheels").iterdir()}
    assert all(c["licenses"] and c["purl"].startswith(f"pkg:pypi/{c['bom-ref'].partition('@')[0]}@") for c in components)
    needs = {d["ref"]: d.get("dependsOn", []) for d in bill["dependencies"]}
    assert {ref.partition("@")[0] for ref in needs[main["bom-ref"]]} >= NEEDED - {"dicompress"}
    assert {ref for others in needs.values() for ref in others} <= needs.keys()


def test_what_was_changed_on_the_way_is_told(kit, tmp_path):
    there = shutil.copytree(kit, tmp_path / "kit")
    assert {line.split("  ")[1] for line in (there / "SHA256SUMS").read_text().splitlines()} == {
        p.relative_to(there).as_posix() for p in there.rglob("*") if p.is_file() and p.name != "SHA256SUMS"
    }
    stream = sorted((there / "golden").glob("ct-*.dcmp"))[0]
    other = sorted((there / "golden").glob("mr-*.dcmp"))[0]
    stream.write_bytes(other.read_bytes())
    (there / "sbom.cdx.json").unlink()
    done = subprocess.run([sys.executable, there / "check.py"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 1 and "BAD" in done.stdout
    told = done.stderr.splitlines()
    assert told[:2] == [f"{name}: missing or not what was packed" for name in (f"golden/{stream.name}", "sbom.cdx.json")]
    assert told[2].startswith(f"{stream.name}: decodes to something else: {{'array': ['int16', [64, 64]]")


def test_a_target_that_is_there_stays_and_a_kit_that_fails_leaves_nothing(tmp_path):
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit" / "precious").touch()
    done = run("kit", "-o", tmp_path / "kit", check=1)
    assert done.stderr == f"dicompress: the target {tmp_path / 'kit'} exists; name a new folder\n"
    with pytest.raises(DicompressError, match="is no wheel by its name"):
        write(tmp_path / "new", tmp_path / "wheel.zip")
    with pytest.raises(DicompressError, match=r"is dicompress 9; the kit is of dicompress .*, which runs here"):
        write(tmp_path / "new", tmp_path / "dicompress-9-py3-none-any.whl")
    with pytest.raises(DicompressError, match="has no extra 'nonsense'; there is .*zarr"):
        write(tmp_path / "new", extras=frozenset({"nonsense"}))
    assert [path.name for path in tmp_path.iterdir()] == ["kit"]


def lay(folder: Path, name: str = "thing", requires: str = "") -> PathDistribution:
    """A small distribution, as pip installs it."""
    site = folder / "lib" / "python3" / "site-packages"
    info = site / f"{name}-1.0.dist-info"
    texts = {
        site / name / "__init__.py": "VALUE = 7\n",
        info / "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{requires}",
        info / "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py2-none-any\nTag: py3-none-any\n",
        info / "entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n",
        info / "INSTALLER": "pip\n",
        info / "direct_url.json": "{}",
        folder / "bin" / name: "#!/somewhere/python\n",
        folder / "share" / "man" / f"{name}.1": "manual\n",
    }
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    record = ""
    for path in texts:
        digest = base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).rstrip(b"=").decode()
        record += f"{Path(os.path.relpath(path, site)).as_posix()},sha256={digest},{path.stat().st_size}\n"
    (info / "RECORD").write_text(f"{record}{name}/__pycache__/__init__.cpython-311.pyc,,\n{info.name}/RECORD,,\n")
    return PathDistribution(info)


def test_an_installed_distribution_becomes_its_wheel_again(tmp_path, monkeypatch):
    package = lay(tmp_path / "here")
    path = pack(package, tmp_path)
    assert path.name == "thing-1.0-py2.py3-none-any.whl"
    with zipfile.ZipFile(path) as archive:
        members = {entry.filename: entry for entry in archive.infolist()}
        info = {f"thing-1.0.dist-info/{name}" for name in ("METADATA", "WHEEL", "entry_points.txt", "RECORD")}
        assert members.keys() == {"thing/__init__.py", "thing-1.0.data/data/share/man/thing.1", *info}
        assert {entry.date_time for entry in members.values()} == {(1980, 1, 1, 0, 0, 0)}
    first = path.read_bytes()
    (tmp_path / "there").mkdir()
    assert pack(lay(tmp_path / "elsewhere"), tmp_path / "there").read_bytes() == first
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    pack(package, tmp_path)
    with zipfile.ZipFile(path) as archive:
        assert archive.infolist()[0].date_time == (2023, 11, 14, 22, 13, 20)


def change(site: Path) -> None:
    (site / "thing" / "__init__.py").write_text("VALUE = 8\n")


def lose(site: Path) -> None:
    (site / "thing" / "__init__.py").unlink()


def edit(site: Path) -> None:
    (site / "thing-1.0.dist-info" / "direct_url.json").write_text('{"dir_info": {"editable": true}, "url": "file:///x"}')


def unlist(site: Path) -> None:
    (site / "thing-1.0.dist-info" / "RECORD").unlink()


def script(site: Path) -> None:
    record = site / "thing-1.0.dist-info" / "RECORD"
    record.write_text(record.read_text().replace("../bin/thing,", "../bin/other,"))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (change, "__init__.py is not what was installed"),
        (lose, "__init__.py cannot be read: No such file or directory"),
        (edit, "it is installed in editable mode, without its own files"),
        (unlist, r"no list of its files \(RECORD\) is installed, as with packages of systems"),
        (script, "other was changed when it was installed"),
    ],
)
def test_what_is_not_as_it_was_installed_is_not_packed(tmp_path, spoil, reason):
    package = lay(tmp_path / "here")
    spoil(tmp_path / "here" / "lib" / "python3" / "site-packages")
    with pytest.raises(
        DicompressError, match=f"thing==1.0 cannot go into a kit: .*{reason}; pip install --force-reinstall thing==1.0"
    ):
        pack(package, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


def test_what_is_needed_is_found_with_extras_and_markers(tmp_path, monkeypatch):
    ours = 'Provides-Extra: more\nRequires-Dist: one[fast]\nRequires-Dist: two; extra == "more"\nRequires-Dist: no; sys_platform == "x"\n'
    packages = {
        "dicompress": lay(tmp_path / "a", "dicompress", ours),
        "one": lay(
            tmp_path / "b", "one", 'Provides-Extra: fast\nRequires-Dist: Four_Five; extra == "fast"\nRequires-Dist: dicompress\n'
        ),
        "two": lay(tmp_path / "c", "two"),
        "four-five": lay(tmp_path / "d", "four_five"),
    }

    def distribution(name):
        if name not in packages:
            raise installed.PackageNotFoundError(name)
        return packages[name]

    monkeypatch.setattr(installed, "distribution", distribution)
    assert {name: needs for name, (_, needs) in installed.needed().items()} == {
        "dicompress": {"one"}, "four-five": set(), "one": {"dicompress", "four-five"},
    }  # fmt: skip
    assert list(installed.needed(frozenset({"more"}))) == ["dicompress", "four-five", "one", "two"]
    del packages["two"]
    with pytest.raises(DicompressError, match="the kit would lack two, which is not installed here: pip install two"):
        installed.needed(frozenset({"more"}))
