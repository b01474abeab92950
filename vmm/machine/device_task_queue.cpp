#include "vmm/machine/device_task_queue.h"

namespace vivarium {

void DeviceTaskQueue::post(std::function<void()> task) {
    bool wasEmpty;
    {
        MutexLocker lock(m_mutex);
        wasEmpty = m_tasks.empty();
        m_tasks.push_back(std::move(task));
    }
    if (wasEmpty)
        m_loop.post([this] { runOnce(); });
}

bool DeviceTaskQueue::runOnce() {
    std::vector<std::function<void()>> tasks;
    {
        MutexLocker lock(m_mutex);
        tasks.swap(m_tasks);
    }
    if (tasks.empty())
        return false;
    MutexLocker lock(m_deviceLock);
    for (auto& task : tasks)
        task();
    return true;
}

bool DeviceTaskQueue::runPending() {
    bool any = false;
    while (runOnce())
        any = true;
    return any;
}

} // namespace vivarium
