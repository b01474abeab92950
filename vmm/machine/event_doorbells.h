#pragma once

#include "vmm/base/event_loop.h"
#include "vmm/bus/device_lock.h"
#include "vmm/bus/host_doorbells.h"
#include "vmm/bus/host_events.h"

#include <memory>
#include <vector>

namespace vivarium {

// Doorbells by eventfds that the accelerator signals and the event loop watches. Owner: the
// machine; outlives the devices. Creation, hold and release on the loop's thread.
class EventDoorbells final : public HostDoorbells {
public:
    EventDoorbells(EventLoop& loop, DeviceLock& deviceLock, HostEvents& events)
        : m_loop(loop), m_deviceLock(deviceLock), m_events(events) {}

    Result<std::unique_ptr<HostDoorbell>> create(std::function<void()> rung) override;

    // While held (the vCPUs are stopped), what rings waits for release().
    void hold() { m_held = true; }
    // Calls for what rang until now, while held. Device lock free.
    void settle();
    // Device lock free.
    void release();

private:
    class Bell;
    void rung(Bell& bell);

    EventLoop& m_loop;
    DeviceLock& m_deviceLock;
    HostEvents& m_events;
    bool m_held = false;
    std::vector<Bell*> m_bells; // all that exist
};

} // namespace vivarium
