#pragma once

#include "vmm/base/bytes.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace vivarium {

// Serialises a machine's state: sections (name, version, length, CRC-32) behind a file header.
// Within a section, fields are little-endian values in order.
class StateWriter {
public:
    StateWriter();

    // Starts the next section; ends the one before.
    void beginSection(std::string_view name, uint32_t version);
    // The finished bytes; the writer is empty afterwards.
    std::vector<uint8_t> finish();

    // Writes integers, enums, bools, fixed arrays, strings and byte vectors.
    template <class... Fields>
    void fields(const Fields&... values) {
        (put(values), ...);
    }

private:
    template <class T>
    void put(const T& value) {
        if constexpr (std::is_enum_v<T>) {
            put(static_cast<std::underlying_type_t<T>>(value));
        } else {
            static_assert(std::is_integral_v<T>);
            size_t at = m_bytes.size();
            m_bytes.resize(at + sizeof(T));
            std::memcpy(m_bytes.data() + at, &value, sizeof(T));
        }
    }
    template <class T, size_t N>
    void put(const std::array<T, N>& values) {
        for (const T& value : values)
            put(value);
    }
    void put(const std::vector<uint8_t>& bytes);
    void put(const std::string& text);
    void endSection();

    std::vector<uint8_t> m_bytes;
    size_t m_sectionStart = 0; // 0: no open section
    size_t m_payloadStart = 0;
};

} // namespace vivarium
