"""Write the coder's integer tables (src/dicompress/coder/native/tables.hpp).

Run once, by hand: the numbers are part of the format and never change. 40 decimal digits make every entry's rounding
certain, whatever the machine.
"""

from decimal import Decimal, getcontext
from pathlib import Path

getcontext().prec = 40
PI = Decimal("3.141592653589793238462643383279502884197")


def normal_cdf(t: Decimal) -> Decimal:
    """Phi(t) = 1/2 + exp(-t^2/2) / sqrt(2 pi) * (t + t^3/3 + t^5/(3*5) + ...), all terms positive for t > 0."""
    term = total = t
    n = 1
    while term > Decimal(10) ** -38:
        n += 2
        term = term * t * t / n
        total += term
    return Decimal("0.5") + (-t * t / 2).exp() / (2 * PI).sqrt() * total


def rows(values: list[int], per_line: int = 10) -> str:
    return ",\n    ".join(", ".join(map(str, values[i : i + per_line])) for i in range(0, len(values), per_line))


def integer(value: Decimal) -> int:
    return int(value.to_integral_value())


TWO = Decimal(2)
STEEPNESS = PI / Decimal(3).sqrt()  # of the logistic distribution with a standard deviation of 1
phi = [integer(normal_cdf(Decimal(i) / 128) * 2**30) for i in range(1025)]
logistic = [integer(2**30 / (1 + (-STEEPNESS * i / 128).exp())) for i in range(1025)]
inverse = [integer(TWO ** (Decimal(31) - Decimal(i) / 32)) for i in range(640)]
power = [integer(TWO ** (Decimal(16) - Decimal(i) / 256)) for i in range(256)]

text = f"""// Integer tables of the format; written by tools/make_tables.py. Changing one number breaks every stream.
#pragma once

#include <cstdint>

namespace dicompress {{

// Phi(i / 128) * 2^30, the Gaussian CDF for t >= 0.
inline constexpr std::uint32_t gaussian_cdf[1025] = {{
    {rows(phi)}}};

// 2^30 / (1 + exp(-pi / sqrt(3) * i / 128)), the CDF of the logistic distribution of standard deviation 1 for t >= 0.
inline constexpr std::uint32_t logistic_cdf[1025] = {{
    {rows(logistic)}}};

// 2^27 / sigma for sigma = 2^(i / 32 - 4), in pixel values.
inline constexpr std::int64_t inverse_scale[640] = {{
    {rows(inverse)}}};

// 2^16 * 2^(-i / 256).
inline constexpr std::uint32_t negative_power[256] = {{
    {rows(power)}}};

}}  // namespace dicompress
"""
Path(__file__).parents[1].joinpath("src/dicompress/coder/native/tables.hpp").write_text(text)
