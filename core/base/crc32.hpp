// CRC-32 (ISO 3309, as in zlib and PNG).
#pragma once

#include <array>

#include "base/bytes.hpp"

namespace dicompress {

inline constexpr auto crc32_tables = [] {  // what k zero bytes behind a byte make of it
    std::array<std::array<std::uint32_t, 256>, 8> tables{};
    for (std::uint32_t n = 0; n < 256; ++n) {
        std::uint32_t crc = n;
        for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
        tables[0][n] = crc;
    }
    for (std::size_t k = 1; k < 8; ++k)
        for (std::size_t n = 0; n < 256; ++n) tables[k][n] = tables[k - 1][n] >> 8 ^ tables[0][tables[k - 1][n] & 255];
    return tables;
}();

inline std::uint32_t crc32(ByteSpan bytes) {
    std::uint32_t crc = ~std::uint32_t{0};
    std::size_t i = 0;
    for (; i + 8 <= bytes.size(); i += 8) {
        std::uint32_t next = 0;
        for (std::size_t k = 0; k < 8; ++k)
            next ^= crc32_tables[7 - k][bytes[i + k] ^ (k < 4 ? crc >> (8 * k) & 255 : 0)];
        crc = next;
    }
    for (; i < bytes.size(); ++i) crc = crc >> 8 ^ crc32_tables[0][(crc ^ bytes[i]) & 255];
    return ~crc;
}

}  // namespace dicompress
