#pragma once

#include "vmm/base/result.h"
#include "vmm/bus/device_lock.h"
#include "vmm/bus/io_handler.h"

#include <cstdint>
#include <shared_mutex>
#include <string>
#include <vector>

namespace vivarium {

// A device's block of I/O ports on a PortBus; unmapped when it goes. Movable.
class PortMapping;

// The 64 Ki x86 I/O ports. Regions do not overlap: mapping over another region fails, and the
// guest that programmed two BARs on one place sees only the first. `read` and `write` are for any
// thread and take the device lock themselves; `map` is called while building or from a handler.
class PortBus {
public:
    explicit PortBus(DeviceLock& deviceLock) : m_deviceLock(deviceLock) {}

    // Claims ports [base, base + count). Errors: InvalidArgument (beyond 0xFFFF, count 0), Busy.
    Result<PortMapping> map(const std::string& name, uint16_t base, uint32_t count,
                            IoHandler handler);

    // One access of 1, 2 or 4 bytes. An access that reaches past its region, or that starts where
    // no region is, is split into bytes; unclaimed bytes read 0xFF.
    uint32_t read(uint16_t port, unsigned sizeBytes);
    void write(uint16_t port, unsigned sizeBytes, uint32_t value);

private:
    friend class PortMapping;
    struct Region {
        std::string name;
        uint32_t base;
        uint32_t count;
        IoHandler handler;
    };
    struct Target {
        IoHandler handler;
        uint32_t offset;
    };
    bool find(uint32_t port, unsigned sizeBytes, Target& target) const;
    void unmap(uint16_t base);
    uint64_t call(const Target& target, unsigned sizeBytes);
    void call(const Target& target, unsigned sizeBytes, uint64_t value);

    DeviceLock& m_deviceLock;
    mutable std::shared_mutex m_mutex;
    std::vector<Region> m_regions; // sorted by base; guarded by m_mutex
};

class PortMapping {
public:
    PortMapping() = default;
    PortMapping(PortMapping&& other) noexcept;
    PortMapping& operator=(PortMapping&& other) noexcept;
    ~PortMapping() { reset(); }
    bool mapped() const { return m_bus != nullptr; }
    void reset();

private:
    friend class PortBus;
    PortMapping(PortBus& bus, uint16_t base) : m_bus(&bus), m_base(base) {}
    PortBus* m_bus = nullptr;
    uint16_t m_base = 0;
};

} // namespace vivarium
