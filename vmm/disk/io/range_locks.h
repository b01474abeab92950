#pragma once

#include "vmm/disk/io/async_sync.h"
#include "vmm/disk/io/small_lists.h"

#include <cstdint>

namespace vivarium {

// Locks on ranges of a disk: shared ones overlap each other, an exclusive one nothing. Waiters are
// served in order of arrival where their ranges meet, so that nobody starves.
class RangeLocks {
public:
    enum class Mode { Shared, Exclusive };
    explicit RangeLocks(IoLoop& loop) : m_loop(loop) {}

    struct Entry {
        uint64_t begin = 0;
        uint64_t end = 0;
        Mode mode = Mode::Shared;
        bool granted = false;
        std::coroutine_handle<> waiter;
    };
    using Place = ReusingList<Entry>::Iterator;
    // Holds a range until it goes or release().
    class [[nodiscard]] Held {
    public:
        Held(RangeLocks* locks, Place entry) : m_locks(locks), m_entry(entry) {}
        Held(Held&& other) noexcept
            : m_locks(std::exchange(other.m_locks, nullptr)), m_entry(other.m_entry) {}
        Held& operator=(Held&& other) noexcept {
            release();
            m_locks = std::exchange(other.m_locks, nullptr);
            m_entry = other.m_entry;
            return *this;
        }
        ~Held() { release(); }
        void release() {
            if (RangeLocks* locks = std::exchange(m_locks, nullptr))
                locks->release(m_entry);
        }

    private:
        RangeLocks* m_locks;
        Place m_entry;
    };
    struct Awaiter {
        RangeLocks& locks;
        Place entry;
        bool await_ready() const noexcept { return entry->granted; }
        void await_suspend(std::coroutine_handle<> handle) const noexcept {
            entry->waiter = handle;
        }
        Held await_resume() const noexcept { return Held(&locks, entry); }
    };
    // Held held = co_await locks.lock(begin, end, mode);
    Awaiter lock(uint64_t begin, uint64_t end, Mode mode);

private:
    bool isFree(Place entry);
    // Not inline: GCC 12 at -O3 takes list nodes for parts of the coroutine's frame.
    void release(Place entry);

    IoLoop& m_loop;
    ReusingList<Entry> m_entries;
    size_t m_exclusive = 0; // how many of them are, and how many wait
    size_t m_waiting = 0;
};

} // namespace vivarium
