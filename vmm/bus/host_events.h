#pragma once

#include "vmm/base/guest_address.h"
#include "vmm/base/result.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

namespace vivarium {

// Undoes a registration when it goes. Movable.
class Registration {
public:
    Registration() = default;
    explicit Registration(std::function<void()> release) : m_release(std::move(release)) {}
    Registration(Registration&& other) noexcept
        : m_release(std::exchange(other.m_release, nullptr)) {}
    Registration& operator=(Registration&& other) noexcept {
        if (this != &other) {
            reset();
            m_release = std::exchange(other.m_release, nullptr);
        }
        return *this;
    }
    ~Registration() { reset(); }
    bool active() const { return m_release != nullptr; }
    void reset() {
        if (auto release = std::exchange(m_release, nullptr))
            release();
    }

private:
    std::function<void()> m_release;
};

// A doorbell: a guest write to exactly this place.
struct Doorbell {
    enum class Space { Port, Memory } space = Space::Memory;
    GuestAddress address = 0;
    unsigned sizeBytes = 0;          // 1, 2, 4 or 8; 0: a write of any size
    std::optional<uint64_t> value{}; // only writes of this value
    bool operator==(const Doorbell&) const = default;
};

// eventfds that the accelerator signals or listens to without a trip through the worker. Any
// thread; may be called with the device lock held. Descriptors are borrowed until the registration
// goes.
class HostEvents {
public:
    virtual ~HostEvents() = default;
    // Matching writes add one to `eventFd` and no longer reach the bus.
    virtual Result<Registration> bindDoorbell(const Doorbell& doorbell, int eventFd) = 0;
    // A write to `eventFd` raises an edge on `gsi`.
    virtual Result<Registration> bindInterrupt(int eventFd, uint32_t gsi) = 0;
};

} // namespace vivarium
