#!/bin/sh
# Golden streams on emulated processors: decode all there, encode small images there, decode those natively.
# Exit status 1 if a pixel differs. What came out, and how to get a Python for aarch64: docs/machines.md.
#
#   tools/emulated.sh PYTHON ['qemu-aarch64 -cpu NAME ... PYTHON_FOR_AARCH64' ...]
#
# Needs Debian's qemu-user (7.2 or later; older ones know no AVX2) and a native PYTHON with dicompress. Every further
# argument is a command that runs another Python on the emulated processor NAME (no spaces in paths). Without one:
# x86-64 without AVX (Nehalem), without AVX2 (SandyBridge) and without AVX-512 (Haswell).
#
# Then the networks alone: every kernel of x86-64, and of aarch64 with and without dot products, against this machine's plain
# one. Needs g++ and, for aarch64, Debian's g++-aarch64-linux-gnu.
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

# networks COMPILER RUN...: tests/network_driver.cpp, compiled and run; its lines with and without the names of kernels.
networks() {
    compiler=$1
    shift
    if ! command -v "$compiler" > "$out/found"; then
        echo "no $compiler: nothing said of: networks on $*"
        return
    fi
    driver=$out/driver-$compiler
    sources=$(for name in network read generic avx2 vnni neon wasm cpu; do echo "core/network/$name.cpp"; done)
    # shellcheck disable=SC2086
    [ -x "$driver" ] || (cd "$root" && "$compiler" -std=c++20 -O3 -ffp-contract=off -static -I core -o "$driver" \
        tests/network_driver.cpp $sources) || status=1
    "$@" "$driver" > "$out/lines" || status=1
    kernels=$(cut -d' ' -f1 "$out/lines" | uniq | tr '\n' ' ')
    [ -f "$out/plain" ] || sed -n 's/^generic //p' "$out/lines" > "$out/plain"
    [ -s "$out/plain" ] || status=1
    for kernel in $kernels; do
        sed -n "s/^$kernel //p" "$out/lines" | cmp "$out/plain" - || { echo "DIFFERS: $kernel on $*" && status=1; }
    done
    echo "networks on $*: $kernels"
}
echo
root=$(cd "$(dirname "$0")/.." && pwd)
networks g++ env
for name in Nehalem Haswell; do networks g++ qemu-x86_64 -cpu $name; done
for name in cortex-a72 cortex-a76 max; do networks aarch64-linux-gnu-g++ qemu-aarch64 -cpu $name; done
exit $status
