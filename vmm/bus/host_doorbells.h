#pragma once

#include "vmm/base/result.h"
#include "vmm/bus/host_events.h"

#include <functional>
#include <memory>
#include <optional>

namespace vivarium {

// A doorbell that a guest rings without leaving its vCPU's run: the accelerator tells the device
// thread. Owner: the device; created and destroyed on the device thread.
class HostDoorbell {
public:
    virtual ~HostDoorbell() = default;
    // Where guest writes ring it from now on; nullopt: nowhere. Elsewhere, and where the
    // accelerator refuses, they reach the bus, so the device's ordinary handler must do the same.
    // Any thread, device lock held.
    virtual void place(std::optional<Doorbell> doorbell) = 0;
};

// Makes them; a machine whose accelerator cannot (qtest, software CPUs) has none.
class HostDoorbells {
public:
    virtual ~HostDoorbells() = default;
    // `rung` runs on the device thread with the device lock held, once for any number of rings and
    // not while the machine is paused. Rings that are pending when a state is saved are not saved:
    // look for work at every resume. Errors: the host's.
    virtual Result<std::unique_ptr<HostDoorbell>> create(std::function<void()> rung) = 0;
};

} // namespace vivarium
