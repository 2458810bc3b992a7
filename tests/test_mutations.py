"""Ten thousand changed streams and files: an error of our own or the right image, in bounded time and memory.

What can be promised depends on who changed the bytes. A CRC-32 guards every part of a stream, and a digest every plane of
the decoded image, so an accident is noticed: whatever comes out is the image that went in. Somebody who makes the checksums
right again can write any stream, and one that is well-formed is another image's. Even so no plane comes out that has not the
digest of its head, which nobody hits by chance: changed streams whose checksums are right decode to planes that were coded,
or not at all. But which planes there are and in which order, the bits stored, and the smaller pictures of `level`, which no
digest covers, are what header and chunks say. A compressed DICOM file carries the digest of the whole original; if elements
were changed the pixels are still those of the original, and `restore_file` says so.

DICOMPRESS_TEST_MUTATIONS says how many; 10000 takes about three minutes of one core.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

COUNT = int(os.environ.get("DICOMPRESS_TEST_MUTATIONS", 1000))
SECONDS = 2  # of processor time, a call
MEMORY = 256 << 20  # beyond what decoding the golden streams takes


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind, count", [("streams", COUNT), ("hostile", -(-COUNT // 400)), ("files", -(-COUNT // 5)), ("originals", COUNT)]
)
def test_an_error_of_ours_or_the_right_image(kind, count):
    command = [sys.executable, "-m", "helpers.mutation_run", kind, str(count)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent)
    assert run.returncode == 0, run.stderr  # a crash would be a negative one
    facts = json.loads(run.stdout)
    print(f"{kind}, {count}: slowest {facts['slowest']} s, {facts['memory'] >> 20} MiB; {facts['outcomes']}")
    assert facts["wrong"] == []
    assert facts["slowest"] < SECONDS and facts["memory"] < MEMORY
    assert len(facts["outcomes"]) > (2 if kind == "originals" else 4), "errors and images"
