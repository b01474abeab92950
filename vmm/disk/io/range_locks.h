#pragma once

#include "vmm/disk/io/async_sync.h"

#include <cstdint>
#include <list>

namespace vivarium {

// Locks on ranges of a disk: shared ones overlap each other, an exclusive one nothing. Waiters are
// served in order of arrival where their ranges meet, so that nobody starves.
class RangeLocks {
public:
    enum class Mode { Shared, Exclusive };
    explicit RangeLocks(IoLoop& loop) : m_loop(loop) {}

    struct Entry {
        uint64_t begin;
        uint64_t end;
        Mode mode;
        bool granted;
        std::coroutine_handle<> waiter;
    };
    // Holds a range until it goes or release().
    class [[nodiscard]] Held {
    public:
        Held(RangeLocks* locks, std::list<Entry>::iterator entry)
            : m_locks(locks), m_entry(entry) {}
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
        std::list<Entry>::iterator m_entry;
    };
    struct Awaiter {
        RangeLocks& locks;
        std::list<Entry>::iterator entry;
        bool await_ready() const noexcept { return entry->granted; }
        void await_suspend(std::coroutine_handle<> handle) const noexcept {
            entry->waiter = handle;
        }
        Held await_resume() const noexcept { return Held(&locks, entry); }
    };
    // Held held = co_await locks.lock(begin, end, mode);
    Awaiter lock(uint64_t begin, uint64_t end, Mode mode) {
        m_entries.push_back({begin, end, mode, false, {}});
        auto entry = std::prev(m_entries.end());
        entry->granted = isFree(entry);
        return Awaiter{*this, entry};
    }

private:
    static bool conflict(const Entry& a, const Entry& b) {
        return a.begin < b.end && b.begin < a.end &&
               (a.mode == Mode::Exclusive || b.mode == Mode::Exclusive);
    }
    // No conflict with anything that came before it.
    bool isFree(std::list<Entry>::iterator entry) const {
        for (auto it = m_entries.begin(); it != m_entries.cend(); ++it) {
            if (&*it == &*entry)
                return true;
            if (conflict(*it, *entry))
                return false;
        }
        return true;
    }
    void release(std::list<Entry>::iterator entry) {
        const bool waiters = hasWaiters(entry);
        m_entries.erase(entry);
        if (!waiters)
            return;
        for (auto it = m_entries.begin(); it != m_entries.end(); ++it) {
            if (!it->granted && isFree(it)) {
                it->granted = true;
                m_loop.resumeSoon(it->waiter);
            }
        }
    }
    // True when somebody waits behind `entry`.
    bool hasWaiters(std::list<Entry>::iterator entry) const {
        for (auto it = std::list<Entry>::const_iterator(entry); it != m_entries.end(); ++it)
            if (!it->granted)
                return true;
        return false;
    }
    IoLoop& m_loop;
    std::list<Entry> m_entries; // in order of arrival
};

} // namespace vivarium
