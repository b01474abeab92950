#include "vmm/devices/virtio/virtqueue.h"

#include <atomic>
#include <bit>
#include <cassert>
#include <utility>

namespace vivarium {

namespace {

// Descriptor flags (virtio 1.2, 2.7.5).
constexpr uint16_t kNext = 1;
constexpr uint16_t kWrite = 2;
constexpr uint16_t kIndirect = 4;

// Layout of the rings (virtio 1.2, 2.7.6 and 2.7.8): flags, index, ring, event index.
constexpr uint64_t kDescriptorBytes = 16;
constexpr uint64_t kRingHeaderBytes = 4;
constexpr uint64_t kIndexOffset = 2;
constexpr uint64_t kUsedElementBytes = 8;
constexpr uint16_t kNoInterrupt = 1; // flag of the available ring

// Alignment that the driver owes (virtio 1.2, 2.7), which the atomic accesses below rely on.
constexpr uint64_t kDescriptorAlignment = 16;
constexpr uint64_t kDriverAlignment = 2;
constexpr uint64_t kDeviceAlignment = 4;

std::atomic_ref<uint16_t> shared(uint8_t* at) {
    return std::atomic_ref<uint16_t>(*reinterpret_cast<uint16_t*>(at));
}

uint64_t driverAreaBytes(uint16_t size) {
    return kRingHeaderBytes + 2 * uint64_t{size} + 2;
}

uint64_t deviceAreaBytes(uint16_t size) {
    return kRingHeaderBytes + kUsedElementBytes * size + 2;
}

} // namespace

Virtqueue::Virtqueue(const GuestMemory& memory, uint16_t maxSize)
    : m_memory(memory), m_maxSize(maxSize) {
    assert(std::has_single_bit(maxSize) && maxSize <= 32768);
    reset();
}

// --- Configuration --------------------------------------------------------------------------

void Virtqueue::reset() {
    m_state = {};
    m_state.size = m_maxSize;
    m_features = {};
    m_descriptors = m_driver = m_device = nullptr;
}

void Virtqueue::setSize(uint16_t size) {
    if (!m_state.enabled && std::has_single_bit(size) && size <= m_maxSize)
        m_state.size = size;
}

void Virtqueue::setArea(uint64_t& area, uint64_t address) {
    if (!m_state.enabled)
        area = address;
}

bool Virtqueue::mapAreas() {
    auto map = [&](uint64_t address, uint64_t length, uint64_t alignment) -> uint8_t* {
        auto view = m_memory.view(address, length);
        return view && address % alignment == 0 ? view->data() : nullptr;
    };
    m_descriptors =
        map(m_state.descriptorArea, kDescriptorBytes * m_state.size, kDescriptorAlignment);
    m_driver = map(m_state.driverArea, driverAreaBytes(m_state.size), kDriverAlignment);
    m_device = map(m_state.deviceArea, deviceAreaBytes(m_state.size), kDeviceAlignment);
    return m_descriptors && m_driver && m_device;
}

void Virtqueue::enable() {
    if (!m_state.enabled)
        m_state.enabled = mapAreas();
}

// --- Chains ---------------------------------------------------------------------------------

Result<std::optional<VirtioChain>> Virtqueue::take() {
    if (!m_state.enabled)
        return std::optional<VirtioChain>();
    uint16_t available = shared(m_driver + kIndexOffset).load(std::memory_order_acquire);
    if (available == m_state.nextAvailable) {
        if (!m_features.eventIndex)
            return std::optional<VirtioChain>();
        // The driver notifies when it passes this index (virtio 1.2, 2.7.10). It may have added
        // buffers before it could see the new value: look again after both sides' barriers.
        shared(m_device + deviceAreaBytes(m_state.size) - 2)
            .store(m_state.nextAvailable, std::memory_order_relaxed);
        std::atomic_thread_fence(std::memory_order_seq_cst);
        available = shared(m_driver + kIndexOffset).load(std::memory_order_acquire);
        if (available == m_state.nextAvailable)
            return std::optional<VirtioChain>();
    }
    if (static_cast<uint16_t>(available - m_state.nextAvailable) > m_state.size)
        return fail(ErrorCode::Corrupt, "more buffers are available than the queue has");
    uint16_t slot = m_state.nextAvailable & (m_state.size - 1);
    uint16_t head = shared(m_driver + kRingHeaderBytes + 2 * slot).load(std::memory_order_relaxed);
    VirtioChain chain = TRY(readChain(head));
    ++m_state.nextAvailable;
    return std::optional(std::move(chain));
}

Result<VirtioChain> Virtqueue::readChain(uint16_t head) const {
    if (!m_state.enabled || head >= m_state.size)
        return fail(ErrorCode::Corrupt, "a chain begins outside the queue");
    VirtioChain chain;
    chain.head = head;
    TRY(readTable(m_descriptors, m_state.size, head, chain));
    return chain;
}

// Walks one table from descriptor `first` and appends what it finds. At most as many descriptors as
// the queue has: a chain is never longer (virtio 1.2, 2.7.5.3.1), so a loop ends there.
Result<void> Virtqueue::readTable(const uint8_t* table, uint32_t tableSize, uint32_t first,
                                  VirtioChain& chain) const {
    uint32_t index = first;
    for (uint32_t count = 0; count < m_state.size; ++count) {
        if (index >= tableSize)
            return fail(ErrorCode::Corrupt, "a descriptor follows outside its table");
        Descriptor descriptor;
        std::memcpy(&descriptor, table + index * kDescriptorBytes, sizeof descriptor);
        if (descriptor.flags & kIndirect) {
            // Only in the queue's own table, at the end of a chain (virtio 1.2, 2.7.5.3.1).
            if (!m_features.indirectDescriptors || table != m_descriptors ||
                descriptor.flags & kNext || descriptor.length == 0 ||
                descriptor.length % kDescriptorBytes != 0 ||
                descriptor.length / kDescriptorBytes > m_state.size)
                return fail(ErrorCode::Corrupt, "an indirect descriptor is malformed");
            auto view = m_memory.view(descriptor.address, descriptor.length);
            if (!view)
                return fail(ErrorCode::Corrupt, "an indirect table is not in memory");
            auto entries = static_cast<uint32_t>(descriptor.length / kDescriptorBytes);
            return readTable(view->data(), entries, 0, chain);
        }
        TRY(append(chain, descriptor));
        if (!(descriptor.flags & kNext))
            return {};
        index = descriptor.next;
    }
    return fail(ErrorCode::Corrupt, "a chain is longer than its queue");
}

Result<void> Virtqueue::append(VirtioChain& chain, const Descriptor& descriptor) const {
    bool write = descriptor.flags & kWrite;
    // Readable descriptors come first (virtio 1.2, 2.7.4.2).
    if (!write && !chain.writable.empty())
        return fail(ErrorCode::Corrupt, "a readable descriptor follows a writable one");
    if (descriptor.length == 0)
        return {};
    auto view = m_memory.view(descriptor.address, descriptor.length);
    if (!view)
        return fail(ErrorCode::Corrupt, "a buffer is not in memory");
    auto& pieces = write ? chain.writable : chain.readable;
    pieces.push_back({view->data(), view->size()});
    (write ? chain.writableBytes : chain.readableBytes) += descriptor.length;
    return {};
}

// No more chains can be outstanding than the ring has entries (virtio 1.2, 2.7.6), so the driver
// has not put others over these.
void Virtqueue::untake(uint16_t count) {
    m_state.nextAvailable = static_cast<uint16_t>(m_state.nextAvailable - count);
}

void Virtqueue::giveBack(std::span<const VirtioUsed> chains) {
    if (!m_state.enabled)
        return;
    for (const VirtioUsed& chain : chains) {
        uint16_t slot = m_state.nextUsed & (m_state.size - 1);
        uint8_t* element = m_device + kRingHeaderBytes + kUsedElementBytes * slot;
        storeLe<uint32_t>(element, chain.head);
        storeLe<uint32_t>(element + 4, chain.writtenBytes);
        ++m_state.nextUsed;
    }
    m_memory.written();
    // The elements before the index that shows them (virtio 1.2, 2.7.8.2).
    shared(m_device + kIndexOffset).store(m_state.nextUsed, std::memory_order_release);
}

bool Virtqueue::takeInterruptWish() {
    if (!m_state.enabled)
        return false;
    // The driver writes its wish before it looks at the used index for the last time.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (!m_features.eventIndex)
        return !(shared(m_driver).load(std::memory_order_relaxed) & kNoInterrupt);
    uint16_t event =
        shared(m_driver + driverAreaBytes(m_state.size) - 2).load(std::memory_order_relaxed);
    uint16_t before = std::exchange(m_state.toldUsed, m_state.nextUsed);
    bool known = std::exchange(m_state.toldUsedValid, true);
    // The event index has been passed since the last time (virtio 1.2, 2.7.10).
    return !known || static_cast<uint16_t>(m_state.nextUsed - event - 1) <
                         static_cast<uint16_t>(m_state.nextUsed - before);
}

// --- Save and restore -----------------------------------------------------------------------

void Virtqueue::save(StateWriter& writer) const {
    writer.fields(m_state.size, m_state.enabled, m_state.descriptorArea, m_state.driverArea,
                  m_state.deviceArea, m_state.nextAvailable, m_state.nextUsed, m_state.toldUsed,
                  m_state.toldUsedValid);
}

Result<void> Virtqueue::restore(StateReader& reader) {
    State state;
    TRY(reader.fields(state.size, state.enabled, state.descriptorArea, state.driverArea,
                      state.deviceArea, state.nextAvailable, state.nextUsed, state.toldUsed,
                      state.toldUsedValid));
    if (!std::has_single_bit(state.size) || state.size > m_maxSize)
        return fail(ErrorCode::Corrupt, "saved state: a virtqueue's size is impossible");
    m_state = state;
    if (m_state.enabled && !mapAreas()) {
        reset();
        return fail(ErrorCode::Corrupt, "saved state: a virtqueue is not in memory");
    }
    return {};
}

} // namespace vivarium
