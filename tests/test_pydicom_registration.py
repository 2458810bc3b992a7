"""`import dicompress.pydicom`: what it registers, by which names of pydicom, and what stays as it was."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
from helpers.files import make, pydicom_file, read
from helpers.originals import FRAMES
from pydicom.data import get_testdata_file
from pydicom.pixels import get_decoder, get_encoder
from pydicom.pixels.decoders import base as decoders
from pydicom.pixels.encoders import base as encoders
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

import dicompress
from dicompress.dicom import DICOMPRESS, compress_file
from dicompress.plugins import pydicom as plugin


def test_private_names_of_pydicom_are_what_the_plug_in_takes_them_for():
    """Look at `dicompress.plugins.pydicom._register` if this fails with a new pydicom."""
    found = decoders._PIXEL_DATA_DECODERS[RLELossless], encoders._PIXEL_DATA_ENCODERS[RLELossless]
    for (coder, version), kind, get in zip(found, (decoders.Decoder, encoders.Encoder), (get_decoder, get_encoder)):
        assert isinstance(coder, kind) and isinstance(version, str) and get(RLELossless) is coder
    other = UID("2.25.1")
    assert not other.is_transfer_syntax and not hasattr(other, "_PRIVATE_TS_ENCODING")
    other.set_private_encoding(True, False)
    assert other._PRIVATE_TS_ENCODING == (True, False) and other.is_implicit_VR and not other.is_little_endian
    ours = UID(str(DICOMPRESS))
    assert ours.is_encapsulated and ours.is_little_endian and not ours.is_implicit_VR and not ours.is_deflated
    for plain in (ImplicitVRLittleEndian, ExplicitVRLittleEndian, RLELossless):
        assert not hasattr(plain, "_PRIVATE_TS_ENCODING") and plain.is_transfer_syntax


def private_names(tree: ast.AST) -> set[int]:
    """Lines with names of others that begin with one underscore; `_replace` is what every named tuple has."""
    lines = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            names = [] if own or node.attr == "_replace" else [node.attr]
        elif isinstance(node, (ast.Import, ast.ImportFrom)) and not getattr(node, "level", 0):
            modules = [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
            names = [part for module in modules for part in module.split(".")]
        else:
            continue
        if any(name.startswith("_") and not name.startswith("__") for name in names):
            lines.add(node.lineno)
    return lines


def test_private_names_of_pydicom_stand_in_one_place_and_those_of_pynetdicom_in_another():
    package = Path(dicompress.__file__).parent
    trees = {path.relative_to(package).as_posix(): ast.parse(path.read_text("utf-8")) for path in package.rglob("*.py")}
    lines = {path: private_names(tree) for path, tree in trees.items() if "pydicom" in ast.dump(tree)}
    place = "plugins/pydicom/__init__.py"
    (register,) = (n for n in ast.walk(trees[place]) if isinstance(n, ast.FunctionDef) and n.name == "_register")
    assert len(lines) > 10 and {path for path, found in lines.items() if found} == {place, "server/dimse/wire.py"}
    assert lines[place] <= set(range(register.lineno, register.end_lineno + 1))


@pytest.mark.parametrize("base, name", [(decoders, "_PIXEL_DATA_DECODERS"), (encoders, "_PIXEL_DATA_ENCODERS"), (None, "")])
def test_a_pydicom_without_them_is_an_import_error_that_says_so(base, name, monkeypatch):
    if base:
        monkeypatch.delattr(base, name)
    else:
        monkeypatch.setitem(sys.modules, "pydicom._uid_dict", None)
    with pytest.raises(ImportError, match="does not work with pydicom .*; use pydicom 3.0"):
        plugin._register()


def test_importing_again_changes_nothing():
    registries = decoders._PIXEL_DATA_DECODERS, encoders._PIXEL_DATA_ENCODERS
    before = list(map(dict, registries))
    importlib.reload(plugin)
    for old, new in zip(before, registries):
        assert list(old) == list(new) and all(old[k] is new[k] for k in old if k != DICOMPRESS)
    assert np.array_equal(read(compress_file(make(FRAMES)).data).pixel_array, FRAMES)


@pytest.mark.parametrize("imported", [True, False])
def test_a_process_with_and_without_the_import(imported, tmp_path):
    path = tmp_path / "ct.dcm"
    path.write_bytes(compress_file(pydicom_file("CT_small.dcm")).data)
    code = f"import pydicom{', dicompress.pydicom' * imported}; print(pydicom.dcmread({str(path)!r}).pixel_array.sum())"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    if imported:
        assert int(result.stdout) == pydicom.dcmread(get_testdata_file("CT_small.dcm")).pixel_array.sum()
    else:
        assert result.returncode and f"'{DICOMPRESS}' is not supported" in result.stderr
