#pragma once

#include "vmm/base/result.h"
#include "vmm/base/thread_annotations.h"
#include "vmm/base/unique_fd.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace vivarium {

// epoll loop of one thread: file descriptors, tasks posted by other threads, one wake-up time.
// Callbacks run on the loop's thread without any lock. `post`, `wakeAt` and `stop` are for any
// thread, everything else for the loop's own.
class EventLoop {
public:
    static Result<std::unique_ptr<EventLoop>> create();

    using FdCallback = std::function<void(uint32_t epollEvents)>;
    // Watches `fd` (borrowed) for `epollEvents` (EPOLLIN | EPOLLOUT); one watch a descriptor.
    Result<void> watch(int fd, uint32_t epollEvents, FdCallback callback);
    void changeEvents(int fd, uint32_t epollEvents);
    // Safe inside a callback, also the descriptor's own.
    void unwatch(int fd);

    void post(std::function<void()> task);
    // Calls the wake-up callback once CLOCK_MONOTONIC reaches `monotonicNs` (0 = disarm).
    void wakeAt(uint64_t monotonicNs);
    void setWakeCallback(std::function<void()> callback) { m_wake = std::move(callback); }

    void run();                  // until stop()
    void runOnce(int timeoutMs); // one round; -1 waits for ever
    void stop();

private:
    EventLoop(UniqueFd epoll, UniqueFd event, UniqueFd timer);
    void runPosted();

    UniqueFd m_epoll;
    UniqueFd m_event;
    UniqueFd m_timer;
    struct Watch {
        uint32_t id; // tells events of this watch from late ones of the descriptor's last owner
        std::shared_ptr<FdCallback> callback;
    };
    std::map<int, Watch> m_watches;
    uint32_t m_nextWatchId = 1;
    std::function<void()> m_wake;
    Mutex m_mutex;
    std::vector<std::function<void()>> m_posted GUARDED_BY(m_mutex);
    bool m_stopping GUARDED_BY(m_mutex) = false;
};

} // namespace vivarium
