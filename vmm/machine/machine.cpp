#include "vmm/machine/machine.h"

#include "vmm/base/log.h"
#include "vmm/kvm/cpu_topology.h"
#include "vmm/machine/ram_mapping.h"
#include "vmm/softcpu/instruction_completer.h"
#include "vmm/softcpu/soft_accelerator.h"

#include <algorithm>
#include <utility>

namespace vivarium {

const char* resetCauseName(ResetCause cause) {
    switch (cause) {
    case ResetCause::AcpiResetRegister:
        return "acpi";
    case ResetCause::Port0xCf9:
        return "port-cf9";
    case ResetCause::Port92:
        return "port-92";
    case ResetCause::KeyboardController:
        return "keyboard-controller";
    case ResetCause::TripleFault:
        return "triple-fault";
    case ResetCause::User:
        return "user";
    }
    return "user";
}

Machine::Machine(GuestMemory memory, EventLoop& loop, Listener& listener)
    : m_loop(loop), m_listener(listener), m_memory(std::move(memory)) {
    m_memory.setWriteListener({}); // a copied process still has the original's
}

Result<std::unique_ptr<Machine>>
Machine::create(const control::MachineConfig& config, ConfigDescriptors descriptors,
                AcceleratorHost& host, AcceleratorDecision::Kind kind, EventLoop& loop,
                Listener& listener, ThreadHooks hooks, std::optional<MachineCopy> copy) {
    if (!copy)
        copy = TRY(loadOrigin(config, descriptors));
    std::unique_ptr<Machine> machine(new Machine(std::move(copy->memory), loop, listener));
    machine->m_restored = std::move(copy->state);
    machine->m_stopOnTripleFault = config.stopOnTripleFault;

    const CpuTopology topology = defaultTopology(config.cpuCount);
    KvmVm* kvm = nullptr;
    switch (kind) {
    case AcceleratorDecision::Kind::Kvm:
        kvm = TRY(machine->makeKvm(host, topology));
        break;
    case AcceleratorDecision::Kind::Software:
        TRY(machine->makeSoftware(host, topology));
        break;
    }
    machine->m_memoryMap.setListener(&machine->m_accelerator->memoryListener());
    machine->m_ramMappings = TRY(mapGuestRam(machine->m_memoryMap, machine->m_memory));

    if (HostEvents* events = machine->m_accelerator->hostEvents())
        machine->m_doorbells.emplace(loop, machine->m_deviceLock, *events);

    BoardServices services{
        .loop = loop,
        .deviceLock = machine->m_deviceLock,
        .memory = machine->m_memory,
        .ports = machine->m_ports,
        .memoryMap = machine->m_memoryMap,
        .timers = machine->m_timers,
        .tasks = machine->m_tasks,
        .interrupts = machine->m_accelerator->interrupts(),
        .dirtyLog = &machine->m_accelerator->dirtyLog(),
        .doorbells = machine->m_doorbells ? &*machine->m_doorbells : nullptr,
        .system = *machine,
        .storageListener = *machine,
        .apicIds = {},
        .setPitOutput =
            [raw = machine.get()](Accelerator::PitOutput output) {
                raw->m_accelerator->setPitOutput(output);
            },
        .diskThreadStarted = hooks.disk,
        .vncThreadStarted = hooks.vnc,
    };
    for (uint32_t index = 0; index < config.cpuCount; ++index)
        services.apicIds.push_back(apicIdOf(topology, index));
    machine->m_board = TRY(buildBoard(config, descriptors, services));
    if (kvm)
        TRY(kvm->addProcessors()); // after all memory is mapped

    Machine* raw = machine.get();
    machine->m_vcpus = std::make_unique<VcpuSet>(
        *machine->m_accelerator, machine->m_ports, machine->m_memoryMap,
        VcpuSet::Hooks{.event =
                           [raw, alive = std::weak_ptr(machine->m_alive)](const VcpuEvent& event) {
                               raw->m_loop.post([raw, alive, event] {
                                   if (alive.lock())
                                       raw->handleVcpuEvent(event);
                               });
                           },
                       .threadStart =
                           [vcpuHook = std::move(hooks.vcpu)](unsigned) {
                               if (vcpuHook)
                                   vcpuHook();
                           }});
    machine->m_timers.setDeadlineChanged([raw] { raw->armWakeUp(); });
    loop.setWakeCallback([raw] { raw->timersDue(); });
    return machine;
}

Result<KvmVm*> Machine::makeKvm(AcceleratorHost& host, const CpuTopology& topology) {
    if (!host.kvm)
        return host.kvm.error();
    auto vm = TRY(KvmVm::create(*host.kvm, topology, KvmVm::Processors::Later));
    // Without room for it KVM has to manage alone.
    vm->setCompletion([this, &host]() -> std::unique_ptr<InstructionCompletion> {
        if (!host.software)
            return nullptr;
        auto native = host.software->takeNative();
        if (!native)
            return nullptr;
        return std::make_unique<InstructionCompleter>(m_ports, m_memoryMap, std::move(*native));
    });
    KvmVm* raw = vm.get();
    m_accelerator = std::move(vm);
    return raw;
}

Result<void> Machine::makeSoftware(AcceleratorHost& host, const CpuTopology& topology) {
    if (!host.software)
        return host.software.error();
    auto accelerator = TRY(SoftAccelerator::create(
        {m_deviceLock, m_ports, m_memoryMap, m_timers, *host.software}, topology));
    m_memory.setWriteListener([raw = accelerator.get()] { raw->devicesWrote(); });
    m_accelerator = std::move(accelerator);
    return {};
}

Machine::~Machine() {
    if (m_vcpus)
        m_vcpus->stop(); // nobody else calls in from here on
    m_alive.reset();
    m_loop.setWakeCallback({});
    m_loop.wakeAt(0);
    m_timers.setDeadlineChanged({});
    m_board.reset();
    m_tasks.runPending();
    m_memory.setWriteListener({});
    m_ramMappings.clear();
    m_memoryMap.setListener(nullptr);
}

Result<void> Machine::start(FirstState first) {
    if (m_state != State::PoweredOff || m_vcpus->state() != VcpuSet::State::Stopped)
        return fail(ErrorCode::WrongState, "the machine has been started already");
    setState(State::Starting, Reason::None, {});
    auto ready = m_vcpus->start();
    if (ready)
        ready = m_restored.empty() ? resetDevices() : restoreAll(m_restored);
    m_restored = {};
    if (!ready) {
        m_vcpus->stop();
        setState(State::PoweredOff, Reason::None, {});
        return ready;
    }
    if (first == FirstState::Paused) {
        setState(State::Paused, Reason::User, {});
        return {};
    }
    resumeDevices();
    letRun();
    setState(State::Running, Reason::None, {});
    return {};
}

void Machine::resumeDevices() {
    MutexLocker lock(m_deviceLock);
    m_board->retryStalledRequests();
    m_board->resumeNetwork();
}

void Machine::letRun() {
    if (m_doorbells)
        m_doorbells->release();
    m_clock.resume();
    {
        MutexLocker lock(m_deviceLock);
        armWakeUp();
    }
    m_vcpus->resume();
}

void Machine::stopVcpus() {
    m_vcpus->pause();
    if (m_doorbells)
        m_doorbells->hold();
    m_clock.pause();
    m_loop.wakeAt(0);
}

void Machine::pause() {
    if (m_state == State::Paused || m_frozen)
        return;
    pauseBecause(Reason::User, {});
}

void Machine::pauseBecause(Reason reason, std::string detail) {
    stopVcpus();
    setState(State::Paused, reason, std::move(detail));
}

Result<void> Machine::resume() {
    if (m_state != State::Paused)
        return {};
    if (m_reason == Reason::InternalError || m_reason == Reason::TripleFault)
        return fail(ErrorCode::WrongState,
                    "the guest cannot go on after this error; reset the machine or power it off");
    resumeDevices();
    letRun();
    setState(State::Running, Reason::None, {});
    return {};
}

Result<void> Machine::resetByUser() {
    if (m_frozen)
        return fail(ErrorCode::WrongState, "the machine is being saved");
    if (m_state == State::PoweredOff)
        return fail(ErrorCode::WrongState, "the machine is not running");
    resetGuest(ResetCause::User);
    return {};
}

void Machine::resetGuest(ResetCause cause) {
    const bool staysPaused = m_state == State::Paused && m_reason == Reason::User;
    stopVcpus();
    if (auto reset = resetDevices(); !reset) {
        setState(State::Paused, Reason::InternalError,
                 "the machine cannot be reset: " + reset.error().detail);
        return;
    }
    m_listener.guestReset(cause);
    if (staysPaused)
        return;
    letRun();
    if (m_state != State::Running)
        setState(State::Running, Reason::None, {});
}

// vCPUs outside the guest, device lock free.
Result<void> Machine::resetDevices() {
    settleIo();
    std::optional<VcpuRegisters> boot;
    {
        MutexLocker lock(m_deviceLock);
        MemoryMap::Batch batch(m_memoryMap);
        for (Device* device : m_board->devices())
            device->reset();
        boot = TRY(m_board->loadDirectBoot());
    }
    return m_vcpus->reset(boot ? VcpuStart::DirectBoot : VcpuStart::Firmware, boot);
}

// Lets the host finish disk I/O and the devices hear of it.
void Machine::settleIo() {
    {
        MutexLocker lock(m_deviceLock);
        m_board->drainIo();
    }
    m_tasks.runPending();
}

Result<void> Machine::pressPowerButton() {
    MutexLocker lock(m_deviceLock);
    if (m_board->pressPowerButton() == Board::Heard::No)
        return fail(
            ErrorCode::WrongState,
            "nothing in the guest listens to the power button (yet): only an operating system "
            "with ACPI does; power the machine off instead");
    return {};
}

void Machine::powerOff() {
    end(Reason::User, -1, {});
}

void Machine::endSaved() {
    end(Reason::Saved, -1, {});
}

void Machine::end(Reason reason, int exitValue, std::string detail) {
    m_frozen = false;
    stopVcpus();
    m_vcpus->stop();
    settleIo();
    m_state = State::PoweredOff;
    m_reason = reason;
    m_listener.ended(reason, exitValue, detail);
}

void Machine::setState(State state, Reason reason, std::string detail) {
    m_state = state;
    m_reason = reason;
    m_detail = std::move(detail);
    m_listener.stateChanged(m_state, m_reason, m_detail);
}

void Machine::handleVcpuEvent(const VcpuEvent& event) {
    if (m_vcpus->state() == VcpuSet::State::Stopped)
        return;
    const std::string report = event.fault ? event.fault->text() : std::string();
    switch (event.kind) {
    case VcpuEvent::Kind::TripleFault:
        if (m_stopOnTripleFault) {
            logError("vcpu", "triple fault: " + report);
            pauseBecause(Reason::TripleFault, report);
        } else {
            logInfo("vcpu", "triple fault, the machine resets: " + report);
            resetGuest(ResetCause::TripleFault);
        }
        break;
    case VcpuEvent::Kind::Reset:
        resetGuest(ResetCause::AcpiResetRegister);
        break;
    case VcpuEvent::Kind::PowerOff:
        end(Reason::GuestShutdown, -1, {});
        break;
    case VcpuEvent::Kind::GuestCrash:
        pauseBecause(Reason::InternalError, "the guest system reported that it has crashed");
        break;
    case VcpuEvent::Kind::Failed:
        logError("vcpu", report);
        pauseBecause(Reason::InternalError, report);
        break;
    }
}

void Machine::noteRequest(std::function<void()> note) {
    {
        // Together: whoever takes the note must find the pause already asked for, or it would be
        // asked for after that one's resume.
        MutexLocker lock(m_requestMutex);
        note();
        if (m_vcpus)
            m_vcpus->requestPause();
    }
    m_loop.post([this, alive = std::weak_ptr(m_alive)] {
        if (alive.lock())
            handleRequests();
    });
}

void Machine::handleRequests() {
    Requests requests;
    {
        MutexLocker lock(m_requestMutex);
        requests = std::exchange(m_requests, {});
    }
    for (const std::string& drive : requests.ejectedDrives)
        m_listener.mediumEjected(drive);
    if (m_vcpus->state() == VcpuSet::State::Stopped)
        return;
    if (requests.exitValue)
        return end(Reason::GuestExit, *requests.exitValue, {});
    if (requests.powerOff)
        return end(Reason::GuestShutdown, -1, {});
    if (requests.reset)
        return resetGuest(*requests.reset);
    if (requests.pause)
        return pauseBecause(requests.pause->first, requests.pause->second);
}

void Machine::requestReset(ResetCause cause) {
    noteRequest([this, cause]() REQUIRES(m_requestMutex) { m_requests.reset = cause; });
}

void Machine::requestPowerOff() {
    noteRequest([this]() REQUIRES(m_requestMutex) { m_requests.powerOff = true; });
}

void Machine::requestExit(unsigned char value) {
    noteRequest([this, value]() REQUIRES(m_requestMutex) {
        if (!m_requests.exitValue)
            m_requests.exitValue = value;
    });
}

void Machine::diskFull(const std::string& driveId, const std::string& detail) {
    logWarning(driveId, "no space left: " + detail);
    noteRequest([&, this]() REQUIRES(m_requestMutex) {
        m_requests.pause = {Reason::DiskFull, driveId + ": " + detail};
    });
}

void Machine::diskFailed(const std::string& driveId, const std::string& detail) {
    logError(driveId, detail);
    noteRequest([&, this]() REQUIRES(m_requestMutex) {
        m_requests.pause = {Reason::DiskError, driveId + ": " + detail};
    });
}

void Machine::mediumEjected(const std::string& driveId) {
    m_board->forgetMedium(driveId); // called with the device lock held
    {
        MutexLocker lock(m_requestMutex);
        m_requests.ejectedDrives.push_back(driveId);
    }
    m_loop.post([this, alive = std::weak_ptr(m_alive)] {
        if (alive.lock())
            handleRequests();
    });
}

void Machine::timersDue() {
    MutexLocker lock(m_deviceLock);
    m_timers.runExpired();
    armWakeUp();
}

// Device lock held; any thread.
void Machine::armWakeUp() {
    const auto deadline = m_timers.nextDeadlineNs();
    m_loop.wakeAt(deadline ? m_clock.monotonicDeadlineNs(*deadline) : 0);
}

} // namespace vivarium
