// The administration commands of NvmeController (NVMe 1.4, 5).

#include "vmm/devices/storage/nvme_controller.h"
#include "vmm/devices/storage/nvme_prp.h"

#include <algorithm>

namespace vivarium {

using namespace nvme;

namespace {

constexpr uint32_t kAllNamespaces = 0xFFFFFFFF;
constexpr uint32_t kNamespace = 1;
constexpr uint16_t kRoomTemperature = 313; // kelvin

} // namespace

void NvmeController::runAdmin(uint64_t id, const NvmeCommand& command) {
    uint32_t result = 0;
    Status status = kInvalidOpcode;
    switch (command.opcode()) {
    case kDeleteSubmissionQueue:
        return deleteSubmissionQueue(id, command);
    case kCreateSubmissionQueue:
        status = createSubmissionQueue(command);
        break;
    case kGetLogPage:
        status = getLogPage(command);
        break;
    case kDeleteCompletionQueue:
        status = deleteCompletionQueue(command);
        break;
    case kCreateCompletionQueue:
        status = createCompletionQueue(command);
        break;
    case nvme::kIdentify:
        status = identify(command);
        break;
    case kAbort:
        return abort(id, command);
    case kSetFeatures:
        status = setFeature(command, result);
        break;
    case kGetFeatures:
        status = getFeature(command, result);
        break;
    case kAsyncEventRequest:
        return holdEventRequest(id);
    default:
        break;
    }
    complete(id, status, result);
}

// --- Queues ---------------------------------------------------------------------------------

bool NvmeController::queueBaseFits(uint64_t base, uint64_t bytes) const {
    return base % kPageBytes == 0 && m_services.memory.view(base, bytes).has_value();
}

Status NvmeController::createCompletionQueue(const NvmeCommand& command) {
    const uint32_t queue = command.word(10) & 0xFFFF;
    const uint32_t size = (command.word(10) >> 16) + 1;
    const uint32_t vector = command.word(11) >> 16;
    const bool contiguous = command.word(11) & 1;
    if (queue == 0 || queue >= kQueueCount || m_state.completion[queue].size != 0)
        return kInvalidQueueId;
    if (size < 2 || size > kMaxQueueEntries ||
        (m_state.configuration >> kConfigCompletionSizeShift & 0xF) != kCompletionEntryLog)
        return kInvalidQueueSize;
    if (vector >= kQueueCount)
        return kInvalidVector;
    if (!contiguous || !queueBaseFits(command.prp1(), uint64_t{size} * kCompletionEntryBytes))
        return kInvalidField;
    m_state.completion[queue] = {.size = size,
                                 .base = command.prp1(),
                                 .vector = static_cast<uint16_t>(vector),
                                 .interrupts = (command.word(11) & 2) != 0};
    return kSuccess;
}

Status NvmeController::createSubmissionQueue(const NvmeCommand& command) {
    const uint32_t queue = command.word(10) & 0xFFFF;
    const uint32_t size = (command.word(10) >> 16) + 1;
    const uint32_t completion = command.word(11) >> 16;
    const bool contiguous = command.word(11) & 1;
    if (completion == 0 || completion >= kQueueCount || m_state.completion[completion].size == 0)
        return kCompletionQueueInvalid;
    if (queue == 0 || queue >= kQueueCount || m_state.submission[queue].size != 0)
        return kInvalidQueueId;
    if (size < 2 || size > kMaxQueueEntries ||
        (m_state.configuration >> kConfigSubmissionSizeShift & 0xF) != kSubmissionEntryLog)
        return kInvalidQueueSize;
    if (!contiguous || !queueBaseFits(command.prp1(), uint64_t{size} * kSubmissionEntryBytes))
        return kInvalidField;
    m_state.submission[queue] = {
        .size = size, .base = command.prp1(), .completionQueue = static_cast<uint16_t>(completion)};
    return kSuccess;
}

Status NvmeController::deleteCompletionQueue(const NvmeCommand& command) {
    const uint32_t queue = command.word(10) & 0xFFFF;
    if (queue == 0 || queue >= kQueueCount || m_state.completion[queue].size == 0)
        return kInvalidQueueId;
    for (const SubmissionQueue& submission : m_state.submission)
        if (submission.size != 0 && submission.completionQueue == queue)
            return kInvalidQueueDeletion;
    m_state.completion[queue] = {};
    updateInterrupt();
    return kSuccess;
}

// Its commands are let end first (5.6); the completion of the deletion comes after theirs.
void NvmeController::deleteSubmissionQueue(uint64_t id, const NvmeCommand& command) {
    const uint32_t queue = command.word(10) & 0xFFFF;
    if (queue == 0 || queue >= kQueueCount || m_state.submission[queue].size == 0)
        return complete(id, kInvalidQueueId);
    if (m_load[queue].active > 0) {
        m_state.submission[queue].deleting = true;
        return;
    }
    m_state.submission[queue] = {};
    complete(id, kSuccess);
}

// --- Information ----------------------------------------------------------------------------

NvmeIdentity NvmeController::identity() const {
    return {.serialNumber = m_serialNumber,
            .sectorCount = sectorCount(),
            .readOnly = m_io.image()->readOnly(),
            .pciVendor = loadLe<uint16_t>(config()),
            .subsystemVendor = loadLe<uint16_t>(config() + 0x2C)};
}

Status NvmeController::sendData(const NvmeCommand& command, ConstByteSpan bytes) {
    NvmeData data = mapPrps(m_services.memory, command, bytes.size());
    if (data.status == kSuccess)
        data.buffers.copyIn(bytes);
    return data.status;
}

Status NvmeController::identify(const NvmeCommand& command) {
    NvmePage page{};
    const uint32_t space = command.namespaceId();
    switch (command.word(10) & 0xFF) {
    case 0x00: // a namespace; all of them: what they have in common
        if (space != kNamespace && space != kAllNamespaces)
            return kInvalidNamespace;
        page = identifyNvmeNamespace(identity());
        break;
    case 0x01:
        page = identifyNvmeController(identity());
        break;
    case 0x02: // active namespaces above the given one
        if (space >= kAllNamespaces - 1)
            return kInvalidNamespace;
        if (space < kNamespace)
            storeLe<uint32_t>(page.data(), kNamespace);
        break;
    case 0x03:
        if (space != kNamespace)
            return kInvalidNamespace;
        page = nvmeNamespaceDescriptors(identity());
        break;
    default:
        return kInvalidField;
    }
    return sendData(command, page);
}

std::vector<uint8_t> NvmeController::healthLog() const {
    std::vector<uint8_t> log(512);
    storeLe<uint16_t>(&log[1], kRoomTemperature);
    log[3] = 100; // spare, per cent
    log[4] = 10;  // its threshold
    const DriveActivity& activity = m_io.activity();
    constexpr uint64_t kUnit = 512 * 1000; // rounded up
    storeLe<uint64_t>(&log[32], (activity.readBytes + kUnit - 1) / kUnit);
    storeLe<uint64_t>(&log[48], (activity.writtenBytes + kUnit - 1) / kUnit);
    storeLe<uint64_t>(&log[64], activity.readRequests);
    storeLe<uint64_t>(&log[80], activity.writeRequests);
    storeLe<uint64_t>(&log[112], 1); // power cycles
    return log;
}

Status NvmeController::getLogPage(const NvmeCommand& command) {
    const uint64_t doublewords =
        (command.word(10) >> 16 | uint64_t{command.word(11) & 0xFFFF} << 16) + 1;
    const uint64_t bytes = doublewords * 4;
    if (bytes > kMaxTransferBytes || command.word(12) != 0 || command.word(13) != 0)
        return kInvalidField; // no offsets (the LPA field of identify)
    std::vector<uint8_t> log;
    uint8_t readEvents = 0;
    switch (command.word(10) & 0xFF) {
    case 0x01: // errors: none is kept
        log.assign(64, 0);
        readEvents = kEventBadDoorbell | kEventBadDoorbellValue;
        break;
    case 0x02:
        log = healthLog();
        break;
    case 0x03: // firmware: slot 1 runs
        log.assign(512, 0);
        log[0] = 1;
        std::copy_n("1.0     ", 8, &log[8]);
        break;
    case 0x04: // changed namespaces
        log.assign(kPageBytes, 0);
        if (m_state.toldEvents & kEventNamespaceChanged)
            storeLe<uint32_t>(log.data(), kNamespace);
        readEvents = kEventNamespaceChanged;
        break;
    default:
        return kInvalidLogPage;
    }
    log.resize(bytes);
    const Status status = sendData(command, log);
    const bool retainEvent = command.word(10) >> 15 & 1;
    if (status == kSuccess && !retainEvent) {
        m_state.toldEvents &= static_cast<uint8_t>(~readEvents);
        tellEvents();
    }
    return status;
}

// --- Features -------------------------------------------------------------------------------

NvmeController::Features NvmeController::defaultFeatures() {
    Features features{};
    features[kFeatureTemperature] = 343;
    features[kFeatureWriteCache] = 1;
    features[kFeatureQueueCount] = (kMaxIoQueues - 1) | (kMaxIoQueues - 1) << 16;
    return features;
}

Status NvmeController::setFeature(const NvmeCommand& command, uint32_t& result) {
    const uint32_t feature = command.word(10) & 0xFF;
    const uint32_t value = command.word(11);
    if (feature == 0 || feature >= kFeatureCount || feature == 3)
        return kInvalidField;
    if (command.word(10) >> 31) // nothing outlives a reset
        return kNotSaveable;
    switch (feature) {
    case kFeaturePower:
        if ((value & 0x1F) != 0) // there is one power state
            return kInvalidField;
        break;
    case kFeatureQueueCount: {
        if ((value & 0xFFFF) == 0xFFFF || value >> 16 == 0xFFFF)
            return kInvalidField;
        for (unsigned i = 1; i < kQueueCount; ++i) // too late (5.21.1.7)
            if (m_state.completion[i].size != 0)
                return kSequenceError;
        result = m_state.features[feature]; // what there is, whatever was asked for
        return kSuccess;
    }
    case kFeatureVector:
        if ((value & 0xFFFF) >= kQueueCount)
            return kInvalidField;
        return kSuccess; // nothing is coalesced
    case kFeatureWriteCache:
        m_state.features[feature] = value & 1;
        return kSuccess;
    case kFeatureTemperature:
        if ((value >> 16 & 0x3F) != 0 || value >> 22 != 0)
            return kSuccess; // thresholds that can never be passed
        break;
    default:
        break;
    }
    m_state.features[feature] = value;
    return kSuccess;
}

Status NvmeController::getFeature(const NvmeCommand& command, uint32_t& result) const {
    const uint32_t feature = command.word(10) & 0xFF;
    const uint32_t select = command.word(10) >> 8 & 7;
    if (feature == 0 || feature >= kFeatureCount || feature == 3 || select > 3)
        return kInvalidField;
    if (select == 3)
        result = 1 << 2; // changeable
    else if (feature == kFeatureVector)
        result = (command.word(11) & 0xFFFF) | 1 << 16; // coalescing is off
    else
        result = select == 0 ? m_state.features[feature] : defaultFeatures()[feature];
    return kSuccess;
}

// --- Abort and events -----------------------------------------------------------------------

// What the host works on cannot be taken back (5.1: best effort); event requests can.
void NvmeController::abort(uint64_t id, const NvmeCommand& command) {
    constexpr uint32_t kNotAborted = 1;
    const uint32_t queue = command.word(10) & 0xFFFF;
    const uint32_t commandId = command.word(10) >> 16;
    uint32_t result = kNotAborted;
    if (queue == 0 && roomForCompletion(0))
        for (const auto& [other, active] : m_active)
            if (active.heldEvent && active.command.id() == commandId) {
                complete(other, kAbortRequested);
                result = 0;
                break;
            }
    complete(id, kSuccess, result);
}

void NvmeController::holdEventRequest(uint64_t id) {
    const auto held = std::count_if(m_active.begin(), m_active.end(),
                                    [](const auto& entry) { return entry.second.heldEvent; });
    if (held >= kNvmeEventRequestLimit)
        return complete(id, kTooManyEventRequests);
    m_active.at(id).heldEvent = true;
    --m_load[0].active;
    tellEvents();
}

} // namespace vivarium
