#pragma once

#include <functional>

namespace vivarium {

// Where other threads (disk I/O, serial readers, viewers) hand work to the devices.
class TaskQueue {
public:
    virtual ~TaskQueue() = default;
    // Any thread. Runs `task` soon on the device thread with the device lock held, in order.
    virtual void post(std::function<void()> task) = 0;
};

} // namespace vivarium
