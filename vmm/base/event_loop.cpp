#include "vmm/base/event_loop.h"

#include <array>
#include <cerrno>
#include <ctime>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

namespace vivarium {

namespace {

bool addToEpoll(int epoll, int fd, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    return ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
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
    if (!epoll || !event || !timer || !addToEpoll(epoll.get(), event.get(), EPOLLIN) ||
        !addToEpoll(epoll.get(), timer.get(), EPOLLIN))
        return systemError(errno, "create event loop");
    return std::unique_ptr<EventLoop>(
        new EventLoop(std::move(epoll), std::move(event), std::move(timer)));
}

EventLoop::EventLoop(UniqueFd epoll, UniqueFd event, UniqueFd timer)
    : m_epoll(std::move(epoll)), m_event(std::move(event)), m_timer(std::move(timer)) {}

Result<void> EventLoop::watch(int fd, uint32_t epollEvents, FdCallback callback) {
    if (!addToEpoll(m_epoll.get(), fd, epollEvents))
        return systemError(errno, "watch file descriptor");
    m_watches[fd] = std::make_shared<FdCallback>(std::move(callback));
    return {};
}

void EventLoop::changeEvents(int fd, uint32_t epollEvents) {
    epoll_event event{};
    event.events = epollEvents;
    event.data.fd = fd;
    ::epoll_ctl(m_epoll.get(), EPOLL_CTL_MOD, fd, &event);
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
        int fd = events[static_cast<size_t>(i)].data.fd;
        if (fd == m_event.get()) {
            drainCounter(fd);
        } else if (fd == m_timer.get()) {
            drainCounter(fd);
            if (m_wake)
                m_wake();
        } else if (auto watch = m_watches.find(fd); watch != m_watches.end()) {
            auto callback = watch->second; // the callback may remove its own watch
            (*callback)(events[static_cast<size_t>(i)].events);
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
