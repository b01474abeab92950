#include "vmm/machine/qtest/qtest_machine.h"

#include "vmm/machine/ram_mapping.h"

#include <algorithm>
#include <ctime>
#include <utility>

namespace vivarium {

namespace {

constexpr uint32_t kLineCount = 256;
constexpr size_t kMaxRecordedChanges = 1 << 20; // a test that never asks must not fill the memory

int64_t hostWallClockNs() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

} // namespace

QtestMachine::QtestMachine(GuestMemory memory, std::unique_ptr<EventLoop> loop)
    : m_loop(std::move(loop)), m_memory(std::move(memory)), m_clock(hostWallClockNs()),
      m_lineLevels(kLineCount) {}

Result<std::unique_ptr<QtestMachine>> QtestMachine::create(const control::MachineConfig& config,
                                                           ConfigDescriptors descriptors) {
    GuestMemory memory = TRY(GuestMemory::create(config.memoryBytes));
    auto loop = TRY(EventLoop::create());
    std::unique_ptr<QtestMachine> machine(new QtestMachine(std::move(memory), std::move(loop)));
    machine->m_ramMappings = TRY(mapGuestRam(machine->m_memoryMap, machine->m_memory));
    BoardServices services{
        .loop = *machine->m_loop,
        .deviceLock = machine->m_deviceLock,
        .memory = machine->m_memory,
        .ports = machine->m_ports,
        .memoryMap = machine->m_memoryMap,
        .timers = machine->m_timers,
        .tasks = machine->m_tasks,
        .interrupts = *machine,
        .dirtyLog = nullptr,
        .doorbells = nullptr,
        .system = *machine,
        .storageListener = *machine,
        .apicIds = {},
        .setPitOutput = {},
        .diskThreadStarted = {},
        .vncThreadStarted = {},
    };
    for (uint32_t index = 0; index < config.cpuCount; ++index)
        services.apicIds.push_back(index);
    machine->m_board = TRY(buildBoard(config, descriptors, services));
    machine->resetDevices();
    machine->takeInterruptChanges();
    machine->takeMessages();
    return machine;
}

QtestMachine::~QtestMachine() {
    m_board.reset();
    m_tasks.runPending();
    m_ramMappings.clear();
}

void QtestMachine::resetDevices() {
    MutexLocker lock(m_deviceLock);
    MemoryMap::Batch batch(m_memoryMap);
    for (Device* device : m_board->devices())
        device->reset();
}

void QtestMachine::settle() {
    // A completion can start the next request of a chain; a guest cannot make the chain endless.
    do {
        MutexLocker lock(m_deviceLock);
        m_board->drainIo();
    } while (m_tasks.runPending() && !m_resetRequested);
    m_loop->runOnce(0); // serial peers and viewers
    if (std::exchange(m_resetRequested, false)) {
        ++m_resetCount;
        resetDevices();
    }
}

void QtestMachine::writePort(uint16_t port, unsigned sizeBytes, uint32_t value) {
    m_ports.write(port, sizeBytes, value);
    settle();
}

uint32_t QtestMachine::readPort(uint16_t port, unsigned sizeBytes) {
    const uint32_t value = m_ports.read(port, sizeBytes);
    settle();
    return value;
}

void QtestMachine::writeMemory(GuestAddress address, ConstByteSpan bytes) {
    m_memoryMap.write(address, bytes);
    settle();
}

void QtestMachine::readMemory(GuestAddress address, ByteSpan bytes) {
    m_memoryMap.read(address, bytes);
    settle();
}

std::optional<uint64_t> QtestMachine::nextDeadlineNs() {
    MutexLocker lock(m_deviceLock);
    return m_timers.nextDeadlineNs();
}

void QtestMachine::advanceTo(uint64_t targetNs) {
    for (unsigned fired = 0; fired < kMaxFiringsPerStep; ++fired) {
        const auto deadline = nextDeadlineNs();
        if (!deadline || *deadline > targetNs)
            break;
        {
            MutexLocker lock(m_deviceLock);
            m_clock.setNowNs(std::max(*deadline, m_clock.nowNs()));
            m_timers.runExpired();
        }
        settle();
    }
    MutexLocker lock(m_deviceLock);
    if (targetNs > m_clock.nowNs())
        m_clock.setNowNs(targetNs);
}

std::vector<QtestMachine::InterruptChange> QtestMachine::takeInterruptChanges() {
    MutexLocker lock(m_interruptMutex);
    return std::exchange(m_changes, {});
}

std::vector<QtestMachine::MessageInterrupt> QtestMachine::takeMessages() {
    MutexLocker lock(m_interruptMutex);
    return std::exchange(m_messages, {});
}

void QtestMachine::requestReset(ResetCause) {
    m_resetRequested = true;
}

void QtestMachine::mediumEjected(const std::string& driveId) {
    m_board->forgetMedium(driveId);
}

void QtestMachine::setLine(uint32_t gsi, Level level) {
    MutexLocker lock(m_interruptMutex);
    const bool high = level == Level::High;
    if (gsi >= kLineCount || m_lineLevels[gsi] == high)
        return;
    m_lineLevels[gsi] = high;
    if (m_changes.size() < kMaxRecordedChanges)
        m_changes.push_back({gsi, high});
}

void QtestMachine::sendMessage(uint64_t address, uint32_t data) {
    MutexLocker lock(m_interruptMutex);
    if (m_messages.size() < kMaxRecordedChanges)
        m_messages.push_back({address, data});
}

} // namespace vivarium
