#include "vmm/devices/storage/nvme_controller.h"

#include "vmm/devices/storage/serial_number.h"

#include <algorithm>
#include <utility>

namespace vivarium {

using namespace nvme;

namespace {

constexpr PciIdentity kIdentity{.vendorId = 0x1B36,
                                .deviceId = 0x0010,
                                .classCode = 0x010802, // NVM Express I/O controller
                                .revision = 2,
                                .interruptPin = 1};

// CAP (3.1.1): queues of 1024 entries, contiguous only; ready within 10 s (of a stalled host);
// doorbell stride 0; NVM commands; pages of 4 KiB.
constexpr uint64_t kCapabilitiesValue =
    (kMaxQueueEntries - 1) | 1 << 16 | uint64_t{20} << 24 | uint64_t{1} << 37;

constexpr uint32_t kAdminAttributesMask = 0x0FFF0FFF;

} // namespace

// --- Construction ---------------------------------------------------------------------------

Result<std::unique_ptr<NvmeController>> NvmeController::create(PciAddress address,
                                                               Services services, NvmeDisk disk) {
    auto refuse = [&](const char* why) {
        return fail(ErrorCode::InvalidArgument, "drive \"" + disk.id + "\": " + why);
    };
    if (disk.id.empty())
        return refuse("a drive needs an id");
    if (!disk.image || disk.image->sizeBytes() < 512)
        return refuse("a disk needs an image of at least one sector");
    if (!isSerialNumber(disk.serialNumber))
        return refuse("a serial number has at most 20 printable ASCII characters");
    std::unique_ptr<NvmeController> controller(
        new NvmeController(address, services, std::move(disk)));
    controller->reset();
    return controller;
}

NvmeController::NvmeController(PciAddress address, Services services, NvmeDisk disk)
    : PciDevice("nvme-" + disk.id, address, kIdentity, services.pci), m_services(services),
      m_serialNumber(disk.serialNumber.empty() ? serialNumberFromId(disk.id) : disk.serialNumber),
      m_io(disk.id, disk.errorPolicy, {services.tasks, services.listener}),
      m_self(std::make_shared<NvmeController*>(this)) {
    addBar(kRegisterBar, BarKind::Memory64, kRegisterBarBytes,
           ioHandler<&NvmeController::readRegisters, &NvmeController::writeRegisters>(this));
    addMsixCapability(kQueueCount, kMsixBar);
    m_io.setImage(std::move(disk.image));
    m_io.setIdle([this] { hostIdle(); });
}

NvmeController::~NvmeController() = default;

// --- Registers ------------------------------------------------------------------------------

// Registers are read in doublewords or quadwords (3.1); narrower reads get their part.
uint64_t NvmeController::readRegisters(uint64_t offset, unsigned sizeBytes) {
    auto base = static_cast<uint32_t>(offset & ~uint64_t{3});
    uint64_t value = readRegister(base);
    if (offset % 4 + sizeBytes > 4)
        value |= uint64_t{readRegister(base + 4)} << 32;
    return value >> (8 * (offset % 4)) & accessMask(sizeBytes);
}

void NvmeController::writeRegisters(uint64_t offset, unsigned sizeBytes, uint64_t value) {
    if (sizeBytes < 4 || offset % 4 != 0)
        return;
    auto base = static_cast<uint32_t>(offset);
    if (base >= kDoorbells) {
        if (sizeBytes == 4)
            ringDoorbell((base - kDoorbells) / 4, static_cast<uint32_t>(value));
        return;
    }
    writeRegister(base, static_cast<uint32_t>(value));
    if (sizeBytes == 8)
        writeRegister(base + 4, static_cast<uint32_t>(value >> 32));
}

uint32_t NvmeController::readRegister(uint32_t offset) const {
    switch (offset) {
    case kCapabilities:
        return static_cast<uint32_t>(kCapabilitiesValue);
    case kCapabilities + 4:
        return static_cast<uint32_t>(kCapabilitiesValue >> 32);
    case kVersion:
        return kVersion14;
    case kInterruptMaskSet:
    case kInterruptMaskClear:
        return m_state.interruptMask;
    case kConfiguration:
        return m_state.configuration;
    case kStatus:
        // Ready goes away when the reset is complete (3.1.6).
        return m_state.status | (m_disabling ? kStatusReady : 0);
    case kAdminQueueAttributes:
        return m_state.adminAttributes;
    case kAdminSubmissionBase:
        return static_cast<uint32_t>(m_state.adminSubmissionBase);
    case kAdminSubmissionBase + 4:
        return static_cast<uint32_t>(m_state.adminSubmissionBase >> 32);
    case kAdminCompletionBase:
        return static_cast<uint32_t>(m_state.adminCompletionBase);
    case kAdminCompletionBase + 4:
        return static_cast<uint32_t>(m_state.adminCompletionBase >> 32);
    default:
        return 0; // no memory buffer, no boot partitions
    }
}

void NvmeController::writeRegister(uint32_t offset, uint32_t value) {
    // Page aligned; reserved bits read 0 (3.1.9, 3.1.10).
    auto setLow = [&](uint64_t& base) {
        base = (base & ~uint64_t{0xFFFFFFFF}) | (value & ~static_cast<uint32_t>(kPageBytes - 1));
    };
    auto setHigh = [&](uint64_t& base) { base = (base & 0xFFFFFFFF) | uint64_t{value} << 32; };
    const bool enabled = m_state.configuration & kConfigEnable;
    switch (offset) {
    case kInterruptMaskSet:
        m_state.interruptMask |= value;
        return updateInterrupt();
    case kInterruptMaskClear:
        m_state.interruptMask &= ~value;
        return updateInterrupt();
    case kConfiguration:
        return writeConfiguration(value);
    default:
        break;
    }
    if (enabled) // the administration queues are frozen
        return;
    switch (offset) {
    case kAdminQueueAttributes:
        m_state.adminAttributes = value & kAdminAttributesMask;
        return;
    case kAdminSubmissionBase:
        return setLow(m_state.adminSubmissionBase);
    case kAdminSubmissionBase + 4:
        return setHigh(m_state.adminSubmissionBase);
    case kAdminCompletionBase:
        return setLow(m_state.adminCompletionBase);
    case kAdminCompletionBase + 4:
        return setHigh(m_state.adminCompletionBase);
    default:
        return;
    }
}

void NvmeController::writeConfiguration(uint32_t value) {
    finishDisabling(); // a driver that does not wait does so here
    const uint32_t before = std::exchange(m_state.configuration, value & kConfigWritable);
    const bool was = before & kConfigEnable;
    const bool is = value & kConfigEnable;
    if (was && !is)
        disable();
    else if (!was && is && !enable())
        m_state.status = kStatusFatal;
    const uint32_t shutdown = value >> kConfigShutdownShift & 3;
    if (shutdown != 0 && (before >> kConfigShutdownShift & 3) == 0)
        shutDown();
    else if (shutdown == 0)
        m_state.status &= ~kStatusShutdownMask;
}

// False when the guest asks for what CAP does not offer, or for queues that are not in memory.
bool NvmeController::enable() {
    constexpr uint32_t kSelections = 0x00003FF0; // commands, page size, arbitration: all 0
    m_state.status = 0;
    if (m_state.configuration & kSelections)
        return false;
    const uint32_t submissionSize = (m_state.adminAttributes & 0xFFF) + 1;
    const uint32_t completionSize = (m_state.adminAttributes >> 16 & 0xFFF) + 1;
    if (submissionSize < 2 || completionSize < 2 ||
        !queueBaseFits(m_state.adminSubmissionBase,
                       uint64_t{submissionSize} * kSubmissionEntryBytes) ||
        !queueBaseFits(m_state.adminCompletionBase,
                       uint64_t{completionSize} * kCompletionEntryBytes))
        return false;
    m_state.submission[0] = {.size = submissionSize, .base = m_state.adminSubmissionBase};
    m_state.completion[0] = {
        .size = completionSize, .base = m_state.adminCompletionBase, .interrupts = true};
    m_state.features = defaultFeatures();
    m_state.status = kStatusReady;
    return true;
}

// Controller reset (7.3.2): everything but the administration queues' registers.
void NvmeController::disable() {
    m_io.abandon();
    m_active.clear();
    m_load = {};
    State fresh;
    fresh.configuration = m_state.configuration;
    fresh.adminAttributes = m_state.adminAttributes;
    fresh.adminSubmissionBase = m_state.adminSubmissionBase;
    fresh.adminCompletionBase = m_state.adminCompletionBase;
    fresh.features = defaultFeatures();
    m_state = fresh;
    m_disabling = m_io.busy();
    updateInterrupt();
}

void NvmeController::finishDisabling() {
    if (std::exchange(m_disabling, false))
        m_io.cancel();
}

void NvmeController::hostIdle() {
    m_disabling = false;
}

void NvmeController::shutDown() {
    m_state.status = (m_state.status & ~kStatusShutdownMask) | kStatusShutdownOccurring;
    m_io.submit(BlockRequest::Kind::Flush, 0, 0, {}, [this](int) {
        // Also after an error: there is no way to report one.
        m_state.status = (m_state.status & ~kStatusShutdownMask) | kStatusShutdownComplete;
    });
}

void NvmeController::writeConfig(uint16_t offset, unsigned sizeBytes, uint32_t value) {
    bool allowed = busMasterEnabled();
    PciDevice::writeConfig(offset, sizeBytes, value);
    if (!allowed && busMasterEnabled())
        serveAll();
}

// --- The machine's calls --------------------------------------------------------------------

void NvmeController::imageResized() {
    if (m_state.features[kFeatureAsyncEvents] & kNvmeNamespaceNotice)
        raiseEvent(kEventNamespaceChanged);
}

void NvmeController::retryStalledRequests() {
    m_io.retryStalled();
    if ((m_state.status & kStatusShutdownMask) == kStatusShutdownOccurring && !m_io.busy())
        shutDown(); // of a restored state
    std::vector<uint64_t> restored;
    for (const auto& [id, active] : m_active)
        if (!active.begun)
            restored.push_back(id);
    for (uint64_t id : restored) {
        m_active.at(id).begun = true; // only what has begun is ended by others
        begin(id);
    }
    serveAll();
}

std::vector<DriveReport> NvmeController::drives() const {
    DriveReport report;
    report.id = m_io.driveId();
    report.hasMedium = true;
    report.sizeBytes = m_io.image()->sizeBytes();
    report.activity = m_io.activity();
    return {report};
}

// --- Reset, save, restore -------------------------------------------------------------------

void NvmeController::reset() {
    m_io.cancel();
    m_disabling = false;
    m_active.clear();
    m_load = {};
    m_state = {};
    m_state.features = defaultFeatures();
    PciDevice::reset();
    updateInterrupt();
}

void NvmeController::save(StateWriter& writer) const {
    PciDevice::save(writer);
    writer.fields(m_state.interruptMask, m_state.configuration, m_state.status,
                  m_state.adminAttributes, m_state.adminSubmissionBase, m_state.adminCompletionBase,
                  m_state.features, m_state.pendingEvents, m_state.toldEvents);
    for (const SubmissionQueue& queue : m_state.submission)
        writer.fields(queue.size, queue.base, queue.head, queue.tail, queue.completionQueue,
                      queue.deleting);
    for (const CompletionQueue& queue : m_state.completion)
        writer.fields(queue.size, queue.base, queue.head, queue.tail, queue.vector, queue.phase,
                      queue.interrupts);
    writer.fields(static_cast<uint32_t>(m_active.size()));
    for (const auto& [id, active] : m_active)
        writer.fields(active.queue, active.command.bytes);
}

Result<void> NvmeController::restore(StateReader& reader) {
    reset();
    auto result = restoreState(reader);
    if (!result)
        reset();
    return result;
}

Result<void> NvmeController::restoreState(StateReader& reader) {
    const auto malformed = [this] {
        return fail(ErrorCode::Corrupt, "saved state: " + std::string(name()) + " is malformed");
    };
    TRY(PciDevice::restore(reader));
    State state;
    TRY(reader.fields(state.interruptMask, state.configuration, state.status, state.adminAttributes,
                      state.adminSubmissionBase, state.adminCompletionBase, state.features,
                      state.pendingEvents, state.toldEvents));
    for (SubmissionQueue& queue : state.submission)
        TRY(reader.fields(queue.size, queue.base, queue.head, queue.tail, queue.completionQueue,
                          queue.deleting));
    for (CompletionQueue& queue : state.completion)
        TRY(reader.fields(queue.size, queue.base, queue.head, queue.tail, queue.vector, queue.phase,
                          queue.interrupts));
    constexpr uint32_t kStatusBits = kStatusReady | kStatusFatal | kStatusShutdownMask;
    const bool ready = state.status & kStatusReady;
    if (state.configuration & ~kConfigWritable || state.status & ~kStatusBits ||
        state.adminAttributes & ~kAdminAttributesMask ||
        state.adminSubmissionBase % kPageBytes != 0 ||
        state.adminCompletionBase % kPageBytes != 0 || ready != (state.submission[0].size != 0) ||
        (ready && !(state.configuration & kConfigEnable)) || !restoredQueuesAreSane(state))
        return malformed();
    uint32_t count = 0;
    uint32_t eventRequests = 0;
    TRY(reader.fields(count));
    for (uint32_t i = 0; i < count; ++i) {
        Active active;
        TRY(reader.fields(active.queue, active.command.bytes));
        if (active.queue >= kQueueCount || state.submission[active.queue].size == 0)
            return malformed();
        // Event requests go on waiting, the others are begun at the next resume.
        active.heldEvent = active.queue == 0 && active.command.opcode() == kAsyncEventRequest;
        active.begun = active.heldEvent;
        uint32_t& limited = active.heldEvent ? eventRequests : m_load[active.queue].active;
        if (++limited > (active.heldEvent ? kNvmeEventRequestLimit : kMaxAdminEntries))
            return malformed();
        m_active.emplace(m_nextId++, active);
    }
    m_state = state;
    updateInterrupt();
    return {};
}

bool NvmeController::restoredQueuesAreSane(const State& state) const {
    for (unsigned i = 0; i < kQueueCount; ++i) {
        const SubmissionQueue& submission = state.submission[i];
        const CompletionQueue& completion = state.completion[i];
        const uint32_t limit = i == 0 ? kMaxAdminEntries : kMaxQueueEntries;
        if (completion.size != 0 &&
            (completion.size < 2 || completion.size > limit || completion.head >= completion.size ||
             completion.tail >= completion.size || completion.vector >= kQueueCount ||
             !queueBaseFits(completion.base, uint64_t{completion.size} * kCompletionEntryBytes)))
            return false;
        if (submission.size != 0 &&
            (submission.size < 2 || submission.size > limit || submission.head >= submission.size ||
             submission.tail >= submission.size || submission.completionQueue >= kQueueCount ||
             (i == 0) != (submission.completionQueue == 0) ||
             state.completion[submission.completionQueue].size == 0 ||
             !queueBaseFits(submission.base, uint64_t{submission.size} * kSubmissionEntryBytes)))
            return false;
    }
    return true;
}

} // namespace vivarium
