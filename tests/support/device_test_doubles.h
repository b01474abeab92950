#pragma once

// What device tests put in the place of a machine: a clock that stands still, an interrupt
// controller that remembers, a task queue that runs when told, buses, RAM. No threads, no Qt.

#include "vmm/base/clock.h"
#include "vmm/base/task_queue.h"
#include "vmm/base/thread_annotations.h"
#include "vmm/base/timer_queue.h"
#include "vmm/bus/device_lock.h"
#include "vmm/bus/interrupt_sink.h"
#include "vmm/bus/memory_map.h"
#include "vmm/bus/port_bus.h"
#include "vmm/bus/system_control.h"
#include "vmm/memory/guest_memory.h"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace vivarium::test {

// Levels and edges of every line, and all messages (the newest kMaxMessages). Any thread.
class RecordingInterruptSink final : public InterruptSink {
public:
    struct Message {
        uint64_t address;
        uint32_t data;
        bool operator==(const Message&) const = default;
    };

    void setLine(uint32_t gsi, Level level) override {
        std::lock_guard lock(m_mutex);
        bool high = level == Level::High;
        bool& line = m_levels[gsi];
        if (high && !line)
            ++m_risingEdges[gsi];
        line = high;
    }
    void sendMessage(uint64_t address, uint32_t data) override {
        std::lock_guard lock(m_mutex);
        if (m_messages.size() == kMaxMessages)
            m_messages.erase(m_messages.begin(), m_messages.begin() + kMaxMessages / 2);
        m_messages.push_back({address, data});
    }

    bool level(uint32_t gsi) const {
        std::lock_guard lock(m_mutex);
        auto line = m_levels.find(gsi);
        return line != m_levels.end() && line->second;
    }
    // Rising edges of `gsi` since the last call.
    unsigned takeEdges(uint32_t gsi) {
        std::lock_guard lock(m_mutex);
        return std::exchange(m_risingEdges[gsi], 0);
    }
    std::vector<Message> takeMessages() {
        std::lock_guard lock(m_mutex);
        return std::exchange(m_messages, {});
    }
    // The lines that are high now, ascending.
    std::vector<uint32_t> highLines() const {
        std::lock_guard lock(m_mutex);
        std::vector<uint32_t> lines;
        for (auto [gsi, high] : m_levels)
            if (high)
                lines.push_back(gsi);
        return lines;
    }

private:
    static constexpr size_t kMaxMessages = 4096;
    mutable std::mutex m_mutex;
    std::map<uint32_t, bool> m_levels;
    std::map<uint32_t, unsigned> m_risingEdges;
    std::vector<Message> m_messages;
};

// Stands still until told. Starts at one second of guest time, 2026-01-01 00:00:01 UTC.
class ManualClock final : public Clock {
public:
    uint64_t nowNs() const override { return m_nowNs; }
    int64_t wallClockNs() const override {
        return 1'767'225'600'000'000'000 + static_cast<int64_t>(m_nowNs);
    }
    void advance(uint64_t ns) { m_nowNs += ns; }
    void setNowNs(uint64_t ns) { m_nowNs = ns; }

private:
    uint64_t m_nowNs = 1'000'000'000;
};

// Keeps posted tasks until runPosted(), which runs them with the device lock held. Posting is for
// any thread; the rest belongs to the test.
class ManualTaskQueue final : public TaskQueue {
public:
    explicit ManualTaskQueue(DeviceLock& deviceLock) : m_deviceLock(deviceLock) {}

    void post(std::function<void()> task) override {
        {
            std::lock_guard lock(m_mutex);
            m_tasks.push_back(std::move(task));
        }
        m_posted.notify_all();
    }
    // Runs what is queued now and what that posts, `maxRounds` deep; returns the number of tasks.
    unsigned runPosted(unsigned maxRounds = 1000) {
        unsigned count = 0;
        for (unsigned round = 0; round < maxRounds; ++round) {
            std::vector<std::function<void()>> tasks;
            {
                std::lock_guard lock(m_mutex);
                tasks.swap(m_tasks);
            }
            if (tasks.empty())
                break;
            for (auto& task : tasks) {
                MutexLocker lock(m_deviceLock);
                task();
                ++count;
            }
        }
        return count;
    }
    // Runs tasks, waiting for other threads to post them, until `done` (called with the device
    // lock held) is true; false after `timeoutMs`.
    template <class Done>
    bool runUntil(Done done, int timeoutMs = 10'000) {
        auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeoutMs);
        while (true) {
            runPosted();
            {
                MutexLocker lock(m_deviceLock);
                if (done())
                    return true;
            }
            std::unique_lock lock(m_mutex);
            if (!m_posted.wait_until(lock, deadline, [this] { return !m_tasks.empty(); }))
                return false;
        }
    }

private:
    DeviceLock& m_deviceLock;
    std::mutex m_mutex;
    std::condition_variable m_posted;
    std::vector<std::function<void()>> m_tasks;
};

// Notes what devices asked of the machine and does nothing.
class NullSystemControl final : public SystemControl {
public:
    void requestReset(ResetCause cause) override {
        if (resets.size() < 1000)
            resets.push_back(cause);
    }
    void requestPowerOff() override { ++powerOffs; }
    void requestExit(unsigned char value) override {
        if (exits.size() < 1000)
            exits.push_back(value);
    }

    std::vector<ResetCause> resets;
    unsigned powerOffs = 0;
    std::vector<unsigned char> exits;
};

// The world of one device under test. Buses take the device lock themselves; hold it (`locked`)
// around direct calls into a device.
struct DeviceBench {
    static constexpr uint64_t kRamBytes = 4 << 20;

    DeviceBench() : memory(createMemory()) {}

    DeviceLock lock;
    PortBus ports{lock};
    MemoryMap memoryMap{lock};
    GuestMemory memory; // not mapped into memoryMap: for DMA
    RecordingInterruptSink interrupts;
    ManualClock clock;
    TimerQueue timers{clock};
    ManualTaskQueue tasks{lock};
    NullSystemControl system;

    template <class Function>
    auto locked(Function function) {
        MutexLocker locker(lock);
        return function();
    }
    // Moves the clock on, stopping at timers on the way (at most `maxStops` of them).
    void advance(uint64_t ns, unsigned maxStops = 1000) {
        uint64_t end = clock.nowNs() + ns;
        for (unsigned i = 0; i < maxStops; ++i) {
            auto next = locked([&] { return timers.nextDeadlineNs(); });
            if (!next || *next > end)
                break;
            if (*next > clock.nowNs())
                clock.setNowNs(*next);
            locked([&] { timers.runExpired(); });
        }
        clock.setNowNs(end);
    }
    uint64_t readMemory(GuestAddress address, unsigned sizeBytes) {
        uint64_t value = 0;
        memoryMap.read(address, {reinterpret_cast<uint8_t*>(&value), sizeBytes});
        return value;
    }
    void writeMemory(GuestAddress address, unsigned sizeBytes, uint64_t value) {
        memoryMap.write(address, {reinterpret_cast<const uint8_t*>(&value), sizeBytes});
    }

private:
    static GuestMemory createMemory() {
        auto created = GuestMemory::create(kRamBytes);
        if (!created) {
            std::fprintf(stderr, "no memory for a device test\n");
            std::abort();
        }
        return std::move(*created);
    }
};

} // namespace vivarium::test
