#include "vmm/bus/port_bus.h"

#include "vmm/base/bytes.h"

#include <algorithm>
#include <mutex>
#include <utility>

namespace vivarium {

Result<PortMapping> PortBus::map(const std::string& name, uint16_t base, uint32_t count,
                                 IoHandler handler) {
    if (count == 0 || uint32_t{base} + count > 0x10000)
        return fail(ErrorCode::InvalidArgument, name + ": port range out of bounds");
    std::unique_lock lock(m_mutex);
    auto next = std::lower_bound(m_regions.begin(), m_regions.end(), uint32_t{base},
                                 [](const Region& r, uint32_t b) { return r.base < b; });
    bool overlapsNext = next != m_regions.end() && next->base < base + count;
    bool overlapsPrevious =
        next != m_regions.begin() && std::prev(next)->base + std::prev(next)->count > base;
    if (overlapsNext || overlapsPrevious)
        return fail(ErrorCode::Busy, name + ": ports are claimed by another device");
    m_regions.insert(next, Region{name, base, count, handler});
    return PortMapping(*this, base);
}

void PortBus::unmap(uint16_t base) {
    std::unique_lock lock(m_mutex);
    std::erase_if(m_regions, [base](const Region& r) { return r.base == base; });
}

bool PortBus::find(uint32_t port, unsigned sizeBytes, Target& target) const {
    std::shared_lock lock(m_mutex);
    auto next = std::upper_bound(m_regions.begin(), m_regions.end(), port,
                                 [](uint32_t p, const Region& r) { return p < r.base; });
    if (next == m_regions.begin())
        return false;
    const Region& region = *std::prev(next);
    uint32_t offset = port - region.base;
    if (!rangeFits(offset, sizeBytes, region.count))
        return false;
    target = {region.handler, offset};
    return true;
}

uint64_t PortBus::call(const Target& target, unsigned sizeBytes) {
    if (target.handler.locking == IoLocking::LockFree)
        return target.handler.read(target.handler.device, target.offset, sizeBytes);
    MutexLocker lock(m_deviceLock);
    return target.handler.read(target.handler.device, target.offset, sizeBytes);
}

void PortBus::call(const Target& target, unsigned sizeBytes, uint64_t value) {
    if (target.handler.locking == IoLocking::LockFree) {
        target.handler.write(target.handler.device, target.offset, sizeBytes, value);
        return;
    }
    MutexLocker lock(m_deviceLock);
    target.handler.write(target.handler.device, target.offset, sizeBytes, value);
}

uint32_t PortBus::read(uint16_t port, unsigned sizeBytes) {
    Target target;
    if (find(port, sizeBytes, target))
        return static_cast<uint32_t>(call(target, sizeBytes) & accessMask(sizeBytes));
    uint32_t value = 0;
    for (unsigned i = 0; i < sizeBytes; ++i) {
        uint32_t byte = 0xFF;
        if (uint32_t{port} + i <= 0xFFFF && find(port + i, 1, target))
            byte = static_cast<uint32_t>(call(target, 1) & 0xFF);
        value |= byte << (8 * i);
    }
    return value;
}

void PortBus::write(uint16_t port, unsigned sizeBytes, uint32_t value) {
    Target target;
    if (find(port, sizeBytes, target)) {
        call(target, sizeBytes, value & accessMask(sizeBytes));
        return;
    }
    for (unsigned i = 0; i < sizeBytes; ++i)
        if (uint32_t{port} + i <= 0xFFFF && find(port + i, 1, target))
            call(target, 1, (value >> (8 * i)) & 0xFF);
}

PortMapping::PortMapping(PortMapping&& other) noexcept
    : m_bus(std::exchange(other.m_bus, nullptr)), m_base(other.m_base) {}

PortMapping& PortMapping::operator=(PortMapping&& other) noexcept {
    if (this != &other) {
        reset();
        m_bus = std::exchange(other.m_bus, nullptr);
        m_base = other.m_base;
    }
    return *this;
}

void PortMapping::reset() {
    if (m_bus)
        std::exchange(m_bus, nullptr)->unmap(m_base);
}

} // namespace vivarium
