#pragma once

#include "vmm/base/clock.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

namespace vivarium {

// What the software CPUs of one machine share of KVM's paravirtual services. Any thread.
class ParavirtualMachine {
public:
    // `wake(cpu)` says that the processor has something to look at; any thread.
    ParavirtualMachine(const Clock& clock, unsigned cpuCount, std::function<void(unsigned)> wake);

    // KVM's clock: guest time since the guest began, wherever that was.
    uint64_t clockNs(uint64_t nowNs) const { return nowNs + m_clockOffsetNs.load(); }
    void setClockNs(uint64_t clockNs);
    uint64_t nowNs() const { return m_clock.nowNs(); }
    int64_t wallClockNs() const { return m_clock.wallClockNs(); }

    // A processor's time stamp minus the machine's ticks.
    void setTscOffset(unsigned cpu, uint64_t offset);
    uint64_t tscOffset(unsigned cpu) const { return m_cpus[cpu].tscOffset.load(); }
    // Whether all processors' time stamps are the same.
    bool tscInStep() const;

    // What the processor tells the guest is no longer so (tscInStep, the clock): told once.
    bool takeStale(unsigned cpu) { return m_cpus[cpu].stale.exchange(false); }
    // The processor leaves HLT, or does not enter it the next time; told once.
    void kick(unsigned cpu);
    bool takeKick(unsigned cpu) { return m_cpus[cpu].kicked.exchange(false); }

private:
    struct Cpu {
        std::atomic<uint64_t> tscOffset = 0;
        std::atomic<bool> stale = false, kicked = false;
    };
    void allAreStale();

    const Clock& m_clock;
    const unsigned m_count;
    const std::function<void(unsigned)> m_wake;
    std::unique_ptr<Cpu[]> m_cpus;
    std::atomic<uint64_t> m_clockOffsetNs = 0;
};

} // namespace vivarium
