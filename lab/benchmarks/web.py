"""The decoder as WebAssembly beside the native one, one thread each: python lab/benchmarks/web.py build/web/dicompress.wasm IMAGE...

IMAGE: a DICOM file, of 512 x 512 pixels for numbers that compare. Processor time, as others may use the machine: the median of the
decodes after the first few, in which Node.js compiles the module better and better.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pydicom

import dicompress

DECODES, WARM = 25, 8
WRAPPER = Path(__file__).parents[2] / "examples" / "web" / "dicompress.mjs"
DRIVER = """
import { readFileSync } from "node:fs";
import { load } from "WRAPPER";

const [module, path, decodes] = process.argv.slice(2);
const start = performance.now();
const dicompress = await load(readFileSync(module));
const loaded = performance.now() - start;
const took = [];
let same = true;
for (let i = 0; i < Number(decodes); ++i) {
  const before = process.cpuUsage();
  const stream = dicompress.open(readFileSync(path + ".dcmp"));
  const { data } = stream.decode();
  stream.close();
  const { user, system } = process.cpuUsage(before);
  took.push((user + system) / 1e6);
  if (!i) same = Buffer.compare(Buffer.from(data.buffer), readFileSync(path + ".raw")) === 0;
}
console.log(JSON.stringify({ loaded, took, same, memory: dicompress.wasm.memory.buffer.byteLength }));
"""


def native(data: bytes) -> list[float]:
    took = []
    for _ in range(DECODES):
        start = time.process_time()
        dicompress.decode(data, threads=1)
        took.append(time.process_time() - start)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("module", type=Path)
    parser.add_argument("images", nargs="+", type=Path)
    arguments = parser.parse_args()
    module = arguments.module.read_bytes()
    print(f"{len(module)} bytes, {len(gzip.compress(module, 9))} in gzip\n")
    print("| image | native MP/s | WebAssembly MP/s | its first decode, ms | its memory, MB |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        driver, stream = Path(folder, "driver.mjs"), Path(folder, "image")
        driver.write_text(DRIVER.replace("WRAPPER", WRAPPER.resolve().as_uri()))
        for path in arguments.images:
            image = pydicom.dcmread(path).pixel_array
            data = dicompress.encode(image)
            stream.with_suffix(".dcmp").write_bytes(data)
            stream.with_suffix(".raw").write_bytes(image.astype(image.dtype.newbyteorder("<")).tobytes())
            command = ["node", driver, arguments.module, stream, str(DECODES)]
            web = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
            assert web["same"], "WebAssembly decoded other pixels"
            rates = [image.size / 1e6 / float(np.median(took[WARM:])) for took in (native(data), web["took"])]
            print(f"| {path.name} | {rates[0]:.1f} | {rates[1]:.2f} | {1e3 * web['took'][0]:.0f} | {web['memory'] / 1e6:.0f} |")


if __name__ == "__main__":
    main()
