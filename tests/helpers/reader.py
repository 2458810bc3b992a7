"""What docs/format.md says of a band of one channel with known pixels, without loss: in numpy, slow."""

from __future__ import annotations

import numpy as np

LANES = np.arange(16)
LIMITS = (36, 72, 120, 168, 228, 300, 396, 540, 740, 1075, 1600, 2200)
F = np.float32


def exp2(x):
    n = (x + F(128.5)).astype(np.int32) - 128
    r = x - n.astype(F)
    p = r * F(0.0013333558) + F(0.0096181291)
    for c in (0.055504109, 0.24022651, 0.69314718, 1):
        p = p * r + F(c)
    return p * np.ldexp(F(1), n)


def root(x):
    y = (0x5F375A86 - (x.view(np.int32) >> 1)).astype(np.int32).view(F)
    half = F(0.5) * x
    for _ in range(2):
        y = y * (F(1.5) - half * y * y)
    return y


def tail(t):
    p = (t * F(0.10294134) + F(1)) + (t * t) * (t * F(0.01623994) + F(0.03473967))
    with np.errstate(over="ignore"):
        for _ in range(3):
            p = p * p
    return F(0.5) / p


class Bytes:
    """The bytes of a band: states, or the range coder."""

    def __init__(self, data: bytes, states: bool, steps: int):
        self.data, self.at, self.left, self.tail = data, 0, 0, None
        if not states:
            self.start_tail(data)
            return
        last = 0
        for shift in range(0, 63, 7):
            byte = self.take()
            last |= (byte & 127) << shift
            if byte < 128:
                break
        self.left = steps - last
        self.states = [int.from_bytes(bytes(self.take() for _ in range(5)), "little") for _ in LANES]

    def take(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def start_tail(self, data: bytes) -> None:
        self.tail, self.place, self.offset, self.range = (
            data,
            8,
            int.from_bytes((data + bytes(8))[:8], "big"),
            2**64 - 1,
        )

    def target(self, lane: int) -> int:
        return self.offset // (self.range >> 24) if self.left == 0 else self.states[lane] % 2**24

    def skip(self, lane: int, begin: int, end: int) -> None:
        if self.left:
            x = self.states[lane]
            x = (x >> 24) * (end - begin) + x % 2**24 - begin
            while x < 2**32:
                x = x << 8 | self.take()
            self.states[lane] = x
            return
        part = self.range >> 24
        self.offset -= part * begin
        self.range = part * (end - begin)
        while self.range < 2**32:
            self.offset = self.offset << 32 | int.from_bytes((self.tail + bytes(8))[self.place : self.place + 4], "big")
            self.place += 4
            self.range <<= 32

    def end_step(self) -> None:
        if self.left:
            self.left -= 1
            if not self.left:
                assert all(x >> 32 == 1 for x in self.states)
                self.start_tail(b"".join((x % 2**32).to_bytes(4, "little") for x in self.states) + self.data[self.at :])


def read_band(data: bytes, states: bool, mixture, shape: tuple[int, int]) -> np.ndarray:
    """mixture: a MixtureTensor of one Gaussian mixture of three components. int32 of `shape`."""
    rows, columns = shape
    low, high = mixture.low, mixture.high
    period = max(columns + 3, 32)
    steps = (rows - 1) // 16 * period + (rows - 1) % 16 * 2 + columns
    source = Bytes(data, states, steps)
    values, errors, rests = np.full(shape, 2**20), np.zeros(shape, F), np.zeros(shape, F)
    pairs = [(j, k) for j in range(9) for k in range(j, 10)]
    nothing = np.zeros((54, 16), F)
    above, right, left, weights = {}, {}, nothing.copy(), np.zeros((9, 16), F)
    narrows, seen, shares, counts = np.ones(13, F), np.zeros(13, F), np.full(3, 0.5, F), np.zeros(3, F)
    logs = F(_log2(mixture.scale)) * F(2**-12) - F(8)
    f = F(0.9)

    def around(plane, row, column, nothing=0):
        inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
        return np.where(inside, plane[np.clip(row, 0, rows - 1), np.clip(column, 0, columns - 1)], plane.dtype.type(nothing))

    def shifted(history, step):
        """Of the lane before each at `step`; of lane 15 `period - 32` steps earlier for lane 0."""
        result = np.roll(history.get(step, nothing), 1, 1)
        result[:, 0] = history.get(step - period + 32, nothing)[:, 15]
        return result

    for t in range(steps):
        u = t - 2 * LANES
        row, column = 16 * (u // period) + LANES, u % period
        active = (u >= 0) & (row < rows) & (column < columns)
        at = (np.clip(row, 0, rows - 1), np.clip(column, 0, columns - 1))
        numbers, base, known = mixture.parameters[:, *at], mixture.base[at], mixture.known[:, *at]
        # Probabilities
        o = base >> 8
        logits, means, deviations = numbers[0:3], numbers[3:6], numbers[6:9]
        mean = np.clip((base & 255).astype(F) / F(256) + means * (F(mixture.scale) * F(2**-20)), F(-(2**18)), F(2**18))
        inverse = exp2(F(0) - np.clip(deviations * F(2**-12) + logs, F(-4), F(16)))
        e = exp2(np.maximum((logits - logits.max(0)) * F(2**-12), F(-30)))
        share = F(1) / (e[0] + e[1] + e[2])
        weight = e * share
        centre = (e[0] * mean[0] + e[1] * mean[1] + e[2] * mean[2]) * share
        variance = np.full(16, F(1) * (F(1) / F(12)), F)
        for k in range(3):
            deviation, away = F(1) / inverse[k], mean[k] - centre
            variance = variance + weight[k] * (deviation * deviation + away * away)
        unit, sixteenth = root(variance) * F(16), variance * root(variance) * F(2**-4)

        def error(value):
            return np.clip(((value - o).astype(F) - centre) * unit, F(-64), F(64))

        # Regression
        near = [around(errors, row + r, column + c) for r, c in ((0, -1), (-1, 0), (-1, -1), (-1, 1))]
        base_error = np.clip(((base & 255).astype(F) / F(256) - centre) * unit, F(-64), F(64))
        x = np.where(active, np.array([*(error(p) for p in known), *near, base_error], F), F(0))
        above[t] = shifted(above, t - 2) * f
        left = left * np.where(column == 0, F(0), f) + above[t]
        before = np.roll(right.get(t - 1, nothing), 1, 1)
        before[:, 0] = 0
        right[t] = (shifted(above, t - 1) + before) * np.where(active, f * f, F(0))
        size = F(0)
        for k in range(9):
            size = size + abs(x[k])
        if (size > 1).any():
            sums = left + right[t]
            m = {pair: sums[i] + F(4096) if pair[0] == pair[1] else sums[i] for i, pair in enumerate(pairs)}
            for j in range(9):
                v = m[j, 9]
                for k in (*range(j + 1, 9), *range(j)):
                    v = v - m[min(j, k), max(j, k)] * weights[k]
                weights[j] = v * (F(1) / m[j, j])
        y = weights * x
        of_known, past = (y[0] + y[1]) + (y[2] + y[3]), (y[4] + y[5]) + (y[6] + y[7])
        shift = np.clip((of_known + past) + y[8], F(-64), F(64))
        # Width
        rest = {(r, c): around(rests, row + r, column + c) for r in (0, -1, -2) for c in range(-3, 3)}
        a = rest[0, -1] + rest[-1, 0]
        b = rest[0, -2] + rest[-1, -1] + rest[-1, 1] + rest[-2, 0]
        c = rest[0, -3] + rest[-1, -2] + rest[-2, -1] + rest[-2, 1]
        size = F(4) * a + F(2) * b + c + F(0.5) * (abs(x[0]) + abs(x[1]) + abs(x[2]) + abs(x[3]))
        kind = (size[:, None] > np.array(LIMITS, F)).sum(1)
        narrow = narrows[kind]
        mean, inverse = mean + shift * sixteenth, inverse * narrow
        # Flat areas
        flat = active & (known == known[0]).all(0)
        agree = sum((around(values, row + r, column + c, 2**20) == known[0]).astype(int) for r, c in ((0, -1), (-1, 0)))
        most = 2**24 - (high - low + 1) - 1
        parts = np.where(flat, np.minimum((shares[agree] * F(2**24)).astype(np.int64), most), 0)

        coded = np.zeros(16, np.int64)
        width = np.ones(16, np.int64)
        for i in np.flatnonzero(active):
            v = np.arange(low, high + 2)
            edge = (v - o[i]).astype(F) - F(0.5)
            total = np.zeros(v.size, F)
            for k in range(3):
                d = (edge - mean[k, i]) * inverse[k, i]
                total = total + weight[k, i] * np.where(d < 0, tail(abs(d)), F(1) - tail(abs(d)))
            mass = F(2**24 - (high - low + 1)) - F(parts[i])
            cdf = (np.minimum(total, F(1)) * mass).astype(np.int64) + (v - low) + np.where(v > known[0, i], parts[i], 0)
            cdf[0], cdf[-1] = 0, 2**24
            found = int(np.searchsorted(cdf, source.target(i), "right")) - 1
            source.skip(i, int(cdf[found]), int(cdf[found + 1]))
            coded[i], width[i] = low + found, cdf[found + 1] - cdf[found]
            values[row[i], column[i]] = coded[i]
        source.end_step()
        e = np.where(active, error(coded), F(0))
        left_over = np.where(active, abs(e - shift), F(0))
        errors[row[active], column[active]], rests[row[active], column[active]] = e[active], left_over[active]
        z = left_over * narrow * F(2**-4)
        grown = ((F(1) - np.minimum(z * z, F(16))) * F(16384)).astype(np.int32)
        for k in np.unique(kind[active]):
            of_class = active & (kind == k)
            seen[k] = min(seen[k] + F(of_class.sum()), F(1000))
            step = F(grown[of_class].sum()) * (F(0.004) / F(16384)) * (F(1) + F(10) / seen[k])
            narrows[k] = np.clip(narrows[k] + narrows[k] * step, F(0.25), F(4))
        hindsight = np.where(coded == known[0], parts.astype(F) / width.astype(F) * F(65536), F(0)).astype(np.int32)
        for k in np.unique(agree[flat]):
            of_kind = flat & (agree == k)
            n, total = F(of_kind.sum()), F(hindsight[of_kind].sum()) * F(2**-16)
            counts[k] = min(counts[k] + n, F(48))
            shares[k] = np.clip(shares[k] + (total - n * shares[k]) / (counts[k] + F(0.5)), F(2**-12), F(1 - 2**-12))
        products = np.array([x[j] * (x[k] if k < 9 else e) for j, k in pairs])
        above[t], left = above[t] + products, left + products
    return values.astype(np.int32)


def _log2(value: int) -> int:
    """In 1/4096, rounded down, by twelve squarings of 32 bits."""
    exponent = value.bit_length() - 1
    mantissa, result = value << 31 >> exponent, exponent
    for _ in range(12):
        mantissa = mantissa * mantissa >> 31
        result = 2 * result + (mantissa >> 32)
        mantissa >>= mantissa >> 32
    return result
