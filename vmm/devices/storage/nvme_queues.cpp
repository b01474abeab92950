// The queues of NvmeController: fetching commands, posting completions, interrupts and events.

#include "vmm/devices/storage/nvme_controller.h"

#include <atomic>
#include <utility>

namespace vivarium {

using namespace nvme;

namespace {

// One ring of a doorbell fetches at most this many commands before others get their turn.
constexpr unsigned kFetchesAtOnce = 64;
// And no more of one queue are worked on at a time.
constexpr unsigned kMaxActive = 256;

// Asynchronous event results (NVMe 1.4, 5.2): type, information << 8, log page << 16.
constexpr uint32_t kBadDoorbellResult = 0 | 0 << 8 | 1 << 16;
constexpr uint32_t kBadDoorbellValueResult = 0 | 1 << 8 | 1 << 16;
constexpr uint32_t kNamespaceResult = 2 | 0 << 8 | 4 << 16;

} // namespace

bool NvmeController::serving() const {
    return (m_state.status & kStatusReady) && busMasterEnabled();
}

// --- Submission -----------------------------------------------------------------------------

void NvmeController::ringDoorbell(uint32_t index, uint32_t value) {
    if (!(m_state.status & kStatusReady))
        return;
    const unsigned queue = index / 2;
    const bool completion = index % 2;
    if (queue >= kQueueCount ||
        (completion ? m_state.completion[queue].size : m_state.submission[queue].size) == 0)
        return raiseEvent(kEventBadDoorbell);
    if (!completion) {
        SubmissionQueue& submission = m_state.submission[queue];
        if (value >= submission.size)
            return raiseEvent(kEventBadDoorbellValue);
        submission.tail = value;
        return serve(queue);
    }
    CompletionQueue& target = m_state.completion[queue];
    // The head moves towards the tail, never past it (3.1.25).
    const uint32_t waiting = (target.tail + target.size - target.head) % target.size;
    const uint32_t moved = (value + target.size - target.head) % target.size;
    if (value >= target.size || moved > waiting)
        return raiseEvent(kEventBadDoorbellValue);
    target.head = value;
    updateInterrupt();
    if (moved == 0)
        return;
    for (unsigned i = 0; i < kQueueCount; ++i) // what waited for room
        if (m_state.submission[i].size != 0 && m_state.submission[i].completionQueue == queue)
            serve(i);
    if (queue == 0)
        tellEvents();
}

void NvmeController::serveAll() {
    for (unsigned queue = 0; queue < kQueueCount; ++queue)
        serve(queue);
    tellEvents();
}

// A completion is never waited for: a command is only fetched when its completion has a place.
bool NvmeController::roomForCompletion(unsigned completionQueue) const {
    const CompletionQueue& queue = m_state.completion[completionQueue];
    uint32_t taken = (queue.tail + queue.size - queue.head) % queue.size;
    for (unsigned i = 0; i < kQueueCount; ++i)
        if (m_state.submission[i].size != 0 &&
            m_state.submission[i].completionQueue == completionQueue)
            taken += m_load[i].active;
    return taken + 1 < queue.size;
}

void NvmeController::serve(unsigned queue) {
    for (unsigned fetched = 0; fetched < kFetchesAtOnce; ++fetched) {
        const SubmissionQueue& submission = m_state.submission[queue];
        if (!serving() || submission.size == 0 || submission.deleting ||
            submission.head == submission.tail)
            return;
        m_load[queue].limited =
            m_load[queue].active >= kMaxActive || !roomForCompletion(submission.completionQueue);
        if (m_load[queue].limited)
            return;
        fetch(queue);
    }
    continueLater(queue);
}

void NvmeController::continueLater(unsigned queue) {
    m_services.tasks.post([self = std::weak_ptr<NvmeController*>(m_self), queue] {
        if (auto controller = self.lock())
            (*controller)->serve(queue);
    });
}

void NvmeController::fetch(unsigned queue) {
    SubmissionQueue& submission = m_state.submission[queue];
    Active active;
    active.queue = static_cast<uint16_t>(queue);
    if (!m_services.memory.read(submission.base + uint64_t{submission.head} * kSubmissionEntryBytes,
                                active.command.bytes)) {
        m_state.status = kStatusFatal; // cannot be: it was created inside memory
        return;
    }
    submission.head = (submission.head + 1) % submission.size;
    ++m_load[queue].active;
    const uint64_t id = m_nextId++;
    m_active.emplace(id, active);
    begin(id);
}

void NvmeController::begin(uint64_t id) {
    const Active& active = m_active.at(id);
    const NvmeCommand command = active.command; // the entry may go while it runs
    if (command.flags() != 0) // neither fused operations nor scatter-gather lists (4.2)
        return complete(id, kInvalidField);
    if (active.queue == 0)
        runAdmin(id, command);
    else
        runIo(id, command);
}

// --- Completion -----------------------------------------------------------------------------

void NvmeController::complete(uint64_t id, Status status, uint32_t result) {
    auto node = m_active.extract(id);
    const Active& active = node.mapped();
    Load& load = m_load[active.queue];
    if (!active.heldEvent)
        --load.active;
    postCompletion(active.queue, active.command.id(), status, result);
    if (m_state.submission[active.queue].deleting && load.active == 0)
        return queueDrained(active.queue);
    if (load.limited)
        serve(active.queue);
}

void NvmeController::postCompletion(unsigned queue, uint16_t commandId, Status status,
                                    uint32_t result) {
    const SubmissionQueue& submission = m_state.submission[queue];
    CompletionQueue& target = m_state.completion[submission.completionQueue];
    auto view =
        busMasterEnabled()
            ? m_services.memory.view(target.base + uint64_t{target.tail} * kCompletionEntryBytes,
                                     kCompletionEntryBytes)
            : std::nullopt;
    if (!view)
        return; // out of reach (PCI 3.0, 6.2.2)
    uint8_t* entry = view->data();
    storeLe<uint32_t>(entry, result);
    storeLe<uint32_t>(entry + 4, 0);
    storeLe<uint32_t>(entry + 8, submission.head | queue << 16);
    m_services.memory.written();
    // The phase tag last: it shows the entry to the driver (4.6).
    const uint32_t last = commandId | static_cast<uint32_t>(status << 1 | (target.phase ? 1 : 0))
                                          << 16;
    std::atomic_ref<uint32_t>(*reinterpret_cast<uint32_t*>(entry + 12))
        .store(last, std::memory_order_release);
    target.tail = (target.tail + 1) % target.size;
    if (target.tail == 0)
        target.phase = !target.phase;
    if (!target.interrupts)
        return;
    if (msixEnabled())
        sendMessage(target.vector);
    else
        updateInterrupt();
}

// INTA# is high while an unmasked vector's queue holds completions (7.5.1).
void NvmeController::updateInterrupt() {
    bool level = false;
    for (const CompletionQueue& queue : m_state.completion)
        level |= queue.size != 0 && queue.interrupts && queue.head != queue.tail &&
                 !(m_state.interruptMask >> queue.vector & 1);
    setIntx(level);
}

// The last command of a queue that is being deleted is over; so is the deletion.
void NvmeController::queueDrained(unsigned queue) {
    m_state.submission[queue] = {};
    for (const auto& [id, active] : m_active)
        if (active.queue == 0 && active.begun &&
            active.command.opcode() == kDeleteSubmissionQueue &&
            (active.command.word(10) & 0xFFFF) == queue)
            return complete(id, kSuccess);
}

// --- Asynchronous events --------------------------------------------------------------------

void NvmeController::raiseEvent(Event event) {
    m_state.pendingEvents |= event;
    tellEvents();
}

// Tells every kind of event once, until the guest has read its log page (5.2).
void NvmeController::tellEvents() {
    for (uint8_t event : {kEventBadDoorbell, kEventBadDoorbellValue, kEventNamespaceChanged}) {
        if (!(m_state.pendingEvents & event) || m_state.toldEvents & event)
            continue;
        if (!serving() || !roomForCompletion(0))
            return;
        for (const auto& [id, active] : m_active) {
            if (!active.heldEvent)
                continue;
            m_state.pendingEvents &= static_cast<uint8_t>(~event);
            m_state.toldEvents |= event;
            complete(id, kSuccess,
                     event == kEventBadDoorbell        ? kBadDoorbellResult
                     : event == kEventBadDoorbellValue ? kBadDoorbellValueResult
                                                       : kNamespaceResult);
            break;
        }
    }
}

} // namespace vivarium
