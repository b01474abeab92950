#include "vmm/devices/virtio/virtio_pci_transport.h"

#include "vmm/devices/pci/pci_registers.h"
#include "vmm/devices/virtio/virtio_registers.h"

#include <array>
#include <cassert>
#include <utility>

namespace vivarium {

using namespace virtio;

namespace {

constexpr uint64_t kTransportFeatures = kFeatureIndirect | kFeatureEventIndex | kFeatureVersion1;
constexpr uint8_t kDriverStatusBits =
    kStatusAcknowledge | kStatusDriver | kStatusDriverOk | kStatusFeaturesOk | kStatusFailed;

PciIdentity identityOf(VirtioType type, uint32_t classCode) {
    // Revision 1 and up: no legacy interface (virtio 1.2, 4.1.2.1).
    return {.vendorId = kPciVendor,
            .deviceId = static_cast<uint16_t>(kPciDeviceBase + static_cast<uint16_t>(type)),
            .classCode = classCode,
            .revision = 1,
            .interruptPin = 1};
}

} // namespace

// --- Construction ---------------------------------------------------------------------------

Result<std::unique_ptr<VirtioPciTransport>>
VirtioPciTransport::create(Options options, Services services, const MakeDevice& makeDevice) {
    std::unique_ptr<VirtioPciTransport> transport(new VirtioPciTransport(options, services));
    VirtioPciTransport* raw = transport.get();
    raw->m_device = makeDevice(*raw);
    if (services.doorbells)
        for (unsigned i = 0; i < raw->m_queues.size(); ++i)
            raw->m_queues[i].doorbell =
                TRY(services.doorbells->create([raw, i] { raw->notify(i); }));
    raw->reset();
    return transport;
}

VirtioPciTransport::VirtioPciTransport(const Options& options, Services services)
    : PciDevice(options.name, options.address, identityOf(options.type, options.classCode),
                services.pci),
      m_services(services) {
    for (uint16_t size : options.queueSizes)
        m_queues.push_back(
            {std::make_unique<Virtqueue>(services.memory, size), kNoVector, nullptr});
    assert(m_queues.size() * kNotifyMultiplier <= kStructureBytes);
    declareCapabilities();
}

VirtioPciTransport::~VirtioPciTransport() = default;

void VirtioPciTransport::declareCapabilities() {
    addBar(
        kRegisterBar, BarKind::Memory32, kRegisterBarBytes,
        ioHandler<&VirtioPciTransport::readRegisters, &VirtioPciTransport::writeRegisters>(this));
    addMsixCapability(static_cast<uint16_t>(m_queues.size() + 1), kMsixBar);
    auto declare = [this](uint8_t type, uint64_t offset, uint64_t length, uint8_t extraBytes) {
        auto bytes = static_cast<uint8_t>(kCapBytes + extraBytes);
        uint8_t at = addCapability(kPciCapabilityVendor, bytes);
        setConfig8(static_cast<uint16_t>(at + 2), bytes);
        setConfig8(static_cast<uint16_t>(at + kCapType), type);
        setConfig8(static_cast<uint16_t>(at + kCapBar), kRegisterBar);
        setConfig32(static_cast<uint16_t>(at + kCapOffset), static_cast<uint32_t>(offset));
        setConfig32(static_cast<uint16_t>(at + kCapLength), static_cast<uint32_t>(length));
        return at;
    };
    declare(kCapCommon, kCommonOffset, kCommonBytes, 0);
    uint8_t notify = declare(kCapNotify, kNotifyOffset, m_queues.size() * kNotifyMultiplier, 4);
    setConfig32(static_cast<uint16_t>(notify + kCapExtra), kNotifyMultiplier);
    declare(kCapIsr, kIsrOffset, 1, 0);
    declare(kCapDevice, kDeviceOffset, kStructureBytes, 0);
    // A window for firmware that cannot reach the BAR (virtio 1.2, 4.1.4.9): writable.
    m_accessCapability = declare(kCapPciAccess, 0, 0, 4);
    setConfig8(static_cast<uint16_t>(m_accessCapability + kCapBar), 0, 0xFF);
    setConfig32(static_cast<uint16_t>(m_accessCapability + kCapOffset), 0, 0xFFFFFFFF);
    setConfig32(static_cast<uint16_t>(m_accessCapability + kCapLength), 0, 0xFFFFFFFF);
    setConfig32(static_cast<uint16_t>(m_accessCapability + kCapExtra), 0, 0xFFFFFFFF);
}

uint64_t VirtioPciTransport::offeredFeatures() const {
    return kTransportFeatures | m_device->features();
}

bool VirtioPciTransport::driverRunning() const {
    return (m_state.status & kStatusDriverOk) && !(m_state.status & kStatusNeedsReset) &&
           busMasterEnabled();
}

// --- Configuration space --------------------------------------------------------------------

bool VirtioPciTransport::touchesAccessData(uint16_t offset, unsigned sizeBytes) const {
    unsigned data = m_accessCapability + kCapExtra;
    return offset < data + 4u && data < offset + sizeBytes;
}

VirtioPciTransport::Window VirtioPciTransport::accessWindow() const {
    const uint8_t* capability = config() + m_accessCapability;
    auto offset = loadLe<uint32_t>(capability + kCapOffset);
    auto length = loadLe<uint32_t>(capability + kCapLength);
    bool usable = capability[kCapBar] == kRegisterBar &&
                  (length == 1 || length == 2 || length == 4) && offset % length == 0 &&
                  rangeFits(offset, length, kRegisterBarBytes);
    return {offset, usable ? length : 0};
}

uint32_t VirtioPciTransport::readConfig(uint16_t offset, unsigned sizeBytes) {
    if (touchesAccessData(offset, sizeBytes))
        if (Window window = accessWindow(); window.sizeBytes > 0)
            storeLe<uint32_t>(
                config() + m_accessCapability + kCapExtra,
                static_cast<uint32_t>(readRegisters(window.offset, window.sizeBytes)));
    return PciDevice::readConfig(offset, sizeBytes);
}

void VirtioPciTransport::writeConfig(uint16_t offset, unsigned sizeBytes, uint32_t value) {
    bool allowed = busMasterEnabled();
    PciDevice::writeConfig(offset, sizeBytes, value);
    if (touchesAccessData(offset, sizeBytes))
        if (Window window = accessWindow(); window.sizeBytes > 0)
            writeRegisters(window.offset, window.sizeBytes,
                           loadLe<uint32_t>(config() + m_accessCapability + kCapExtra) &
                               accessMask(window.sizeBytes));
    if (!allowed && busMasterEnabled())
        notifyAllQueues();
}

// --- Registers ------------------------------------------------------------------------------

uint64_t VirtioPciTransport::readRegisters(uint64_t offset, unsigned sizeBytes) {
    uint64_t within = offset % kStructureBytes;
    switch (offset - within) {
    case kCommonOffset:
        return readCommon(within, sizeBytes);
    case kIsrOffset: {
        if (within != 0)
            return 0;
        uint8_t isr = std::exchange(m_state.isr, uint8_t{0}); // reading clears (4.1.4.5)
        setIntx(false);
        return isr;
    }
    case kDeviceOffset: {
        std::vector<uint8_t> bytes = m_device->configuration();
        uint64_t value = 0;
        for (unsigned i = 0; i < sizeBytes && within + i < bytes.size(); ++i)
            value |= uint64_t{bytes[within + i]} << (8 * i);
        return value;
    }
    default:
        return 0;
    }
}

void VirtioPciTransport::writeRegisters(uint64_t offset, unsigned sizeBytes, uint64_t value) {
    uint64_t within = offset % kStructureBytes;
    switch (offset - within) {
    case kCommonOffset:
        return writeCommon(within, sizeBytes, value);
    case kDeviceOffset:
        if (sizeBytes <= 4 && within % sizeBytes == 0 &&
            rangeFits(within, sizeBytes, m_device->configuration().size()))
            m_device->writeConfiguration(static_cast<uint32_t>(within), sizeBytes,
                                         static_cast<uint32_t>(value));
        return;
    case kNotifyOffset:
        // The place names the queue, as queue_notify_off says (4.1.4.4).
        if (within % kNotifyMultiplier == 0 && within / kNotifyMultiplier < m_queues.size())
            notify(static_cast<unsigned>(within / kNotifyMultiplier));
        return;
    default:
        return;
    }
}

uint64_t VirtioPciTransport::readCommon(uint64_t offset, unsigned sizeBytes) const {
    std::array<uint8_t, kCommonBytes> bytes{};
    auto put16 = [&](uint32_t at, uint16_t value) { storeLe<uint16_t>(&bytes[at], value); };
    auto put32 = [&](uint32_t at, uint32_t value) { storeLe<uint32_t>(&bytes[at], value); };
    auto word = [](uint64_t features, uint32_t select) {
        return select < 2 ? static_cast<uint32_t>(features >> (32 * select)) : 0;
    };
    put32(kDeviceFeatureSelect, m_state.deviceFeatureSelect);
    put32(kDeviceFeature, word(offeredFeatures(), m_state.deviceFeatureSelect));
    put32(kDriverFeatureSelect, m_state.driverFeatureSelect);
    put32(kDriverFeature, word(m_state.driverFeatures, m_state.driverFeatureSelect));
    put16(kConfigVector, m_state.configVector);
    put16(kQueueCount, static_cast<uint16_t>(m_queues.size()));
    // Not 0 before the reset is complete (2.4.1).
    bytes[kDeviceStatus] = m_resetWaits ? kStatusNeedsReset : m_state.status;
    bytes[kConfigGeneration] = m_state.configGeneration;
    put16(kQueueSelect, m_state.queueSelect);
    if (m_state.queueSelect < m_queues.size()) {
        const Queue& queue = m_queues[m_state.queueSelect];
        put16(kQueueSize, queue.ring->size());
        put16(kQueueVector, queue.vector);
        put16(kQueueEnable, queue.ring->enabled() ? 1 : 0);
        put16(kQueueNotifyOffset, m_state.queueSelect);
        storeLe<uint64_t>(&bytes[kQueueDescriptors], queue.ring->descriptorArea());
        storeLe<uint64_t>(&bytes[kQueueDriver], queue.ring->driverArea());
        storeLe<uint64_t>(&bytes[kQueueDevice], queue.ring->deviceArea());
    } // else size 0: there is no such queue (4.1.4.3)
    uint64_t value = 0;
    for (unsigned i = 0; i < sizeBytes && offset + i < bytes.size(); ++i)
        value |= uint64_t{bytes[offset + i]} << (8 * i);
    return value;
}

void VirtioPciTransport::writeCommon(uint64_t offset, unsigned sizeBytes, uint64_t value) {
    // A driver that does not wait for its reset to complete does so here.
    finishReset();
    if (offset >= kQueueSize) {
        if (m_state.queueSelect < m_queues.size())
            writeQueueField(m_queues[m_state.queueSelect], offset, sizeBytes, value);
        return;
    }
    writeCommonField(offset, sizeBytes, value);
}

// Fields are written in their own width (4.1.3.1); anything else does nothing.
void VirtioPciTransport::writeCommonField(uint64_t offset, unsigned sizeBytes, uint64_t value) {
    if (offset == kDeviceFeatureSelect && sizeBytes == 4) {
        m_state.deviceFeatureSelect = static_cast<uint32_t>(value);
    } else if (offset == kDriverFeatureSelect && sizeBytes == 4) {
        m_state.driverFeatureSelect = static_cast<uint32_t>(value);
    } else if (offset == kDriverFeature && sizeBytes == 4) {
        // Final once FEATURES_OK is set (3.1.1).
        if (m_state.driverFeatureSelect >= 2 || m_state.status & kStatusFeaturesOk)
            return;
        unsigned shift = 32 * m_state.driverFeatureSelect;
        m_state.driverFeatures = (m_state.driverFeatures & ~(uint64_t{0xFFFFFFFF} << shift)) |
                                 (value & 0xFFFFFFFF) << shift;
    } else if (offset == kConfigVector && sizeBytes == 2) {
        m_state.configVector = checkedVector(value);
    } else if (offset == kDeviceStatus && sizeBytes == 1) {
        setStatus(static_cast<uint8_t>(value));
    } else if (offset == kQueueSelect && sizeBytes == 2) {
        m_state.queueSelect = static_cast<uint16_t>(value);
    }
}

void VirtioPciTransport::writeQueueField(Queue& queue, uint64_t offset, unsigned sizeBytes,
                                         uint64_t value) {
    if (offset == kQueueVector && sizeBytes == 2) {
        queue.vector = checkedVector(value);
        return;
    }
    if (m_state.status & kStatusDriverOk) // nothing changes under a running driver
        return;
    Virtqueue& ring = *queue.ring;
    if (offset == kQueueSize && sizeBytes == 2) {
        ring.setSize(static_cast<uint16_t>(value));
    } else if (offset == kQueueEnable && sizeBytes == 2) {
        if (value == 1) // 0 is not a driver's to write (4.1.4.3.2)
            ring.enable();
    } else if (offset >= kQueueDescriptors && offset < kCommonBytes && sizeBytes >= 4) {
        uint64_t field = offset & ~uint64_t{7};
        uint64_t area = field == kQueueDescriptors ? ring.descriptorArea()
                        : field == kQueueDriver    ? ring.driverArea()
                                                   : ring.deviceArea();
        if (offset % sizeBytes != 0)
            return;
        auto shift = static_cast<unsigned>(8 * (offset - field));
        uint64_t mask = accessMask(sizeBytes) << shift;
        area = (area & ~mask) | (value << shift & mask);
        if (field == kQueueDescriptors)
            ring.setDescriptorArea(area);
        else if (field == kQueueDriver)
            ring.setDriverArea(area);
        else
            ring.setDeviceArea(area);
    }
}

// A vector that does not exist reads back as none (4.1.5.1.2.1).
uint16_t VirtioPciTransport::checkedVector(uint64_t vector) const {
    return vector <= m_queues.size() ? static_cast<uint16_t>(vector) : kNoVector;
}

// --- The driver's life ----------------------------------------------------------------------

void VirtioPciTransport::setStatus(uint8_t value) {
    if (value == 0)
        return resetByDriver();
    uint8_t before = m_state.status;
    // Bits are only cleared by a reset (2.1.1).
    uint8_t status = before | (value & kDriverStatusBits);
    if (!(before & kStatusFeaturesOk) && status & kStatusFeaturesOk && !featuresAccepted())
        status &= static_cast<uint8_t>(~kStatusFeaturesOk); // 2.2.2
    if (!(status & kStatusFeaturesOk))
        status &= static_cast<uint8_t>(~kStatusDriverOk);
    m_state.status = status;
    if (before & kStatusDriverOk || !(status & kStatusDriverOk))
        return;
    for (Queue& queue : m_queues)
        queue.ring->setFeatures({(m_state.driverFeatures & kFeatureIndirect) != 0,
                                 (m_state.driverFeatures & kFeatureEventIndex) != 0});
    m_device->start(m_state.driverFeatures);
    placeDoorbells();
    notifyAllQueues();
}

bool VirtioPciTransport::featuresAccepted() const {
    return !(m_state.driverFeatures & ~offeredFeatures()) &&
           m_state.driverFeatures & kFeatureVersion1;
}

void VirtioPciTransport::resetByDriver() {
    m_resetWaits = m_device->beginReset() == VirtioDevice::ResetProgress::Waiting;
    forgetDriver();
}

void VirtioPciTransport::finishReset() {
    if (std::exchange(m_resetWaits, false))
        m_device->finishReset();
}

void VirtioPciTransport::resetFinished() {
    m_resetWaits = false;
}

void VirtioPciTransport::forgetDriver() {
    m_state = {};
    for (Queue& queue : m_queues) {
        queue.ring->reset();
        queue.vector = kNoVector;
    }
    setIntx(false);
    placeDoorbells();
}

void VirtioPciTransport::reset() {
    resetByDriver();
    finishReset();
    PciDevice::reset();
}

// --- Notifications --------------------------------------------------------------------------

void VirtioPciTransport::notify(unsigned queue) {
    if (driverRunning() && m_queues[queue].ring->enabled())
        m_device->queueNotified(queue);
}

void VirtioPciTransport::notifyAllQueues() {
    for (unsigned i = 0; i < m_queues.size(); ++i)
        notify(i);
}

void VirtioPciTransport::placeDoorbells() {
    auto bar = barAddress(kRegisterBar);
    for (size_t i = 0; i < m_queues.size(); ++i) {
        HostDoorbell* doorbell = m_queues[i].doorbell.get();
        if (!doorbell)
            continue;
        if (!bar || !(m_state.status & kStatusDriverOk) || !m_queues[i].ring->enabled()) {
            doorbell->place(std::nullopt);
            continue;
        }
        Doorbell place;
        place.address = *bar + kNotifyOffset + i * kNotifyMultiplier;
        place.sizeBytes = 2; // the width of a notification (4.1.5.2)
        doorbell->place(place);
    }
}

void VirtioPciTransport::interrupt(uint16_t vector, uint8_t isrBit) {
    if (msixEnabled()) {
        if (vector != kNoVector)
            sendMessage(vector);
        return;
    }
    m_state.isr |= isrBit;
    setIntx(true);
}

// --- What the device asks -------------------------------------------------------------------

std::optional<VirtioChain> VirtioPciTransport::take(unsigned queue) {
    if (!driverRunning())
        return std::nullopt;
    auto chain = m_queues[queue].ring->take();
    if (!chain) {
        needsReset(chain.error().detail);
        return std::nullopt;
    }
    return std::move(*chain);
}

std::optional<VirtioChain> VirtioPciTransport::takeAgain(unsigned queue, uint16_t head) {
    if (!driverRunning())
        return std::nullopt;
    auto chain = m_queues[queue].ring->readChain(head);
    if (!chain) {
        needsReset(chain.error().detail);
        return std::nullopt;
    }
    return std::move(*chain);
}

void VirtioPciTransport::giveBack(unsigned queue, std::span<const VirtioUsed> chains) {
    // Without bus mastering the rings are out of reach (PCI 3.0, 6.2.2).
    if (!(m_state.status & kStatusDriverOk) || !busMasterEnabled())
        return;
    Queue& target = m_queues[queue];
    target.ring->giveBack(chains);
    if (target.ring->takeInterruptWish())
        interrupt(target.vector, kIsrQueue);
}

void VirtioPciTransport::configurationChanged() {
    ++m_state.configGeneration;
    if (m_state.status & kStatusDriverOk)
        interrupt(m_state.configVector, kIsrConfig);
}

void VirtioPciTransport::needsReset(const std::string& reason) {
    if (m_complaints.allow())
        logWarning(std::string(name()), "the guest's driver must reset the device: " + reason);
    bool running = m_state.status & kStatusDriverOk;
    m_state.status |= kStatusNeedsReset;
    if (running) // 2.1.2
        interrupt(m_state.configVector, kIsrConfig);
}

// --- Save and restore -----------------------------------------------------------------------

void VirtioPciTransport::save(StateWriter& writer) const {
    PciDevice::save(writer);
    writer.fields(m_state.deviceFeatureSelect, m_state.driverFeatureSelect, m_state.driverFeatures,
                  m_state.configVector, m_state.queueSelect, m_state.status,
                  m_state.configGeneration, m_state.isr);
    for (const Queue& queue : m_queues) {
        writer.fields(queue.vector);
        queue.ring->save(writer);
    }
    m_device->save(writer);
}

Result<void> VirtioPciTransport::restore(StateReader& reader) {
    reset();
    auto result = restoreState(reader);
    if (!result)
        reset();
    return result;
}

Result<void> VirtioPciTransport::restoreState(StateReader& reader) {
    TRY(PciDevice::restore(reader));
    State state;
    TRY(reader.fields(state.deviceFeatureSelect, state.driverFeatureSelect, state.driverFeatures,
                      state.configVector, state.queueSelect, state.status, state.configGeneration,
                      state.isr));
    for (Queue& queue : m_queues) {
        TRY(reader.fields(queue.vector));
        if (queue.vector != kNoVector && queue.vector > m_queues.size())
            return fail(ErrorCode::Corrupt, "saved state: a virtqueue's vector does not exist");
        TRY(queue.ring->restore(reader));
    }
    m_state = state;
    bool accepted = state.status & kStatusFeaturesOk;
    if (state.status & ~(kDriverStatusBits | kStatusNeedsReset) ||
        state.isr & ~(kIsrQueue | kIsrConfig) ||
        (state.configVector != kNoVector && state.configVector > m_queues.size()) ||
        (accepted && !featuresAccepted()) || (state.status & kStatusDriverOk && !accepted))
        return fail(ErrorCode::Corrupt, "saved state: the virtio transport is malformed");
    if (state.status & kStatusDriverOk) {
        for (Queue& queue : m_queues)
            queue.ring->setFeatures({(state.driverFeatures & kFeatureIndirect) != 0,
                                     (state.driverFeatures & kFeatureEventIndex) != 0});
        m_device->start(state.driverFeatures);
    }
    TRY(m_device->restore(reader));
    placeDoorbells();
    return {};
}

} // namespace vivarium
