#pragma once

#include "vmm/base/bytes.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace vivarium::test {

// A fuzzer's input, taken from the front as the numbers that steer a run. What is missing at the
// end is zero, so that every input means something.
class FuzzInput {
public:
    FuzzInput(const uint8_t* data, size_t size) : m_rest(data, size) {}
    bool empty() const { return m_rest.empty(); }
    template <class T>
    T take() {
        static_assert(std::is_trivially_copyable_v<T>);
        T value{};
        const size_t sizeBytes = std::min(sizeof value, m_rest.size());
        if (sizeBytes != 0) // memcpy must not see the null pointer of an empty input
            std::memcpy(&value, m_rest.data(), sizeBytes);
        m_rest = m_rest.subspan(sizeBytes);
        return value;
    }

private:
    ConstByteSpan m_rest;
};

} // namespace vivarium::test
