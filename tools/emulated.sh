#!/bin/sh
# Golden streams on emulated processors: decode all there, encode small images there, decode those natively.
# Exit status 1 if a pixel differs. What came out, and how to get a Python for aarch64: docs/machines.md.
#
#   tools/emulated.sh PYTHON ['qemu-aarch64 -cpu NAME ... PYTHON_FOR_AARCH64' ...]
#
# Needs Debian's qemu-user (7.2 or later; older ones know no AVX2) and a native PYTHON with dicompress. Every further
# argument is a command that runs another Python on the emulated processor NAME (no spaces in paths). Without one:
# x86-64 without AVX (Nehalem), without AVX2 (SandyBridge) and without AVX-512 (Haswell).
set -u
python=$1
shift
if [ $# = 0 ]; then
    set -- "qemu-x86_64 -cpu Nehalem $python" "qemu-x86_64 -cpu SandyBridge $python" "qemu-x86_64 -cpu Haswell $python"
fi
check=$(dirname "$0")/check_golden.py
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
status=0

"$python" "$check" --processor native --write "$out/native" || status=1
for command; do
    name=$(echo "$command" | sed 's/.*-cpu \([^ ]*\).*/\1/')
    echo
    echo "$command"
    $command "$check" --processor "$name" --write "$out/$name" || status=1
    echo
    "$python" "$check" "$out/$name" --processor native || status=1
    same=0 all=0
    for stream in "$out/native"/*.dcmp; do
        all=$((all + 1))
        if cmp -s "$stream" "$out/$name/$(basename "$stream")"; then same=$((same + 1)); fi
    done
    echo "$same of $all streams encoded on $name are, byte for byte, those encoded natively"
done
exit $status
