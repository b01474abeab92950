#pragma once

#include "vmm/base/event_loop.h"
#include "vmm/base/task_queue.h"
#include "vmm/base/thread_annotations.h"
#include "vmm/bus/device_lock.h"

#include <functional>
#include <vector>

namespace vivarium {

// Runs what other threads post on the event loop's thread, with the device lock held. Outlives the
// devices and their I/O threads.
class DeviceTaskQueue final : public TaskQueue {
public:
    DeviceTaskQueue(EventLoop& loop, DeviceLock& deviceLock)
        : m_loop(loop), m_deviceLock(deviceLock) {}

    void post(std::function<void()> task) override;
    // Runs now what is waiting and what that posts in turn; whether there was anything. The loop's
    // thread, device lock free.
    bool runPending();

private:
    bool runOnce();

    EventLoop& m_loop;
    DeviceLock& m_deviceLock;
    Mutex m_mutex;
    std::vector<std::function<void()>> m_tasks GUARDED_BY(m_mutex);
};

} // namespace vivarium
