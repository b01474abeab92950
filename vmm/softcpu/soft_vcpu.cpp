#include "vmm/softcpu/soft_vcpu.h"

#include "vmm/softcpu/soft_cpuid.h"
#include "vmm/softcpu/soft_msrs.h"
#include "vmm/softcpu/soft_vcpu_state.h"

#include <algorithm>
#include <type_traits>
#include <utility>

namespace vivarium {

using namespace softcpu;

namespace {

constexpr uint32_t kApicPriorityShift = 4;     // CR8 is the class of the task priority
constexpr uint32_t kFpuErrorLine = 13;         // as the first PCs wired it
constexpr uint64_t kTimerLatenessNs = 200'000; // that a guest may see

} // namespace

SoftVcpu::SoftVcpu(const Environment& environment, unsigned index, std::vector<CpuidEntry> cpuid,
                   std::unique_ptr<NativeUnit> native, const ExecutorFactory& makeExecutor)
    : m_ports(environment.ports), m_memory(environment.memory), m_direct(environment.direct),
      m_gate(environment.gate), m_chips(environment.chips), m_machine(environment.paravirtual),
      m_index(index), m_paravirtual(*this, environment.paravirtual, index),
      m_cpuid(std::move(cpuid)), m_state(std::make_unique<CpuState>()),
      m_mmu(*m_state, environment.direct.view(), *this, kSoftwarePhysicalBits),
      m_native(std::move(native)), m_interpreter(*m_state, m_mmu, *this, *this, *m_native),
      m_executor(makeExecutor(*m_state, m_mmu, m_interpreter)) {
    m_gate.add(m_passage, [this] { attend(kAttentionGate); });
    environment.direct.addFollower({.memoryChanged = [this] { m_memoryChanged.store(true); },
                                    .writesTracked = [this] { m_writesTracked.store(true); },
                                    .sectionRemoved =
                                        [this](GuestAddress base, uint64_t sizeBytes) {
                                            m_executor->requestCodeInvalidation(base, sizeBytes);
                                            attend(kAttentionCode);
                                        }});
    resetCpu(*m_state, CpuReset::PowerOn);
}

SoftVcpu::~SoftVcpu() = default;

// --- Running
// ---------------------------------------------------------------------------------------

void SoftVcpu::attend(uint32_t attention) {
    m_state->attention.fetch_or(attention);
    m_state->attention.notify_all();
}

void SoftVcpu::enterGate() {
    m_gate.enter(m_passage);
    forgetStale();
}

// Whoever changed memory said so before it opened the gate.
void SoftVcpu::forgetStale() {
    if (m_memoryChanged.exchange(false)) {
        m_writesTracked.store(false);
        m_mmu.tlb().flushAll();
    } else if (m_writesTracked.exchange(false)) {
        m_mmu.tlb().flushWrites();
    }
}

void SoftVcpu::forgetEverything() {
    m_mmu.tlb().flushAll();
    m_executor->invalidateAll();
}

// Runs `function` with the gate left, as what may take the device lock must be.
template <class Function>
auto SoftVcpu::outside(Function function) {
    leaveGate();
    if constexpr (std::is_void_v<decltype(function())>) {
        function();
        enterGate();
    } else {
        auto result = function();
        enterGate();
        return result;
    }
}

VcpuExit SoftVcpu::run() {
    enterGate();
    VcpuExit exit = runInside();
    leaveGate();
    return exit;
}

VcpuExit SoftVcpu::runInside() {
    for (;;) {
        const uint32_t attention = m_state->attention.exchange(0);
        if (attention & kAttentionGate) {
            leaveGate();
            enterGate();
        }
        if (attention & kAttentionTlbFlush)
            m_mmu.tlb().flushAll();
        if (attention & kAttentionKick) {
            m_state->attention.fetch_or(attention & (kAttentionInterrupt | kAttentionCode));
            return {};
        }
        if ((attention & kAttentionInterrupt) || m_state->activity != Activity::Running)
            serviceEvents();
        if (m_state->activity == Activity::Halted && m_machine.takeKick(m_index))
            m_state->activity = Activity::Running;
        m_paravirtual.refresh();
        switch (m_state->activity) {
        case Activity::Running:
            break;
        case Activity::Halted:
        case Activity::WaitForStartup:
            leaveGate();
            m_state->attention.wait(0);
            enterGate();
            continue;
        case Activity::Shutdown:
            return {.kind = VcpuExit::Kind::TripleFault};
        }
        if (m_executor->run() == ExecutorExit::InternalError)
            return {.kind = VcpuExit::Kind::InternalError,
                    .reason = std::string(m_executor->errorText())};
    }
}

void SoftVcpu::serviceInit() {
    const bool bootstrap = m_state->apicBase & LocalApic::kBaseBsp;
    outside([this] { m_chips.initApic(m_index); });
    resetCpu(*m_state, CpuReset::Init);
    m_paravirtual.reset();
    m_state->activity = bootstrap ? Activity::Running : Activity::WaitForStartup;
    forgetEverything();
}

// Between two instructions: what the interrupt controllers have for this CPU, most urgent first
// (Intel SDM 3A, table 6-2).
void SoftVcpu::serviceEvents() {
    const InterruptChips::Events events =
        m_chips.hasEvents(m_index) ? m_chips.takeEvents(m_index) : InterruptChips::Events{};
    if (events.init)
        serviceInit();
    if (events.startUpVector && m_state->activity == Activity::WaitForStartup) {
        startCpu(*m_state, *events.startUpVector);
        forgetEverything();
    }
    if (m_state->activity == Activity::WaitForStartup || m_state->activity == Activity::Shutdown)
        return;
    // A blocking instruction before holds events back for one more.
    if (m_state->interruptShadow != 0 && m_state->activity == Activity::Running &&
        (events.nmi || m_chips.interruptPending(m_index))) {
        if (events.nmi)
            m_chips.returnNmi(m_index);
        m_interpreter.step();
        attend(kAttentionInterrupt);
        return;
    }
    if (events.nmi) {
        if (m_state->nmiBlocked) {
            m_chips.returnNmi(m_index);
            m_state->attention.fetch_and(~kAttentionInterrupt);
            m_state->interruptWindowWanted = 1;
        } else {
            m_interpreter.deliverNmi();
            m_state->interruptWindowWanted = m_chips.interruptPending(m_index);
        }
        return;
    }
    if (!m_chips.interruptPending(m_index)) {
        m_state->interruptWindowWanted = 0;
        return;
    }
    if (!(m_state->rflags & kFlagIf)) {
        m_state->interruptWindowWanted = 1;
        return;
    }
    m_state->interruptWindowWanted = 0;
    m_state->interruptShadow = 0; // of a STI before the HLT
    if (const auto vector = m_chips.acknowledge(m_index))
        m_interpreter.deliverInterrupt(*vector);
    if (m_chips.interruptPending(m_index))
        m_state->interruptWindowWanted = 1;
}

// --- Buses
// -----------------------------------------------------------------------------------------

bool SoftVcpu::inApicPage(GuestAddress address) const {
    const uint64_t base = m_state->apicBase;
    return (base & LocalApic::kBaseEnabled) && !(base & LocalApic::kBaseX2) &&
           (address ^ base) >> 12 == 0;
}

uint64_t SoftVcpu::readPhysical(GuestAddress address, unsigned sizeBytes) {
    if (inApicPage(address)) {
        // Intel SDM 3A, 11.4.1: registers are 32 bits at 16-byte steps.
        const uint64_t within = address & 0xF;
        const uint32_t value =
            within < 4 ? m_chips.readApic(m_index, address & 0xFF0) >> within * 8 : 0;
        return sizeBytes >= 4 ? value : value & ((1u << sizeBytes * 8) - 1);
    }
    return outside([&] {
        uint64_t value = 0;
        m_memory.read(address, ByteSpan(reinterpret_cast<uint8_t*>(&value), sizeBytes));
        return value;
    });
}

void SoftVcpu::writePhysical(GuestAddress address, unsigned sizeBytes, uint64_t value) {
    if (inApicPage(address)) {
        if (sizeBytes == 4 && (address & 0xF) == 0)
            outside(
                [&] { m_chips.writeApic(m_index, address & 0xFF0, static_cast<uint32_t>(value)); });
        return;
    }
    outside([&] {
        m_memory.write(address, ConstByteSpan(reinterpret_cast<const uint8_t*>(&value), sizeBytes));
    });
}

uint32_t SoftVcpu::in(uint16_t port, unsigned sizeBytes) {
    return outside([&] { return m_ports.read(port, sizeBytes); });
}

void SoftVcpu::out(uint16_t port, unsigned sizeBytes, uint32_t value) {
    outside([&] { m_ports.write(port, sizeBytes, value); });
}

// --- Platform
// --------------------------------------------------------------------------------------

CpuidResult SoftVcpu::cpuid(uint32_t leaf, uint32_t subleaf) {
    const CpuidEntry* entry = findCpuid(m_cpuid, leaf, subleaf);
    if (!entry)
        return {};
    return {entry->eax, entry->ebx, entry->ecx, entry->edx};
}

std::optional<uint64_t> SoftVcpu::readMsr(uint32_t index) {
    if (index >= msr::kX2ApicFirst && index <= msr::kX2ApicLast)
        return m_chips.readApicMsr(m_index, index);
    if (index == msr::kTscDeadline)
        return m_chips.tscDeadline(m_index);
    if (const auto value = m_paravirtual.read(index))
        return value;
    return msr::isHarmless(index) ? std::optional<uint64_t>(0) : std::nullopt;
}

bool SoftVcpu::writeMsr(uint32_t index, uint64_t value) {
    if (index >= msr::kX2ApicFirst && index <= msr::kX2ApicLast)
        return outside([&] { return m_chips.writeApicMsr(m_index, index, value); });
    if (index == msr::kTscDeadline) {
        outside([&] { m_chips.setTscDeadline(m_index, value, m_state->tscOffset); });
        return true;
    }
    return m_paravirtual.write(index, value) || msr::isHarmless(index);
}

// The host may not have run the timers' thread for long. Who waits by the time stamp for timer
// interrupts (a kernel that tries its timer) must not see time pass without them.
uint64_t SoftVcpu::tsc() {
    const uint64_t now = m_chips.nowNs();
    if (now - m_timersSeenNs > kTimerLatenessNs) {
        m_timersSeenNs = now;
        outside([this] { m_chips.runDueTimers(); });
    }
    return timeStampRate().ticks(now);
}

void SoftVcpu::tscOffsetChanged() {
    m_machine.setTscOffset(m_index, m_state->tscOffset);
    m_paravirtual.refresh();
}

bool SoftVcpu::apicBaseWritten(uint64_t value) {
    return outside([&] { return m_chips.setApicBase(m_index, value); });
}

uint8_t SoftVcpu::taskPriority() {
    return m_chips.taskPriority(m_index) >> kApicPriorityShift;
}

void SoftVcpu::setTaskPriority(uint8_t priority) {
    m_chips.setTaskPriority(m_index, static_cast<uint8_t>(priority << kApicPriorityShift));
}

void SoftVcpu::exclusively(const std::function<void()>& function) {
    outside([&] {
        m_direct.exclusively([&] {
            forgetStale();
            function();
        });
    });
}

void SoftVcpu::fpuError() {
    m_chips.setLine(kFpuErrorLine, InterruptSink::Level::High);
    m_chips.setLine(kFpuErrorLine, InterruptSink::Level::Low);
}

// --- State; outside run()
// --------------------------------------------------------------------------

void SoftVcpu::stateReplaced() {
    updateModeKey(*m_state);
    forgetEverything();
    attend(kAttentionInterrupt);
}

Result<VcpuRegisters> SoftVcpu::registers() {
    VcpuRegisters registers = registersOf(*m_state);
    registers.cr8 = taskPriority();
    return registers;
}

Result<void> SoftVcpu::setRegisters(const VcpuRegisters& registers) {
    applyRegisters(registers, *m_state);
    setTaskPriority(static_cast<uint8_t>(registers.cr8 & 0xF));
    stateReplaced();
    return {};
}

std::optional<GuestAddress> SoftVcpu::translate(uint64_t linearAddress) {
    return m_mmu.inspect(linearAddress);
}

Result<void> SoftVcpu::reset(VcpuStart start) {
    const uint64_t tscOffset = m_state->tscOffset; // the time stamp goes on
    resetCpu(*m_state, CpuReset::PowerOn);
    m_state->tscOffset = tscOffset;
    m_paravirtual.reset();
    m_state->attention.store(0);
    m_chips.resetApic(m_index);
    m_state->apicBase = m_chips.apicState(m_index).base;
    m_state->activity = m_index == 0 ? Activity::Running : Activity::WaitForStartup;
    if (start == VcpuStart::DirectBoot)
        m_state->mtrrDefaultType = 1 << 11 | 6; // enabled, write-back (Intel SDM 3A, 12.11.2.1)
    stateReplaced();
    return {};
}

Result<void> SoftVcpu::save(StateWriter& writer) {
    const uint64_t now = m_chips.nowNs();
    saveVcpu(writer, *m_state, m_chips.apicState(m_index), m_paravirtual,
             {now, timeStampRate().ticks(now)});
    return {};
}

Result<void> SoftVcpu::restore(StateReader& reader) {
    LocalApic::State apic = m_chips.apicState(m_index);
    const uint64_t now = m_chips.nowNs();
    m_paravirtual.reset();
    TRY(restoreVcpu(reader, *m_state, apic, m_paravirtual, {now, timeStampRate().ticks(now)}));
    m_paravirtual.restored();
    // Time stamps that are this close were read one after the other (KVM, too, makes one of them).
    const uint64_t second = uint64_t{timeStampRate().khz} * 1000;
    const uint64_t first = m_machine.tscOffset(0);
    if (m_index != 0 && m_state->tscOffset - first + second < 2 * second)
        m_state->tscOffset = first;
    m_machine.setTscOffset(m_index, m_state->tscOffset);
    m_chips.setApicState(m_index, apic, m_state->tscOffset);
    m_state->apicBase = m_chips.apicState(m_index).base;
    stateReplaced();
    return {};
}

} // namespace vivarium
