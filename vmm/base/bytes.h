#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>

namespace vivarium {

using ByteSpan = std::span<uint8_t>;
using ConstByteSpan = std::span<const uint8_t>;

// Overflow-checked arithmetic for numbers that a guest or a file supplied: nullopt on overflow.
template <class T>
constexpr std::optional<T> checkedAdd(T a, std::type_identity_t<T> b) {
    T sum;
    if (__builtin_add_overflow(a, b, &sum))
        return std::nullopt;
    return sum;
}

template <class T>
constexpr std::optional<T> checkedMultiply(T a, std::type_identity_t<T> b) {
    T product;
    if (__builtin_mul_overflow(a, b, &product))
        return std::nullopt;
    return product;
}

// a << shift, or nullopt when bits are lost or the shift is not below T's width.
template <class T>
constexpr std::optional<T> checkedShift(T a, unsigned shift) {
    static_assert(std::is_unsigned_v<T>);
    if (shift >= sizeof(T) * 8)
        return std::nullopt;
    auto shifted = static_cast<T>(a << shift); // narrow types are promoted: cut before comparing
    if (shifted >> shift != a)
        return std::nullopt;
    return shifted;
}

// True when [offset, offset + length) lies inside [0, size), without overflow.
constexpr bool rangeFits(uint64_t offset, uint64_t length, uint64_t size) {
    return offset <= size && length <= size - offset;
}

// `value` rounded up to a multiple of `alignment` (a power of two); the caller bounds `value`.
constexpr uint64_t alignUp(uint64_t value, uint64_t alignment) {
    return (value + alignment - 1) & ~(alignment - 1);
}

constexpr uint64_t alignDown(uint64_t value, uint64_t alignment) {
    return value & ~(alignment - 1);
}

// Little- and big-endian access to unaligned bytes; the caller guarantees sizeof(T) bytes.
template <class T>
inline T loadLe(const void* bytes) {
    static_assert(std::is_integral_v<T>);
    T value;
    std::memcpy(&value, bytes, sizeof value); // the only supported hosts are little-endian
    return value;
}

template <class T>
inline void storeLe(void* bytes, std::type_identity_t<T> value) {
    static_assert(std::is_integral_v<T>);
    std::memcpy(bytes, &value, sizeof value);
}

template <class T>
constexpr T byteSwap(T value) {
    static_assert(std::is_unsigned_v<T>);
    if constexpr (sizeof(T) == 1)
        return value;
    else if constexpr (sizeof(T) == 2)
        return __builtin_bswap16(value);
    else if constexpr (sizeof(T) == 4)
        return __builtin_bswap32(value);
    else
        return __builtin_bswap64(value);
}

template <class T>
inline T loadBe(const void* bytes) {
    return byteSwap(loadLe<T>(bytes));
}

template <class T>
inline void storeBe(void* bytes, std::type_identity_t<T> value) {
    storeLe<T>(bytes, byteSwap(value));
}

// All ones in the low `sizeBytes` bytes (1..8): what an unclaimed bus access reads.
constexpr uint64_t accessMask(unsigned sizeBytes) {
    return sizeBytes >= 8 ? ~uint64_t{0} : (uint64_t{1} << (sizeBytes * 8)) - 1;
}

} // namespace vivarium
