// Machine: saving, copying and restoring its state.
#include "vmm/base/whole_file.h"
#include "vmm/machine/machine.h"
#include "vmm/machine/snapshot_files.h"
#include "vmm/snapshot/ram_image.h"

#include <utility>

namespace vivarium {

namespace {

constexpr const char* kSection = "machine";
constexpr uint32_t kSectionVersion = 1;
// Devices and up to 256 MiB of video memory.
constexpr uint64_t kMaxStateBytes = uint64_t{1} << 30;

} // namespace

Result<MachineCopy> Machine::loadOrigin(const control::MachineConfig& config,
                                        ConfigDescriptors& descriptors) {
    MachineCopy copy{TRY(GuestMemory::create(config.memoryBytes)), {}};
    const control::RestoreConfig& restore = config.restore;
    if (restore.stateFd < 0)
        return copy;
    const UniqueFd state = TRY(descriptors.take(restore.stateFd, "saved state"));
    copy.state = TRY(readWholeFile(state.get(), kMaxStateBytes, "the saved state"));
    if (copy.state.empty())
        return fail(ErrorCode::Corrupt, "the saved state is empty");
    const RamImage ram = TRY(openRamImage(restore.ram, descriptors, config.memoryBytes));
    TRY(ram.mapInto(copy.memory.mapping().bytes()));
    return copy;
}

// Something that the guest or the host did already is about to reset, pause or end the machine.
bool Machine::changesSoon() {
    MutexLocker lock(m_requestMutex);
    return m_requests.reset || m_requests.powerOff || m_requests.exitValue || m_requests.pause ||
           (m_state == State::Running && m_vcpus->waits());
}

Result<std::vector<uint8_t>> Machine::freeze() {
    if (m_state != State::Running && m_state != State::Paused)
        return fail(ErrorCode::WrongState, "only a running or paused machine can be saved");
    if (m_reason == Reason::InternalError || m_reason == Reason::TripleFault)
        return fail(ErrorCode::WrongState,
                    "the guest has met an error after which it cannot go on; reset it first");
    if (m_frozen)
        return fail(ErrorCode::Busy, "the machine is being saved already");
    stopVcpus();
    if (changesSoon()) // which lets the vCPUs go on if anything does
        return fail(ErrorCode::Busy, "the guest is just being reset or switched off; try again");
    m_frozen = true;
    if (m_doorbells)
        m_doorbells->settle();
    auto state = saveAll();
    if (!state)
        thaw();
    return state;
}

void Machine::thaw() {
    if (!std::exchange(m_frozen, false) || m_state != State::Running)
        return;
    letRun();
}

// vCPUs stopped.
Result<std::vector<uint8_t>> Machine::saveAll() {
    settleIo();
    StateWriter writer;
    writer.beginSection(kSection, kSectionVersion);
    writer.fields(m_clock.nowNs(), m_memory.sizeBytes());
    MutexLocker lock(m_deviceLock);
    for (const Device* device : m_board->devices())
        device->save(writer); // each begins a section of its own
    TRY(m_vcpus->save(writer));
    return writer.finish();
}

// vCPUs stopped. After an error the machine is partly restored and must not run.
Result<void> Machine::restoreAll(ConstByteSpan bytes) {
    StateReader reader = TRY(StateReader::open(bytes));
    TRY(reader.enterSection(kSection, kSectionVersion));
    uint64_t nowNs = 0;
    uint64_t memoryBytes = 0;
    TRY(reader.fields(nowNs, memoryBytes));
    if (memoryBytes != m_memory.sizeBytes())
        return fail(ErrorCode::Unsupported,
                    "the saved state belongs to a machine with another memory size");
    m_clock.setNowNs(nowNs);
    MutexLocker lock(m_deviceLock);
    MemoryMap::Batch batch(m_memoryMap);
    for (Device* device : m_board->devices())
        device->reset();
    for (Device* device : m_board->devices())
        TRY(device->restore(reader));
    return m_vcpus->restore(reader);
}

} // namespace vivarium
