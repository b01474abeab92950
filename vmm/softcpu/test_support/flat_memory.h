#pragma once

#include "vmm/softcpu/cpu_bus.h"
#include "vmm/softcpu/memory/physical_view.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace vivarium::softcpu::test {

// Guest RAM from address 0 with guard bytes around it, and a bus that answers beyond it.
class FlatMemory : public CpuBus {
public:
    static constexpr uint8_t kGuard = 0xA7;
    static constexpr size_t kGuardBytes = 4096;

    explicit FlatMemory(uint64_t sizeBytes)
        : m_bytes(sizeBytes + 3 * kGuardBytes, kGuard), m_sizeBytes(sizeBytes) {
        auto start = reinterpret_cast<uintptr_t>(m_bytes.data()) + 2 * kGuardBytes - 1;
        m_ram = reinterpret_cast<uint8_t*>(start / kGuardBytes * kGuardBytes);
        std::memset(m_ram, 0, sizeBytes);
        m_view.add(
            {0, sizeBytes, m_ram, DirectSection::Access::ReadWrite, MemoryRegion::DirtyLog::Off});
    }

    PhysicalView& view() { return m_view; }
    uint8_t* ram() { return m_ram; }
    uint64_t sizeBytes() const { return m_sizeBytes; }
    void put(GuestAddress address, const std::vector<uint8_t>& bytes) {
        std::memcpy(m_ram + address, bytes.data(), bytes.size());
    }
    template <class T>
    void store(GuestAddress address, T value) {
        std::memcpy(m_ram + address, &value, sizeof value);
    }
    template <class T>
    T load(GuestAddress address) const {
        T value;
        std::memcpy(&value, m_ram + address, sizeof value);
        return value;
    }
    // False when something was written outside the RAM.
    bool guardsIntact() const {
        for (const uint8_t* byte = m_bytes.data(); byte < m_ram; ++byte)
            if (*byte != kGuard)
                return false;
        for (const uint8_t* byte = m_ram + m_sizeBytes; byte < m_bytes.data() + m_bytes.size();
             ++byte)
            if (*byte != kGuard)
                return false;
        return true;
    }

    uint64_t readPhysical(GuestAddress address, unsigned sizeBytes) override {
        log += "r" + std::to_string(address) + ":" + std::to_string(sizeBytes) + " ";
        return deviceValue;
    }
    void writePhysical(GuestAddress address, unsigned sizeBytes, uint64_t value) override {
        log += "w" + std::to_string(address) + ":" + std::to_string(sizeBytes) + "=" +
               std::to_string(value) + " ";
    }
    uint32_t in(uint16_t port, unsigned sizeBytes) override {
        log += "i" + std::to_string(port) + ":" + std::to_string(sizeBytes) + " ";
        return static_cast<uint32_t>(deviceValue);
    }
    void out(uint16_t port, unsigned sizeBytes, uint32_t value) override {
        log += "o" + std::to_string(port) + ":" + std::to_string(sizeBytes) + "=" +
               std::to_string(value) + " ";
    }

    std::string log;
    uint64_t deviceValue = ~uint64_t{0};

private:
    std::vector<uint8_t> m_bytes;
    uint64_t m_sizeBytes;
    uint8_t* m_ram = nullptr;
    PhysicalView m_view;
};

} // namespace vivarium::softcpu::test
