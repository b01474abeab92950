#include "vmm/kvm/vcpu_set.h"

#include "vmm/kvm/accelerator_section.h"

#include "vmm/base/log.h"
#include "vmm/base/monotonic_time.h"

#include <algorithm>
#include <system_error>

#include <pthread.h>

namespace vivarium {

VcpuSet::VcpuSet(Accelerator& accelerator, PortBus& ports, MemoryMap& memory, Hooks hooks)
    : m_accelerator(accelerator), m_ports(ports), m_memory(memory), m_hooks(std::move(hooks)) {}

VcpuSet::~VcpuSet() {
    stop();
}

Result<void> VcpuSet::start() {
    if (m_state != State::Stopped)
        return fail(ErrorCode::WrongState, "the virtual CPUs have been started before");
    m_request.store(Request::Pause);
    m_threads = std::vector<Thread>(m_accelerator.vcpuCount());
    m_state = State::Paused;
    for (unsigned i = 0; i < m_threads.size(); ++i) {
        try {
            m_threads[i].thread = std::jthread([this, i] { runThread(i); });
        } catch (const std::system_error& error) {
            stop();
            return systemError(error.code().value(), "start a virtual CPU's thread");
        }
    }
    return {};
}

void VcpuSet::request(Request wanted) {
    {
        MutexLocker lock(m_mutex);
        if (m_request.load() == Request::Stop)
            return;
        m_request.store(wanted);
    }
    // After the request: a vCPU that takes notice of the kick finds it.
    for (unsigned i = 0; i < m_accelerator.vcpuCount(); ++i)
        m_accelerator.vcpu(i).kick();
}

void VcpuSet::requestPause() {
    request(Request::Pause);
}

void VcpuSet::pause() {
    if (m_state != State::Running)
        return;
    request(Request::Pause);
    {
        MutexLocker lock(m_mutex);
        m_changed.wait(m_mutex, [this] {
            for (const Thread& thread : m_threads)
                if (!thread.parked)
                    return false;
            return true;
        });
    }
    m_accelerator.pauseClock();
    m_state = State::Paused;
}

void VcpuSet::resume() {
    if (m_state != State::Paused)
        return;
    m_accelerator.resumeClock();
    m_state = State::Running;
    MutexLocker lock(m_mutex);
    m_request.store(Request::Run);
    for (Thread& thread : m_threads)
        thread.waiting = false;
    m_changed.notify_all();
}

void VcpuSet::stop() {
    if (m_state == State::Stopped)
        return;
    pause();
    request(Request::Stop);
    {
        MutexLocker lock(m_mutex);
        m_changed.notify_all();
    }
    m_threads.clear(); // joins
    m_state = State::Stopped;
}

bool VcpuSet::waits() const {
    MutexLocker lock(m_mutex);
    return std::any_of(m_threads.begin(), m_threads.end(),
                       [](const Thread& thread) { return thread.waiting; });
}

uint64_t VcpuSet::exitCount() const {
    uint64_t count = 0;
    for (const Thread& thread : m_threads)
        count += thread.exits.load(std::memory_order_relaxed);
    return count;
}

Result<void> VcpuSet::requireQuiet() const {
    if (m_state == State::Running)
        return fail(ErrorCode::WrongState, "the virtual CPUs are running");
    return {};
}

Result<void> VcpuSet::reset(VcpuStart start, const std::optional<VcpuRegisters>& boot) {
    TRY(requireQuiet());
    TRY(m_accelerator.reset());
    for (unsigned i = 0; i < m_accelerator.vcpuCount(); ++i)
        TRY(m_accelerator.vcpu(i).reset(start));
    if (boot)
        TRY(m_accelerator.vcpu(0).setRegisters(*boot));
    return {};
}

Result<void> VcpuSet::save(StateWriter& writer) {
    TRY(requireQuiet());
    writer.beginSection("accelerator", kAcceleratorSectionVersion);
    TRY(m_accelerator.save(writer));
    for (unsigned i = 0; i < m_accelerator.vcpuCount(); ++i) {
        writer.beginSection("vcpu" + std::to_string(i), 1);
        TRY(m_accelerator.vcpu(i).save(writer));
    }
    return {};
}

Result<void> VcpuSet::restore(StateReader& reader) {
    TRY(requireQuiet());
    // The controllers first: setting the IOAPIC may raise an interrupt in a local APIC, which the
    // vCPU's own state then replaces.
    TRY(reader.enterSection("accelerator", kAcceleratorSectionVersion));
    TRY(m_accelerator.restore(reader));
    for (unsigned i = 0; i < m_accelerator.vcpuCount(); ++i) {
        TRY(reader.enterSection("vcpu" + std::to_string(i), 1));
        TRY(m_accelerator.vcpu(i).restore(reader));
    }
    return {};
}

// --- vCPU threads ---------------------------------------------------------------------------

void VcpuSet::runThread(unsigned index) {
    ::pthread_setname_np(::pthread_self(), ("vcpu" + std::to_string(index)).c_str());
    if (m_hooks.threadStart)
        m_hooks.threadStart(index);
    Vcpu& vcpu = m_accelerator.vcpu(index);
    while (awaitPermission(index)) {
        Outcome outcome = runUntilRequest(vcpu, index);
        if (!outcome.waits)
            outcome = completeAccess(vcpu, index);
        if (outcome.event && m_hooks.event)
            m_hooks.event(*outcome.event);
        park(index, outcome.waits);
    }
}

bool VcpuSet::awaitPermission(unsigned index) {
    MutexLocker lock(m_mutex);
    m_changed.wait(m_mutex, [&] {
        return m_request.load() == Request::Stop ||
               (m_request.load() == Request::Run && !m_threads[index].waiting);
    });
    if (m_request.load() == Request::Stop)
        return false;
    m_threads[index].parked = false;
    return true;
}

void VcpuSet::park(unsigned index, bool waits) {
    MutexLocker lock(m_mutex);
    m_threads[index].parked = true;
    m_threads[index].waiting = waits;
    m_changed.notify_all();
}

VcpuSet::Outcome VcpuSet::runUntilRequest(Vcpu& vcpu, unsigned index) {
    std::atomic<uint64_t>& exits = m_threads[index].exits; // written by this thread alone
    if (index == 0 && m_firstEntryNs.load(std::memory_order_relaxed) == 0)
        m_firstEntryNs.store(monotonicNs(), std::memory_order_relaxed);
    while (m_request.load() == Request::Run) {
        VcpuExit exit = vcpu.run();
        exits.store(exits.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        ExitAction action = handleExit(exit, m_ports, m_memory);
        if (action != ExitAction::Enter)
            return outcomeOf(vcpu, index, exit, action);
    }
    return {};
}

// The access of the last exit is not finished before the vCPU is entered again: a read has not
// reached its register, RIP may stand on the instruction.
VcpuSet::Outcome VcpuSet::completeAccess(Vcpu& vcpu, unsigned index) {
    for (;;) {
        vcpu.kick();
        VcpuExit exit = vcpu.run();
        if (exit.kind == VcpuExit::Kind::Interrupted)
            return {};
        ExitAction action = handleExit(exit, m_ports, m_memory);
        if (action != ExitAction::Enter)
            return outcomeOf(vcpu, index, exit, action);
    }
}

VcpuSet::Outcome VcpuSet::outcomeOf(Vcpu& vcpu, unsigned index, const VcpuExit& exit,
                                    ExitAction action) const {
    VcpuEvent event;
    event.vcpuIndex = index;
    switch (action) {
    case ExitAction::Enter:
        return {};
    case ExitAction::Halted:
        return {true, std::nullopt};
    case ExitAction::TripleFault:
        event.kind = VcpuEvent::Kind::TripleFault;
        event.fault = collectFaultReport(vcpu, index, "the guest caused a triple fault", m_memory);
        break;
    case ExitAction::Reset:
        event.kind = VcpuEvent::Kind::Reset;
        break;
    case ExitAction::PowerOff:
        event.kind = VcpuEvent::Kind::PowerOff;
        break;
    case ExitAction::Crashed:
        event.kind = VcpuEvent::Kind::GuestCrash;
        break;
    case ExitAction::Failed:
        event.kind = VcpuEvent::Kind::Failed;
        event.fault = collectFaultReport(vcpu, index, exit.reason, m_memory);
        break;
    }
    return {true, std::move(event)};
}

} // namespace vivarium
