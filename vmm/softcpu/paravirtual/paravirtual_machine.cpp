#include "vmm/softcpu/paravirtual/paravirtual_machine.h"

#include <utility>

namespace vivarium {

ParavirtualMachine::ParavirtualMachine(const Clock& clock, unsigned cpuCount,
                                       std::function<void(unsigned)> wake)
    : m_clock(clock), m_count(cpuCount), m_wake(std::move(wake)),
      m_cpus(std::make_unique<Cpu[]>(cpuCount)) {}

void ParavirtualMachine::setClockNs(uint64_t clockNs) {
    m_clockOffsetNs.store(clockNs - m_clock.nowNs());
    allAreStale();
}

void ParavirtualMachine::setTscOffset(unsigned cpu, uint64_t offset) {
    const bool before = tscInStep();
    if (m_cpus[cpu].tscOffset.exchange(offset) != offset)
        m_cpus[cpu].stale.store(true);
    if (tscInStep() != before)
        allAreStale();
}

bool ParavirtualMachine::tscInStep() const {
    for (unsigned cpu = 1; cpu < m_count; ++cpu)
        if (m_cpus[cpu].tscOffset.load() != m_cpus[0].tscOffset.load())
            return false;
    return true;
}

void ParavirtualMachine::kick(unsigned cpu) {
    m_cpus[cpu].kicked.store(true);
    m_wake(cpu);
}

void ParavirtualMachine::allAreStale() {
    for (unsigned cpu = 0; cpu < m_count; ++cpu) {
        m_cpus[cpu].stale.store(true);
        m_wake(cpu);
    }
}

} // namespace vivarium
