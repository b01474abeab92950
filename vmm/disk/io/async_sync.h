#pragma once

#include "vmm/disk/io/io_loop.h"

#include <deque>
#include <utility>

namespace vivarium {

// Coroutines that wait for something to change: `co_await queue.wait()`, then look again.
class WaitQueue {
public:
    explicit WaitQueue(IoLoop& loop) : m_loop(loop) {}
    struct Awaiter {
        WaitQueue& queue;
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> handle) { queue.m_waiters.push_back(handle); }
        void await_resume() const noexcept {}
    };
    Awaiter wait() { return Awaiter{*this}; }
    void wakeAll() {
        for (std::coroutine_handle<> waiter : m_waiters)
            m_loop.resumeSoon(waiter);
        m_waiters.clear();
    }

private:
    IoLoop& m_loop;
    std::deque<std::coroutine_handle<>> m_waiters;
};

// Mutual exclusion between coroutines of one loop, first come, first served:
//     AsyncLock lock = co_await mutex.lock();
class AsyncMutex;
class [[nodiscard]] AsyncLock {
public:
    explicit AsyncLock(AsyncMutex* mutex) : m_mutex(mutex) {}
    AsyncLock(AsyncLock&& other) noexcept : m_mutex(std::exchange(other.m_mutex, nullptr)) {}
    AsyncLock& operator=(AsyncLock&&) = delete;
    ~AsyncLock() { release(); }
    void release();

private:
    AsyncMutex* m_mutex;
};

class AsyncMutex {
public:
    explicit AsyncMutex(IoLoop& loop) : m_loop(loop) {}
    struct Awaiter {
        AsyncMutex& mutex;
        bool await_ready() const noexcept {
            if (mutex.m_locked)
                return false;
            mutex.m_locked = true;
            return true;
        }
        void await_suspend(std::coroutine_handle<> handle) { mutex.m_waiters.push_back(handle); }
        AsyncLock await_resume() const noexcept { return AsyncLock(&mutex); }
    };
    Awaiter lock() { return Awaiter{*this}; }

private:
    friend class AsyncLock;
    void unlock() {
        if (m_waiters.empty()) {
            m_locked = false;
            return;
        }
        m_loop.resumeSoon(m_waiters.front()); // stays locked, for that one
        m_waiters.pop_front();
    }
    IoLoop& m_loop;
    bool m_locked = false;
    std::deque<std::coroutine_handle<>> m_waiters;
};

inline void AsyncLock::release() {
    if (AsyncMutex* mutex = std::exchange(m_mutex, nullptr))
        mutex->unlock();
}

} // namespace vivarium
