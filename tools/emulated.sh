#!/bin/sh
# Golden streams on emulated processors: the C library decodes them there and encodes their pixels anew, natively decoded again.
# Exit status 1 if a byte differs. What came out: docs/machines.md.
#
#   tools/emulated.sh
#
# Needs CMake, gcc, Debian's qemu-user (7.2 or later; older ones know no AVX2) and, for aarch64, gcc-aarch64-linux-gnu and
# g++-aarch64-linux-gnu. One library a kind of processor; it chooses its kernels where it runs.
#
# Then the networks alone: every kernel of x86-64, and of aarch64 with and without dot products, against this machine's plain
# one.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
status=0

# build KIND PREFIX: tools/golden.c with the library, as $out/KIND/golden.
build() {
    command -v "$2g++" > "$out/found" || { echo "no $2g++: nothing said of $1"; return 1; }
    { cmake -S "$root" -B "$out/$1" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DCMAKE_SYSTEM_NAME=Linux \
        -DCMAKE_SYSTEM_PROCESSOR="$1" -DCMAKE_CXX_COMPILER="$2g++" && cmake --build "$out/$1" --parallel 2; } > "$out/log" 2>&1 &&
        "$2gcc" -O2 -static -I "$root/core" "$root/tools/golden.c" -o "$out/$1/golden" -L "$out/$1" -ldicompress -lstdc++ -lm -lpthread ||
        { cat "$out/log"; status=1; return 1; }
}

# golden KIND NAME RUN...: all golden streams of the library's model, decoded and encoded on processor NAME by RUN.
golden() {
    kind=$1 name=$2
    shift 2
    [ -x "$out/$kind/golden" ] || return
    ok=0 same=0 all=0 encoded=0
    for stream in "$root"/tests/golden/*-"$model"-v*.dcmp; do
        all=$((all + 1))
        "$out/native/golden" decode "$stream" > "$out/expected" || status=1
        "$@" "$out/$kind/golden" decode "$stream" > "$out/pixels" && cmp -s "$out/expected" "$out/pixels" && ok=$((ok + 1))
        for near in 0 2; do
            encoded=$((encoded + 1))
            "$out/native/golden" encode "$stream" $near > "$out/expected"
            "$@" "$out/$kind/golden" encode "$stream" $near > "$out/again" || status=1
            "$out/native/golden" decode "$out/again" > "$out/pixels" || status=1
            if cmp -s "$out/expected" "$out/again"; then same=$((same + 1)); fi
        done
    done
    [ $ok = $all ] || status=1
    echo "$name: $ok of $all streams decoded right; $same of $encoded encoded there are natively the same bytes, all decode"
}

model=$(basename "$(ls -d "$root"/src/dicompress/models/pyramid/weights/*/)" | cut -c1-8)
build native "" || exit 1
golden native native env
for name in Nehalem SandyBridge Haswell; do golden native $name qemu-x86_64 -cpu $name; done
if build aarch64 aarch64-linux-gnu-; then
    for name in cortex-a72 cortex-a76 max,sve=off max; do golden aarch64 $name qemu-aarch64 -cpu $name; done
fi

# networks COMPILER RUN...: tests/network_driver.cpp, compiled and run; its lines with and without the names of kernels.
networks() {
    compiler=$1
    shift
    if ! command -v "$compiler" > "$out/found"; then
        echo "no $compiler: nothing said of: networks on $*"
        return
    fi
    driver=$out/driver-$compiler
    sources="core/base/cpu.cpp $(for name in network read generic steps avx2 vnni neon wasm; do echo "core/network/$name.cpp"; done)"
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
networks g++ env
for name in Nehalem Haswell; do networks g++ qemu-x86_64 -cpu $name; done
for name in cortex-a72 cortex-a76 max; do networks aarch64-linux-gnu-g++ qemu-aarch64 -cpu $name; done
exit $status
