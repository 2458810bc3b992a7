"""Integer networks on other processors, emulated, and in WebAssembly: the same digests everywhere."""

import shutil
import subprocess
from pathlib import Path

import pytest

from dicompress.native import network as native

pytestmark = pytest.mark.slow  # what it tests is built first

ROOT = Path(__file__).parent.parent
KERNELS = native.kernels()
SOURCES = [
    "tests/network_driver.cpp",
    "core/base/cpu.cpp",
    *(f"core/network/{n}.cpp" for n in ("network", "read", "generic", "steps", "avx2", "vnni", "neon", "wasm")),
]
EMULATED = {
    "x86-64 without AVX": ("g++", "qemu-x86_64", "Nehalem", {"generic"}),
    "x86-64 with AVX2": ("g++", "qemu-x86_64", "Haswell", {"generic", "avx2"}),
    "aarch64": ("aarch64-linux-gnu-g++", "qemu-aarch64", "cortex-a72", {"generic", "neon"}),
    "aarch64 with dot products": ("aarch64-linux-gnu-g++", "qemu-aarch64", "cortex-a76", {"generic", "neon"}),
}


@pytest.fixture(scope="session")
def driver(tmp_path_factory):
    """Compiles the driver; skips where there is no such compiler."""
    built = {}

    def of(compiler):
        if not shutil.which(compiler):
            pytest.skip(f"there is no {compiler}")
        if compiler not in built:
            built[compiler] = tmp_path_factory.mktemp("driver") / compiler
            flags = ["-std=c++20", "-O2", "-ffp-contract=off", "-static", "-I", "core", "-o", built[compiler]]
            subprocess.run([compiler, *flags, *SOURCES], cwd=ROOT, check=True)
        return built[compiler]

    return of


def digests(command):
    """Lines by kernel, without its name."""
    lines = [line.split(" ", 1) for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()]
    return {kernel: [rest for k, rest in lines if k == kernel] for kernel, _ in lines}


# What this machine's kernels, and all emulated ones, computed.
EXPECTED = [
    "83ae319fcf24695a fc0de34d11feb362 5116befad8fb35f3 9b60d32c9bbba0e9 ebabd7adc41d3be0",
    "d8b92aaae85717cb 1f623c49c64c7e28 41c11f4d7bf9dc4f 15596629e3430338 495dcd3366ba7af9",
    "3d2610ddac8b31ad f055ce52392b6333 c7d96b872dcc62a4 a2cea1fd586daaeb 47083f4d1f04ee23",
    "ec758529e80d2131 bfd96c0c708acad2 1b10eaa975990a17 63f10eb8651e81dc 7eb89ad231625ba9",
    "28d9dfea48c78dd5 3343b9eaf8d13a50 645968db98aeb27e a1189be783ef06e6 addaf846e2880228",
    "e50895aaab5b43a5 957aebb25e913ac0 209d597776c61592 12471816afee5f3c e7576aea2a7b5a79",
    "52b5448e598cf18a d26120cafbf53eb3 8ea273eaec78098b 4c7b449a6afc1912 cd38ba0b9fbb7847",
    "3ef19009b46d4c6a b1f4b1324fabf0b7 dfe17b120796cdb7 dcb1cc7769082a22 9fa130bd75a27650",
    "d095cb41441aa7b0 94a5521a70288cf1 529b5acdc14ace5a f5c4f02ed89401a8 8a68275374bc0616",
]


def test_every_kernel_of_this_machine_computes_the_same(driver):
    found = digests([driver("g++")])
    assert set(found) == {k.name for k in KERNELS}
    assert all(lines == EXPECTED for lines in found.values())


@pytest.mark.parametrize("name", EMULATED)
def test_emulated_processors_compute_the_same(name, driver):
    compiler, emulator, processor, kernels = EMULATED[name]
    if not shutil.which(emulator):
        pytest.skip(f"there is no {emulator}")
    found = digests([emulator, "-cpu", processor, driver(compiler)])
    assert set(found) == kernels
    assert all(lines == EXPECTED for lines in found.values())


RUNNER = """
import { readFileSync } from "node:fs";
import { WASI } from "node:wasi";
const wasi = new WASI({ version: "preview1" });
const { instance } = await WebAssembly.instantiate(readFileSync(process.argv[2]), { wasi_snapshot_preview1: wasi.wasiImport });
wasi.start(instance);
"""


def test_webassembly_computes_the_same(tmp_path):
    for tool in ("em++", "node"):
        if not shutil.which(tool):
            pytest.skip(f"there is no {tool}")
    older = "examples/web/libcxx"  # what Emscripten's C++ library may lack
    flags = ["-std=c++20", "-O2", "-ffp-contract=off", "-msimd128", "-fwasm-exceptions", "-sSTANDALONE_WASM", "-I", "core"]
    command = ["em++", *flags, "-I", older, "-include", f"{older}/newer.hpp", "-o", tmp_path / "driver.wasm", *SOURCES]
    subprocess.run(command, cwd=ROOT, check=True)
    (tmp_path / "run.mjs").write_text(RUNNER)
    found = digests(["node", tmp_path / "run.mjs", tmp_path / "driver.wasm"])
    assert set(found) == {"generic", "wasm"}
    assert all(lines == EXPECTED for lines in found.values())
