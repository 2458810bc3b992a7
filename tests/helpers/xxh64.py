"""XXH64 after its specification, in plain Python."""

PRIMES = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
P1, P2, P3, P4, P5 = PRIMES
MASK = 2**64 - 1


def turned(x: int, bits: int) -> int:
    return (x << bits | x >> 64 - bits) & MASK


def stirred(lane: int, word: int) -> int:
    return turned(lane + word * P2 & MASK, 31) * P1 & MASK


def xxh64(data: bytes) -> int:
    """Of seed 0."""
    at = len(data) - len(data) % 32
    hash_ = P5
    if at:
        words = memoryview(data[:at]).cast("Q")  # little-endian, as the machines are that tests run on
        a, b, c, d = P1 + P2 & MASK, P2, 0, -P1 & MASK
        for i in range(0, len(words), 4):
            a, b, c, d = stirred(a, words[i]), stirred(b, words[i + 1]), stirred(c, words[i + 2]), stirred(d, words[i + 3])
        hash_ = turned(a, 1) + turned(b, 7) + turned(c, 12) + turned(d, 18) & MASK
        for lane in (a, b, c, d):
            hash_ = (hash_ ^ stirred(0, lane)) * P1 + P4 & MASK
    hash_ = hash_ + len(data) & MASK
    while len(data) - at >= 8:
        word = int.from_bytes(data[at : at + 8], "little")
        hash_, at = turned(hash_ ^ stirred(0, word), 27) * P1 + P4 & MASK, at + 8
    if len(data) - at >= 4:
        word = int.from_bytes(data[at : at + 4], "little")
        hash_, at = turned(hash_ ^ word * P1 & MASK, 23) * P2 + P3 & MASK, at + 4
    for byte in data[at:]:
        hash_ = turned(hash_ ^ byte * P5 & MASK, 11) * P1 & MASK
    hash_ = (hash_ ^ hash_ >> 33) * P2 & MASK
    hash_ = (hash_ ^ hash_ >> 29) * P3 & MASK
    return hash_ ^ hash_ >> 32
