#pragma once

#include "vmm/base/bytes.h"
#include "vmm/base/result.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace vivarium {

// Reads what StateWriter wrote. The input is hostile: lengths, checksums and enum ranges are
// checked, and reading past a section's end fails instead of throwing.
class StateReader {
public:
    // Checks the file header. `bytes` is borrowed. Errors: Corrupt, Unsupported (a newer format).
    static Result<StateReader> open(ConstByteSpan bytes);

    // Enters the section called `name` and checks its checksum. Errors: NotFound, Corrupt;
    // Unsupported when its version is above `newestVersion`, naming the section.
    Result<void> enterSection(std::string_view name, uint32_t newestVersion);
    uint32_t sectionVersion() const { return m_version; }
    size_t remainingBytes() const { return m_section.size(); }

    // Reads fields in the order they were written. Error: Corrupt when the section is too short or
    // a bool is neither 0 nor 1. Enums and indices are the caller's to check.
    template <class... Fields>
    Result<void> fields(Fields&... values) {
        if (!(get(values) && ...))
            return fail(ErrorCode::Corrupt, "saved state: section " + m_name + " is malformed");
        return {};
    }

private:
    explicit StateReader(ConstByteSpan bytes) : m_bytes(bytes) {}

    template <class T>
    bool get(T& value) {
        if constexpr (std::is_enum_v<T>) {
            std::underlying_type_t<T> number;
            if (!get(number))
                return false;
            value = static_cast<T>(number);
            return true;
        } else if constexpr (std::is_same_v<T, bool>) {
            uint8_t number;
            if (!get(number) || number > 1)
                return false;
            value = number != 0;
            return true;
        } else {
            static_assert(std::is_integral_v<T>);
            if (m_section.size() < sizeof(T))
                return false;
            std::memcpy(&value, m_section.data(), sizeof(T));
            m_section = m_section.subspan(sizeof(T));
            return true;
        }
    }
    template <class T, size_t N>
    bool get(std::array<T, N>& values) {
        for (T& value : values)
            if (!get(value))
                return false;
        return true;
    }
    bool get(std::vector<uint8_t>& bytes);
    bool get(std::string& text);
    Error truncated();

    ConstByteSpan m_bytes;   // the whole state
    ConstByteSpan m_section; // unread rest of the entered section
    std::string m_name;
    uint32_t m_version = 0;
};

} // namespace vivarium
