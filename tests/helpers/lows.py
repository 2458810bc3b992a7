"""Low bits in plain Python, as docs/format.md describes them."""

from __future__ import annotations

from collections import defaultdict

FARTHEST = 2815
MASK = (1 << 32) - 1


def _squashed() -> dict[int, int]:
    found, power = {}, 1 << 31
    for x in range(FARTHEST + 1):
        chance = min((1 << 47) // ((1 << 31) + power), 65535)
        found[-x], found[x] = 65536 - chance, chance
        power = power * 2139111412 >> 31
    return found


SQUASHED = _squashed()
STRETCHED = []
for k in range(4096):
    x = STRETCHED[-1] if STRETCHED else -FARTHEST
    while x < FARTHEST and SQUASHED[x] < k * 16 + 8:
        x += 1
    STRETCHED.append(x)


def kept(x: int, low: int, high: int) -> int:
    return min(max(x, low), high)


def divided(a: int, b: int) -> int:
    """Towards zero."""
    return a // b if a >= 0 else -(-a // b)


class Chance:
    def __init__(self) -> None:
        self.fine, self.count = 1 << 21, 0

    def learn(self, one: bool, limit: int) -> None:
        self.fine += divided((((1 << 22) - 1) if one else 0) - self.fine, 2 * self.count + 3) * 2
        self.count += self.count < limit


class Range:
    """The range coder's decoder."""

    def __init__(self, data: bytes):
        self.data, self.position, self.range, self.offset = data, 0, (1 << 64) - 1, 0
        self._word()
        self._word()

    def _word(self) -> None:
        word = self.data[self.position : self.position + 4].ljust(4, b"\0")
        self.offset = (self.offset << 32 | int.from_bytes(word, "big")) & ((1 << 64) - 1)
        self.position += 4

    def decide(self, chance: int) -> bool:
        part = self.range >> 24
        first = self.offset < part * 256 * chance
        begin, end = (0, 256 * chance) if first else (256 * chance, 1 << 24)
        self.offset -= part * begin
        self.range = part * (end - begin)
        while self.range < 1 << 32:
            self._word()
            self.range <<= 32
        return first


def decode(data: bytes, high: list[list[int]], bits: int) -> list[list[int]]:
    """The low bits of numbers whose high bits are known."""
    columns = len(high[0])
    known = [h for row in high for h in row]
    modelled, data = data[0], data[1:]
    length = shift = 0
    while True:
        byte, data = data[0], data[1:]
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    plain, taken, mask = int.from_bytes(data[:length], "little"), 0, (1 << bits - modelled) - 1
    coder = Range(data[length:])
    chances: defaultdict[tuple, Chance] = defaultdict(Chance)
    weights: defaultdict[tuple, list[int]] = defaultdict(list)

    def mixed(names: list[tuple], limits: list[int], group: tuple) -> bool:
        found, mine = [chances[name] for name in names], weights[group]
        mine += [21845] * (len(names) - len(mine))
        logits = [STRETCHED[c.fine >> 10] for c in found]
        chance = SQUASHED[kept(sum(w * x for w, x in zip(mine, logits)) >> 16, -FARTHEST, FARTHEST)]
        one = coder.decide(chance)
        for k, (logit, limit) in enumerate(zip(logits, limits)):
            mine[k] = kept(mine[k] + (logit * ((65536 if one else 0) - chance) + (1 << 14) >> 15), -(1 << 20), 1 << 20)
            found[k].learn(one, limit)
        return one

    size = 12
    while size < 22 and 1 << size < 4 * len(known):
        size += 1
    unit = max(0, bits - 44)
    low, repeats, last = [0] * len(known), [0] * len(known), {}
    for i, h in enumerate(known):
        has_west, has_north = i % columns > 0, i >= columns
        north = i - columns if has_north else i - 1
        west = i - 1 if has_west else north

        def whole(k):
            return (known[k] << bits | low[k]) >> unit

        def inside(x, h=h):
            return kept(x - (h << bits - unit), 0, (1 << bits - unit) - 1) << unit

        plane = mean = 1 << bits - 1
        error, region = bits + 1, 0
        if i:
            w, n, corner = whole(west), whole(north), whole(north - 1 if has_west and has_north else north)
            plane, mean = inside(w + n - corner), inside((w + n) // 2)
            error = (min(abs(w - corner), abs(n - corner)) + 1).bit_length() + unit
            region = repeats[west] + 3 * repeats[north]
        like_west, like_north = has_west and known[west] == h, has_north and known[north] == h
        if h in last:
            value, hits = last[h]
            s = 2 * (like_west and low[west] == value) + (like_north and low[north] == value)
            names = [("high", h), ("hits", hits, s), ("region", s, region)]
            if mixed(names, [250, 1000, 1000], ("repetition",)):
                low[i], repeats[i], last[h] = value, 2, (value, min(hits + 1, 31))
                continue
            repeats[i] = 1
        v = 0
        for p in range(modelled):
            below = bits - 1 - p
            node = 1 << p | v
            k = (h * 0x9E3779B1 ^ node * 0x85EBCA6B) & MASK
            k = (k ^ k >> 15) * 0x2C1B3C6D & MASK
            k = (k ^ k >> 13) * 0x9E3779B1 & MASK
            q = k ^ ((known[west] + 1 if has_west else 0) * 0xC2B2AE35 & MASK)
            q = (q ^ q >> 16) * 0x7FEB352D & MASK

            def place(x: int, v=v, below=below) -> int:
                d = x - ((2 * v + 1) << below)
                return kept(d >> below - 2 if below >= 2 else d * (4 >> below), -32, 31)

            def says(alike: bool, k: int, v=v, below=below) -> int:
                return 1 + (low[k] >> below & 1) if alike and low[k] >> below >> 1 == v else 0

            far = kept(error - below + 6, 0, 15)
            exact = ("exact", k >> 32 - size)
            names = [
                exact, ("tree", min(node, 16383)), ("plane", p, place(plane), far), ("mean", p, place(mean), far),
                ("copied", p, says(like_west, west), says(like_north, north)), ("beside", q >> 32 - size),
            ]  # fmt: skip
            group = ("bit", p, min(3, chances[exact].count.bit_length() // 2))
            v = 2 * v + mixed(names, [250, 1000, 1000, 1000, 1000, 250], group)
        low[i] = v << bits - modelled | (plain >> taken & mask)
        taken += bits - modelled
        last[h] = (low[i], 1)
    return [low[k : k + columns] for k in range(0, len(low), columns)]
