#pragma once

#include "vmm/disk/io/frame_pool.h"

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace vivarium {

// A coroutine that yields one T. It runs at once, up to its first wait, and its starter collects
// the value with co_await, now or later: several started tasks run side by side on one thread. A
// task must not be destroyed before it is over. Not lazily started, because a lazy task that never
// waits grows the stack of a loop around it wherever the compiler does not turn the hand-over into
// a tail call.
template <class T>
class [[nodiscard]] Task {
public:
    struct promise_type;
    using Handle = std::coroutine_handle<promise_type>;

    struct FinalAwaiter {
        bool await_ready() const noexcept { return false; }
        std::coroutine_handle<> await_suspend(Handle self) const noexcept {
            std::coroutine_handle<> next = self.promise().continuation;
            return next ? next : std::noop_coroutine();
        }
        void await_resume() const noexcept {}
    };
    struct promise_type : PooledFrame {
        std::optional<T> value;
        std::coroutine_handle<> continuation;

        Task get_return_object() { return Task(Handle::from_promise(*this)); }
        std::suspend_never initial_suspend() noexcept { return {}; }
        FinalAwaiter final_suspend() noexcept { return {}; }
        template <class U>
        void return_value(U&& result) {
            value.emplace(std::forward<U>(result));
        }
        void unhandled_exception() noexcept { std::terminate(); } // only out of memory gets here
    };

    explicit Task(Handle handle) : m_handle(handle) {}
    Task(Task&& other) noexcept : m_handle(std::exchange(other.m_handle, {})) {}
    Task& operator=(Task&&) = delete;
    ~Task() {
        if (m_handle)
            m_handle.destroy();
    }

    bool done() const { return m_handle.done(); }
    // The value of a task that is over and was never awaited.
    T takeValue() { return std::move(*m_handle.promise().value); }

    bool await_ready() const noexcept { return m_handle.done(); }
    void await_suspend(std::coroutine_handle<> waiter) noexcept {
        m_handle.promise().continuation = waiter;
    }
    T await_resume() { return takeValue(); }

private:
    Handle m_handle;
};

// A coroutine that nobody waits for; it frees itself at its end.
struct DetachedTask {
    struct promise_type : PooledFrame {
        DetachedTask get_return_object() noexcept { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() noexcept {}
        void unhandled_exception() noexcept { std::terminate(); }
    };
};

} // namespace vivarium
