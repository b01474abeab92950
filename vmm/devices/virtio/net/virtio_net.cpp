#include "vmm/devices/virtio/net/virtio_net.h"

#include "vmm/devices/virtio/net/virtio_net_registers.h"
#include "vmm/memory/memory_pieces.h"

#include <algorithm>
#include <array>
#include <utility>

namespace vivarium {

using namespace virtio_net;
using Delivery = NetworkPort::Delivery;

namespace {

constexpr uint32_t kClassEthernet = 0x020000; // PCI 3.0, D.3
constexpr size_t kEthernetHeaderBytes = 14;   // IEEE 802.3-2018, 3.1.1: addresses, length or type

} // namespace

// --- Construction ---------------------------------------------------------------------------

Result<VirtioNet::Function> VirtioNet::create(PciAddress place, Services services, std::string name,
                                              MacAddress address) {
    if (!address.isIndividual())
        return fail(ErrorCode::InvalidArgument,
                    name + ": no network card can have the address " + address.text());
    VirtioPciTransport::Options options;
    options.name = std::move(name);
    options.address = place;
    options.type = VirtioType::Network;
    options.classCode = kClassEthernet;
    options.queueSizes = {kQueueSize, kQueueSize, kControlQueueSize};
    Function function{};
    function.transport = TRY(VirtioPciTransport::create(
        std::move(options), {services.pci, services.memory, services.doorbells},
        [&](VirtioHost& host) {
            std::unique_ptr<VirtioNet> device(new VirtioNet(host, services, address));
            function.card = device.get();
            return device;
        }));
    return function;
}

VirtioNet::VirtioNet(VirtioHost& host, Services services, MacAddress address)
    : m_host(host), m_tasks(services.tasks), m_port(services.port), m_address(address),
      m_state(freshState()), m_self(std::make_shared<VirtioNet*>(this)) {
    m_port.setCard(this);
}

VirtioNet::~VirtioNet() {
    m_port.setCard(nullptr);
}

VirtioNet::State VirtioNet::freshState() const {
    State state;
    state.driverAddress = m_address;
    state.linkUp = m_port.link() == LinkState::Up;
    return state;
}

// --- Configuration --------------------------------------------------------------------------

uint64_t VirtioNet::features() const {
    return kFeatureMac | kFeatureMergedBuffers | kFeatureStatus | kFeatureControlQueue |
           kFeatureControlReceive | kFeatureAnnounce | kFeatureControlAddress;
}

std::vector<uint8_t> VirtioNet::configuration() const {
    std::vector<uint8_t> bytes(kConfigBytes);
    std::copy(address().bytes.begin(), address().bytes.end(), bytes.begin() + kAddress);
    storeLe<uint16_t>(&bytes[kStatus],
                      static_cast<uint16_t>((m_state.linkUp ? kStatusLinkUp : 0) |
                                            (m_state.announce ? kStatusAnnounce : 0)));
    return bytes;
}

void VirtioNet::start(uint64_t features) {
    m_state.features = features;
    m_state.driverAddress = m_address;
}

// --- What the driver asks -------------------------------------------------------------------

void VirtioNet::queueNotified(unsigned queue) {
    switch (queue) {
    case kReceiveQueue:
        if (std::exchange(m_portWaits, false))
            m_port.roomMade();
        return;
    case kTransmitQueue:
        return serve(queue, &VirtioNet::transmit);
    case kControlQueue: // only exists for those who know it (5.1.2)
        if (has(kFeatureControlQueue))
            serve(queue, &VirtioNet::control);
        return;
    default:
        return;
    }
}

// At most a queue's worth of chains; the driver adds them as fast as they are served.
void VirtioNet::serve(unsigned queue, void (VirtioNet::*chainTaken)(const VirtioChain& chain)) {
    for (unsigned left = m_host.queueSize(queue); left > 0; --left) {
        auto chain = m_host.take(queue);
        if (!chain)
            return;
        (this->*chainTaken)(*chain);
    }
    m_tasks.post([self = std::weak_ptr<VirtioNet*>(m_self), queue] {
        if (auto card = self.lock())
            (*card)->queueNotified(queue);
    });
}

void VirtioNet::transmit(const VirtioChain& chain) {
    if (chain.readableBytes < kHeaderBytes || chain.readableBytes > kHeaderBytes + kMaxSentBytes)
        return m_host.needsReset("a packet has no header or is too long");
    std::array<uint8_t, kHeaderBytes> header{};
    readPieces(chain.readable, 0, header);
    // Flags that were not negotiated are ignored (5.1.6.2.2). What would have to be cut into
    // several frames was not negotiated either, and cannot be sent as it is.
    if (header[kHeaderGsoType] == kGsoNone &&
        chain.readableBytes >= kHeaderBytes + kEthernetHeaderBytes)
        m_port.send(piecesFrom(chain.readable, kHeaderBytes));
    m_host.giveBack(kTransmitQueue, chain.head, 0);
}

// --- Commands -------------------------------------------------------------------------------

void VirtioNet::control(const VirtioChain& chain) {
    if (chain.readableBytes < kCommandBytes || chain.writableBytes < 1)
        return m_host.needsReset("a command has no class or no place for its acknowledgement");
    // Obeyed before the driver gets it back (5.1.6.5.2.1, 5.1.6.5.4.2).
    const uint8_t ack = obey(chain) ? kAckOk : kAckError;
    writePieces(chain.writable, 0, {&ack, 1});
    m_host.giveBack(kControlQueue, chain.head, 1);
}

// Whether the command is one of those that the driver negotiated, and well formed.
bool VirtioNet::obey(const VirtioChain& chain) {
    std::array<uint8_t, kCommandBytes> code{};
    readPieces(chain.readable, 0, code);
    const auto [commandClass, command] = code;
    switch (commandClass) {
    case kClassReceive:
        return has(kFeatureControlReceive) && setReceiveMode(command, chain);
    case kClassAddress:
        if (command == kAddressTableSet)
            return has(kFeatureControlReceive) &&
                   m_state.filter.setTable(chain.readable, kCommandBytes,
                                           chain.readableBytes - kCommandBytes);
        // The text grants it to those with the receive commands, too (5.1.6.5.2.2).
        return command == kAddressSet && has(kFeatureControlAddress | kFeatureControlReceive) &&
               setAddress(chain);
    case kClassAnnounce:
        return command == kAnnounceAcknowledge && has(kFeatureAnnounce) &&
               chain.readableBytes == kCommandBytes && acknowledgeAnnouncement();
    default:
        return false;
    }
}

bool VirtioNet::setReceiveMode(uint8_t command, const VirtioChain& chain) {
    uint8_t value = 0;
    if (chain.readableBytes != kCommandBytes + 1 ||
        readPieces(chain.readable, kCommandBytes, {&value, 1}) != 1 || value > 1)
        return false;
    if (command == kReceivePromiscuous)
        m_state.filter.setPromiscuous(value != 0);
    else if (command == kReceiveAllMulticast)
        m_state.filter.setAllMulticast(value != 0);
    else
        return false;
    return true;
}

bool VirtioNet::setAddress(const VirtioChain& chain) {
    MacAddress wanted;
    if (chain.readableBytes != kCommandBytes + wanted.bytes.size())
        return false;
    readPieces(chain.readable, kCommandBytes, wanted.bytes);
    if (!wanted.isIndividual())
        return false;
    const bool changes = wanted != address();
    m_state.driverAddress = wanted;
    m_state.driverSetAddress = true;
    tellNews(changes ? Changed::Yes : Changed::No);
    return true;
}

bool VirtioNet::acknowledgeAnnouncement() {
    const bool changes = std::exchange(m_state.announce, false);
    tellNews(changes ? Changed::Yes : Changed::No);
    return true;
}

// --- What the network brings ----------------------------------------------------------------

bool VirtioNet::wanted(ConstByteSpan frame) const {
    if (m_state.features == 0 || frame.size() < kEthernetHeaderBytes ||
        frame.size() > kMaxReceivedBytes)
        return false;
    // Who cannot say what it wants, nor which address it goes by, gets everything.
    if (!has(kFeatureControlReceive))
        return true;
    MacAddress destination;
    std::copy_n(frame.begin(), destination.bytes.size(), destination.bytes.begin());
    return destination == address() || destination == m_state.driverAddress ||
           m_state.filter.accepts(destination);
}

Delivery VirtioNet::receive(ConstByteSpan frame) {
    if (!wanted(frame))
        return Delivery::Done;
    // As many buffers as it takes with merging, else one (5.1.6.3.2).
    const bool merges = has(kFeatureMergedBuffers);
    const uint64_t neededBytes = kHeaderBytes + frame.size();
    std::vector<VirtioChain> buffers;
    uint64_t roomBytes = 0;
    while (roomBytes < neededBytes && (merges || buffers.empty())) {
        auto buffer = m_host.take(kReceiveQueue);
        if (!buffer) {
            m_host.untake(kReceiveQueue, static_cast<uint16_t>(buffers.size()));
            m_portWaits = true;
            return Delivery::NoRoom;
        }
        if (buffer->writableBytes < kHeaderBytes) { // 5.1.6.3.1
            m_host.needsReset("a receive buffer has no room for the header");
            return Delivery::Done;
        }
        roomBytes += buffer->writableBytes;
        buffers.push_back(std::move(*buffer));
    }
    if (roomBytes < neededBytes)
        m_host.untake(kReceiveQueue, 1); // it may do for a shorter one
    else
        deliver(frame, buffers);
    return Delivery::Done;
}

void VirtioNet::deliver(ConstByteSpan frame, const std::vector<VirtioChain>& buffers) {
    // No flags, no segmentation; how many buffers, which is 1 without merging (5.1.6.4.1).
    std::array<uint8_t, kHeaderBytes> header{};
    storeLe<uint16_t>(&header[kHeaderBufferCount], static_cast<uint16_t>(buffers.size()));
    writePieces(buffers.front().writable, 0, header);
    std::vector<VirtioUsed> used;
    uint64_t offset = header.size();
    for (const VirtioChain& buffer : buffers) {
        const uint64_t part = writePieces(buffer.writable, offset, frame);
        used.push_back({buffer.head, static_cast<uint32_t>(offset + part)});
        frame = frame.subspan(part);
        offset = 0;
    }
    m_host.giveBack(kReceiveQueue, used);
}

void VirtioNet::linkChanged() {
    tellNews(Changed::No);
}

void VirtioNet::tellNews(Changed changed) {
    const bool linkUp = m_port.link() == LinkState::Up;
    if (std::exchange(m_state.linkUp, linkUp) != linkUp)
        changed = Changed::Yes;
    if (linkUp && std::exchange(m_announcementOwed, false)) { // 5.1.6.5.4
        m_state.announce = true;
        changed = Changed::Yes;
    }
    if (changed == Changed::Yes)
        m_host.configurationChanged();
}

// --- The machine's calls --------------------------------------------------------------------

void VirtioNet::resume() {
    Changed changed = Changed::No;
    if (std::exchange(m_restored, false)) {
        m_announcementOwed = has(kFeatureAnnounce);
        if (address() != m_state.driverAddress)
            changed = Changed::Yes;
    }
    tellNews(changed);
    for (unsigned queue = 0; queue < kQueueCount; ++queue)
        queueNotified(queue);
}

// --- Reset, save, restore -------------------------------------------------------------------

VirtioDevice::ResetProgress VirtioNet::beginReset() {
    m_state = freshState();
    m_restored = false;
    m_announcementOwed = false;
    // Nobody receives: the card drops what the port has kept.
    if (std::exchange(m_portWaits, false))
        m_port.roomMade();
    return ResetProgress::Finished;
}

void VirtioNet::save(StateWriter& writer) const {
    writer.fields(m_state.driverAddress.bytes, m_state.driverSetAddress, m_state.linkUp,
                  m_state.announce);
    m_state.filter.save(writer);
}

Result<void> VirtioNet::restore(StateReader& reader) {
    TRY(reader.fields(m_state.driverAddress.bytes, m_state.driverSetAddress, m_state.linkUp,
                      m_state.announce));
    if (!m_state.driverAddress.isIndividual())
        return fail(ErrorCode::Corrupt, "saved state: a network card's address is malformed");
    TRY(m_state.filter.restore(reader));
    m_restored = true;
    return {};
}

} // namespace vivarium
