"""The table of a head, read as docs/format.md says, in plain Python."""

from __future__ import annotations

HALF = 1 << 23  # of the 2**24 parts


class Decisions:
    """The range coder, a decision at a time."""

    def __init__(self, data: bytes):
        self.data, self.place, self.range = data + bytes(8), 8, 2**64 - 1
        self.offset = int.from_bytes(self.data[:8], "big")

    def decide(self, parts: int) -> bool:
        part = self.range >> 24
        yes = self.offset < part * parts
        self.offset -= 0 if yes else part * parts
        self.range = part * (parts if yes else 2**24 - parts)
        while self.range < 2**32:
            self.offset = self.offset << 32 | int.from_bytes((self.data[self.place : self.place + 4] + bytes(4))[:4], "big")
            self.place += 4
            self.range <<= 32
        return yes


class Chance:
    def __init__(self):
        self.parts, self.count = HALF, 0

    def read(self, source: Decisions) -> bool:
        yes = source.decide(self.parts)
        away = (2**24 if yes else 0) - self.parts
        step = 2 * abs(away) // (2 * self.count + 3)
        self.parts = min(max(self.parts + (step if away > 0 else -step), 256), 2**24 - 256)
        self.count = min(self.count + 1, 4000)
        return yes


class Chances(dict):
    def __missing__(self, key):
        self[key] = Chance()
        return self[key]


def read_table(data: bytes, low: int, high: int) -> list[int]:
    """The values that may occur, ascending."""
    source = Decisions(data)
    if source.decide(2**16):
        return [low, *(v for v in range(low + 1, high) if source.decide(HALF)), high]
    values, gaps, chances = [low], [], Chances()
    match = length = 0
    places = {32: {}, 6: {}}
    while values[-1] < high:
        predicted = 1 if not gaps else gaps[match] if match else gaps[-1]
        unlike = min(predicted, 4) - 1
        gap = predicted if chances["same", unlike, min(length.bit_length(), 9)].read(source) else other(chances, unlike, source)
        gaps.append(gap)
        match, length = (match + 1, length + 1) if match and gap == gaps[match] else (0, 0)
        for order, found in places.items():
            if len(gaps) < order:
                continue
            key = 0
            for g in gaps[-order:]:
                key = (key + g) * 0x9E3779B1 % 2**32
            place = found.get(key >> 20, 0)
            if place and length < order and gaps[place - order : place] == gaps[-order:] and place >= order:
                match, length = place, order
            found[key >> 20] = len(gaps)
        values.append(values[-1] + gap)
    return values


def other(chances: Chances, unlike: int, source: Decisions) -> int:
    """A gap that is not the one predicted."""
    bits = 0
    while bits < 16 and chances["longer", unlike, bits].read(source):
        bits += 1
    gap = 1
    for bit in reversed(range(bits)):
        name = ("second", unlike) if bits == 1 else ("tree", bits, gap) if gap < 32 else ("low", bit)
        gap = 2 * gap + chances[name].read(source)
    return gap
