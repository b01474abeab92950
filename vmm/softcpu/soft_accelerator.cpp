#include "vmm/softcpu/soft_accelerator.h"

#include "vmm/base/log.h"
#include "vmm/devices/interrupt/saved_layouts.h"
#include "vmm/kvm/accelerator_section.h"
#include "vmm/softcpu/interpreter_executor.h"
#include "vmm/softcpu/soft_cpuid.h"
#include "vmm/softcpu/translator/translator.h"

#include <utility>

namespace vivarium {

namespace {

constexpr unsigned kMaxCpus = 16;

} // namespace

SoftAccelerator::~SoftAccelerator() = default;

Result<std::unique_ptr<SoftAccelerator>> SoftAccelerator::create(const Services& services,
                                                                 const CpuTopology& topology) {
    std::unique_ptr<SoftAccelerator> accelerator(new SoftAccelerator(services.deviceLock));
    TRY(accelerator->build(services, topology));
    return accelerator;
}

Result<void> SoftAccelerator::build(const Services& services, const CpuTopology& topology) {
    TRY(checkTopology(topology));
    const uint32_t count = topology.cpuCount();
    if (count > kMaxCpus)
        return fail(ErrorCode::LimitExceeded,
                    formatText("%u processors are more than the %u that the software processor "
                               "can be",
                               count, kMaxCpus));
    std::vector<uint32_t> apicIds;
    for (uint32_t i = 0; i < count; ++i)
        apicIds.push_back(apicIdOf(topology, i));
    // A wake-up before the vCPUs are there is nobody's.
    m_chips = TRY(InterruptChips::create(
        {services.deviceLock, services.ports, services.memoryMap, services.timers}, apicIds,
        [this](unsigned cpu) {
            if (cpu < m_vcpus.size())
                m_vcpus[cpu]->interruptWaits();
        }));
    m_paravirtual =
        std::make_unique<ParavirtualMachine>(m_chips->clock(), count, [this](unsigned cpu) {
            if (cpu < m_vcpus.size())
                m_vcpus[cpu]->interruptWaits();
        });
    CpuidOptions options;
    options.topology = topology;
    options.tscDeadlineTimer = true;
    const std::vector<CpuidEntry> supported = softwareCpuid();
    const SoftVcpu::Environment environment{services.ports, services.memoryMap, m_memory,
                                            m_gate,         *m_chips,           *m_paravirtual};
    for (uint32_t i = 0; i < count; ++i) {
        options.cpuIndex = i;
        NativeReserve::Unit unit = TRY(services.reserve.take());
        m_vcpus.push_back(std::make_unique<SoftVcpu>(
            environment, i, guestCpuid(supported, options), std::move(unit.native),
            [&](softcpu::CpuState& state, softcpu::SoftMmu& mmu,
                softcpu::Interpreter& interpreter) -> std::unique_ptr<Executor> {
                if (!unit.cache)
                    return std::make_unique<InterpreterExecutor>(state, interpreter);
                return std::make_unique<softcpu::Translator>(state, mmu, interpreter, m_coherence,
                                                             std::move(unit.cache));
            }));
    }
    return {};
}

void SoftAccelerator::setPitOutput(PitOutput output) {
    m_chips->connectPit(output == PitOutput::Connected);
}

// The machine's clock goes on: what is due is found again.
void SoftAccelerator::resumeClock() {
    MutexLocker lock(m_deviceLock);
    m_chips->armTimers();
}

Result<void> SoftAccelerator::reset() {
    m_chips->reset();
    return {};
}

Result<void> SoftAccelerator::save(StateWriter& writer) {
    const auto states = m_chips->states();
    writer.fields(static_cast<uint32_t>(m_vcpus.size()), packPic(states.pics.chips[0], 0),
                  packPic(states.pics.chips[1], 1), packIoApic(states.ioApic),
                  packPit(states.pit, states.owedTicks), m_paravirtual->clockNs(m_chips->nowNs()),
                  m_chips->timeStampRate().khz);
    return {};
}

Result<void> SoftAccelerator::restore(StateReader& reader) {
    uint32_t count = 0;
    std::vector<uint8_t> pic0, pic1, ioApic, pit;
    uint64_t clockNs = 0; // of KVM's paravirtual clock
    TimeStampRate rate;
    TRY(reader.fields(count, pic0, pic1, ioApic, pit, clockNs));
    if (reader.sectionVersion() >= kAcceleratorWithTimeStampRate)
        TRY(reader.fields(rate.khz));
    if (count != m_vcpus.size())
        return fail(ErrorCode::Unsupported,
                    formatText("the saved state has %u processors, the machine %zu", count,
                               m_vcpus.size()));
    if (rate.khz < TimeStampRate::kMinKhz || rate.khz > TimeStampRate::kMaxKhz)
        return fail(ErrorCode::Corrupt, "saved state: the time stamps have an impossible rate");
    m_chips->setTimeStampRate(rate);
    m_paravirtual->setClockNs(clockNs);
    InterruptChips::ChipStates states;
    states.pics.chips[0] = TRY(unpackPic(pic0));
    states.pics.chips[1] = TRY(unpackPic(pic1));
    states.ioApic = TRY(unpackIoApic(ioApic));
    states.pit = TRY(unpackPit(pit));
    states.owedTicks = TRY(unpackOwedTicks(pit));
    m_chips->setStates(states);
    return {};
}

} // namespace vivarium
