#pragma once

#include "vmm/base/bytes.h"
#include "vmm/base/guest_address.h"
#include "vmm/base/result.h"
#include "vmm/memory/private_mapping.h"

#include <functional>
#include <optional>
#include <vector>

namespace vivarium {

// One stretch of guest RAM: guest-physical [base, base + sizeBytes) is mapping[offset...].
struct RamRange {
    GuestAddress base;
    uint64_t sizeBytes;
    uint64_t offsetBytes;
};

// The guest's RAM and the only way a device touches it. A PC has RAM below a hole under 4 GiB and
// the rest above 4 GiB. Every access is checked; an access outside RAM fails and changes nothing,
// so DMA can never reach a device's registers (CVE-2021-3416). Any thread: the guest races with
// us by nature, so read a structure once into a local before validating it.
class GuestMemory {
public:
    // `sizeBytes`: whole MiB, 1 MiB .. 16 TiB. RAM above `lowEnd` (whole MiB, at most 4 GiB) moves
    // to 4 GiB.
    static Result<GuestMemory> create(uint64_t sizeBytes, GuestAddress lowEnd = 0xB0000000);

    uint64_t sizeBytes() const { return m_mapping.sizeBytes(); }
    const std::vector<RamRange>& ranges() const { return m_ranges; }
    const PrivateMapping& mapping() const { return m_mapping; }
    // First address after the RAM below 4 GiB.
    GuestAddress lowEnd() const { return m_ranges.front().base + m_ranges.front().sizeBytes; }

    // Host view of [address, address + length), which must lie in one range; nullopt otherwise.
    std::optional<ByteSpan> view(GuestAddress address, uint64_t length) const;

    // Called after devices have written (write(), written()), with the device lock held: a
    // processor that keeps translations of code must know. Not to be changed while devices run.
    void setWriteListener(std::function<void()> listener) { m_writeListener = std::move(listener); }
    // A device has written through a view, and what shows the guest that it has comes next.
    void written() const {
        if (m_writeListener)
            m_writeListener();
    }

    // Copies; false (and nothing copied) unless the whole span is RAM.
    [[nodiscard]] bool read(GuestAddress address, ByteSpan out) const;
    [[nodiscard]] bool write(GuestAddress address, ConstByteSpan in) const;

    template <class T>
    std::optional<T> readObject(GuestAddress address) const {
        static_assert(std::is_trivially_copyable_v<T>);
        T value;
        if (!read(address, {reinterpret_cast<uint8_t*>(&value), sizeof value}))
            return std::nullopt;
        return value;
    }
    template <class T>
    [[nodiscard]] bool writeObject(GuestAddress address, const T& value) const {
        static_assert(std::is_trivially_copyable_v<T>);
        return write(address, {reinterpret_cast<const uint8_t*>(&value), sizeof value});
    }

private:
    GuestMemory(PrivateMapping mapping, std::vector<RamRange> ranges)
        : m_mapping(std::move(mapping)), m_ranges(std::move(ranges)) {}

    PrivateMapping m_mapping;
    std::vector<RamRange> m_ranges; // one or two, ascending
    std::function<void()> m_writeListener;
};

} // namespace vivarium
