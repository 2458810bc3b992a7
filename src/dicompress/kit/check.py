"""Check this kit, and dicompress as it is installed from it: python check.py

Every file is the one that SHA256SUMS names, and every golden stream decodes to the pixels whose digest is in golden/sha256.json.
Exit status 0 if so.
"""

import hashlib
import json
import sys
from pathlib import Path

KIT = Path(__file__).resolve().parent


def main() -> int:
    bad = []
    for line in (KIT / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
        digest, name = line.split("  ", 1)
        path = KIT / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            bad.append(f"{name}: missing or not what was packed")
    import dicompress

    expected = json.loads((KIT / "golden" / "sha256.json").read_text(encoding="utf-8"))
    for name, want in sorted(expected.items()):
        found: object
        try:
            image = dicompress.decode((KIT / "golden" / name).read_bytes())
            found = {"array": [str(image.dtype), list(image.shape)], "sha256": hashlib.sha256(image.tobytes()).hexdigest()}
        except (OSError, dicompress.DicompressError) as error:
            found = str(error)
        if found != want:
            bad.append(f"{name}: decodes to something else: {found}")
    for text in bad:
        print(text, file=sys.stderr)
    print(f"dicompress {dicompress.__version__}: {len(expected)} golden streams, {'BAD' if bad else 'all decode to the same bits'}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
