"""What a start imports: decoding needs numpy alone; commands import what they use."""

import subprocess
import sys
from pathlib import Path

import pytest
from helpers.images import phantom
from pydicom.data import get_testdata_file

import dicompress
from dicompress.dicom import compress_file

# Whatever is neither the standard library's nor one of `allowed` is not there.
BARE = """
import importlib.abc, sys
sys.modules.update(dict.fromkeys(("pydicom", "rich", "typer", "imagecodecs")))
class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in sys.stdlib_module_names | set(allowed):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
import dicompress
stream = open(sys.argv[1], "rb").read()
image = dicompress.decode(stream)
assert image.ndim == 2 and dicompress.inspect(stream).rows == len(image)
assert (dicompress.decode(dicompress.encode(image)) == image).all()
"""


def python(code: str, *arguments) -> str:
    done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_grey_stream_needs_nothing_but_numpy(tmp_path):
    (tmp_path / "stream").write_bytes(dicompress.encode(phantom(90, 70)))
    python(f'allowed = ("numpy", "dicompress")\n{BARE}', tmp_path / "stream")


# Of a start, these take the most.
HEAVY = ("numpy", "pydicom", "imagecodecs", "onnxruntime", "rich", "multiprocessing", "torch", "matplotlib")
COMMANDS = {
    ("--version",): set(),
    ("info", "small.dcm"): {"numpy", "pydicom"},
    ("verify", "small.dcm", "--jobs", "1"): {"numpy", "pydicom", "rich"},
}


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda a: a[0])
def test_a_command_imports_what_it_uses(arguments, tmp_path):
    (tmp_path / "small.dcm").write_bytes(compress_file(Path(get_testdata_file("CT_small.dcm")).read_bytes()).data)
    code = f"""
import os, sys
os.chdir({str(tmp_path)!r})
sys.argv = ["dicompress", *{arguments!r}]
from dicompress.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code
print(*[name for name in {HEAVY!r} if name in sys.modules])
"""
    found = set(python(code).splitlines()[-1].split())
    assert found <= COMMANDS[arguments], found
