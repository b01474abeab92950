#include "vmm/base/event_loop.h"

#include <array>
#include <cerrno>
#include <ctime>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

namespace vivarium {

namespace {

// The user data of an event: the descriptor, and the watch's id (0 for the loop's own).
uint64_t eventData(int fd, uint32_t watchId) {
    return uint64_t{watchId} << 32 | static_cast<uint32_t>(fd);
}

bool controlEpoll(int epoll, int operation, int fd, uint32_t events, uint32_t watchId = 0) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = eventData(fd, watchId);
    return ::epoll_ctl(epoll, operation, fd, &event) == 0;
}

void drainCounter(int fd) {
    uint64_t count;
    while (::read(fd, &count, sizeof count) < 0 && errno == EINTR) {
    }
}

} // namespace

Result<std::unique_ptr<EventLoop>> EventLoop::create() {
    UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
    UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    UniqueFd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!epoll || !event || !timer ||
        !controlEpoll(epoll.get(), EPOLL_CTL_ADD, event.get(), EPOLLIN) ||
        !controlEpoll(epoll.get(), EPOLL_CTL_ADD, timer.get(), EPOLLIN))
        return systemError(errno, "create event loop");
    return std::unique_ptr<EventLoop>(
        new EventLoop(std::move(epoll), std::move(event), std::move(timer)));
}

EventLoop::EventLoop(UniqueFd epoll, UniqueFd event, UniqueFd timer)
    : m_epoll(std::move(epoll)), m_event(std::move(event)), m_timer(std::move(timer)) {}

Result<void> EventLoop::watch(int fd, uint32_t epollEvents, FdCallback callback) {
    uint32_t id = m_nextWatchId++;
    if (!controlEpoll(m_epoll.get(), EPOLL_CTL_ADD, fd, epollEvents, id))
        return systemError(errno, "watch file descriptor");
    m_watches[fd] = {id, std::make_shared<FdCallback>(std::move(callback))};
    return {};
}

void EventLoop::changeEvents(int fd, uint32_t epollEvents) {
    if (auto watch = m_watches.find(fd); watch != m_watches.end())
        controlEpoll(m_epoll.get(), EPOLL_CTL_MOD, fd, epollEvents, watch->second.id);
}

void EventLoop::unwatch(int fd) {
    if (m_watches.erase(fd) > 0)
        ::epoll_ctl(m_epoll.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void EventLoop::post(std::function<void()> task) {
    {
        MutexLocker lock(m_mutex);
        m_posted.push_back(std::move(task));
    }
    uint64_t one = 1;
    [[maybe_unused]] ssize_t written = ::write(m_event.get(), &one, sizeof one);
}

void EventLoop::wakeAt(uint64_t monotonicNs) {
    itimerspec spec{};
    spec.it_value.tv_sec = static_cast<time_t>(monotonicNs / 1'000'000'000);
    spec.it_value.tv_nsec = static_cast<long>(monotonicNs % 1'000'000'000);
    ::timerfd_settime(m_timer.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
}

void EventLoop::run() {
    for (;;) {
        {
            MutexLocker lock(m_mutex);
            if (m_stopping) {
                m_stopping = false;
                return;
            }
        }
        runOnce(-1);
    }
}

void EventLoop::runOnce(int timeoutMs) {
    std::array<epoll_event, 32> events;
    int count = ::epoll_wait(m_epoll.get(), events.data(), events.size(), timeoutMs);
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<size_t>(i)];
        auto fd = static_cast<int>(event.data.u64 & 0xFFFFFFFF);
        auto id = static_cast<uint32_t>(event.data.u64 >> 32);
        if (fd == m_event.get()) {
            drainCounter(fd);
        } else if (fd == m_timer.get()) {
            drainCounter(fd);
            if (m_wake)
                m_wake();
        } else if (auto watch = m_watches.find(fd);
                   watch != m_watches.end() && watch->second.id == id) {
            auto callback = watch->second.callback; // it may remove its own watch
            (*callback)(event.events);
        }
    }
    runPosted();
}

void EventLoop::runPosted() {
    std::vector<std::function<void()>> tasks;
    {
        MutexLocker lock(m_mutex);
        tasks.swap(m_posted);
    }
    for (auto& task : tasks)
        task();
}

void EventLoop::stop() {
    {
        MutexLocker lock(m_mutex);
        m_stopping = true;
    }
    uint64_t one = 1;
    [[maybe_unused]] ssize_t written = ::write(m_event.get(), &one, sizeof one);
}

} // namespace vivarium
