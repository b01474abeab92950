#pragma once

#include "vmm/backends/network/test_support/fake_network_port.h"
#include "vmm/devices/virtio/net/virtio_net.h"
#include "vmm/devices/virtio/net/virtio_net_registers.h"
#include "vmm/devices/virtio/test_support/virtio_driver.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace vivarium::test {

// A machine with nothing but a network card, a small driver for it and a network that the test
// plays.
class NetDriver {
public:
    using Bytes = std::vector<uint8_t>;
    static constexpr PciAddress kSlot{24, 0};
    static constexpr MacAddress kOwn{{0x52, 0x54, 0x00, 0x12, 0x34, 0x56}};
    static constexpr MacAddress kOther{{0x52, 0x54, 0x00, 0xAB, 0xCD, 0xEF}};
    static constexpr MacAddress kBroadcast{{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}};
    static constexpr MacAddress kMulticast{{0x01, 0x00, 0x5E, 0x00, 0x00, 0xFB}};
    static constexpr uint64_t kAllFeatures =
        virtio_net::kFeatureMac | virtio_net::kFeatureMergedBuffers | virtio_net::kFeatureStatus |
        virtio_net::kFeatureControlQueue | virtio_net::kFeatureControlReceive |
        virtio_net::kFeatureAnnounce | virtio_net::kFeatureControlAddress;
    static constexpr uint16_t kSize = 16;
    static constexpr GuestAddress kReceive = VirtioDriver::kBuffer; // 4 KiB a buffer, round robin
    static constexpr GuestAddress kTransmit = VirtioDriver::kBuffer + 0x100000;
    static constexpr GuestAddress kCommand = VirtioDriver::kBuffer + 0x140000;
    static constexpr GuestAddress kAck = VirtioDriver::kBuffer + 0x160000;

    explicit NetDriver(MacAddress address = kOwn)
        : function(make(bench, router, port, address)), driver(bench, *function.transport) {}

    static VirtioNet::Function make(DeviceBench& bench, PciInterruptRouter& router,
                                    NetworkPort& port, MacAddress address) {
        return std::move(
            *VirtioNet::create(kSlot,
                               {{bench.ports, bench.memoryMap, bench.interrupts, router},
                                bench.memory,
                                bench.tasks,
                                nullptr,
                                port},
                               "net0", address));
    }
    void start(uint64_t features = kAllFeatures, uint16_t size = kSize) {
        driver.start(features, virtio_net::kQueueCount, size);
        m_buffers.clear();
    }
    // Another card in the place of this one, with nothing but its state; the machine is not
    // resumed.
    Result<void> replaceCard(MacAddress address, LinkState link = LinkState::Up) {
        const auto state = contract_detail::saveDevice(bench, *function.transport);
        function = {};
        port.setLink(link);
        function = make(bench, router, port, address);
        driver.moveTo(*function.transport);
        return contract_detail::restoreDevice(bench, *function.transport, state);
    }
    void resume() {
        bench.locked([&] { function.card->resume(); });
    }

    MacAddress address() {
        MacAddress address;
        for (uint32_t i = 0; i < 6; ++i)
            address.bytes[i] = static_cast<uint8_t>(driver.readDevice(virtio_net::kAddress + i, 1));
        return address;
    }
    uint64_t linkStatus() { return driver.readDevice(virtio_net::kStatus, 2); }

    // --- To the network ---
    // A frame of `sizeBytes` bytes that can be told from others of another `seed`.
    static Bytes frame(MacAddress destination, size_t sizeBytes = 60, uint8_t seed = 1) {
        Bytes bytes(sizeBytes);
        for (size_t i = 0; i < sizeBytes; ++i)
            bytes[i] = static_cast<uint8_t>(seed + 7 * i + i / 256);
        std::copy_n(destination.bytes.begin(), std::min<size_t>(6, sizeBytes), bytes.begin());
        return bytes;
    }
    void send(const Bytes& frame, const Bytes& header = Bytes(virtio_net::kHeaderBytes)) {
        driver.put(kTransmit, header);
        driver.put(kTransmit + header.size(), frame);
        driver.addChain(virtio_net::kTransmitQueue,
                        {{kTransmit, static_cast<uint32_t>(header.size() + frame.size())}}, {});
        driver.notify(virtio_net::kTransmitQueue);
    }

    // --- From the network ---
    void addBuffer(const std::vector<RingPiece>& pieces) {
        m_buffers[driver.addChain(virtio_net::kReceiveQueue, {}, pieces)] = pieces;
    }
    void addBuffers(unsigned count, uint32_t sizeBytes) {
        for (; count > 0; --count)
            addBuffer({{kReceive + 0x1000 * (m_nextBuffer++ % 256), sizeBytes}});
        driver.notify(virtio_net::kReceiveQueue);
    }
    void give(const Bytes& frame) {
        bench.locked([&] { port.give(frame); });
    }
    struct Packet {
        Bytes header, frame;
        std::vector<uint32_t> lengths; // of its buffers
    };
    // The packets that have come since the last call. What a broken card gives is cut short.
    std::vector<Packet> received() {
        std::vector<Packet> packets;
        const auto used = driver.takeUsed(virtio_net::kReceiveQueue);
        for (size_t at = 0; at < used.size();) {
            Packet packet;
            size_t buffers = 1;
            for (size_t i = 0; i < buffers && at < used.size(); ++i, ++at) {
                Bytes bytes = contents(used[at]);
                packet.lengths.push_back(used[at].length);
                if (i == 0 && bytes.size() >= virtio_net::kHeaderBytes) {
                    packet.header.assign(bytes.begin(), bytes.begin() + 12);
                    bytes.erase(bytes.begin(), bytes.begin() + 12);
                    buffers = loadLe<uint16_t>(&packet.header[virtio_net::kHeaderBufferCount]);
                }
                packet.frame.insert(packet.frame.end(), bytes.begin(), bytes.end());
            }
            packets.push_back(std::move(packet));
        }
        return packets;
    }
    // Whether a frame arrives, of which nothing is left.
    bool arrives(const Bytes& frame) {
        addBuffers(1, 2048);
        give(frame);
        const auto packets = received();
        if (packets.empty()) { // takes the buffer back by filling it
            give(NetDriver::frame(kBroadcast));
            received();
            return false;
        }
        return packets.size() == 1 && packets[0].frame == frame;
    }

    // --- Commands ---
    // The acknowledgement, or 0xFF when there is none.
    uint8_t command(uint8_t commandClass, uint8_t command, const Bytes& data) {
        Bytes bytes{commandClass, command};
        bytes.insert(bytes.end(), data.begin(), data.end());
        driver.put(kCommand, bytes);
        return run({{kCommand, static_cast<uint32_t>(bytes.size())}});
    }
    uint8_t run(const std::vector<RingPiece>& readable) {
        driver.putLe<uint8_t>(kAck, 0xFF);
        driver.addChain(virtio_net::kControlQueue, readable, {{kAck, 1}});
        driver.notify(virtio_net::kControlQueue);
        const auto used = driver.takeUsed(virtio_net::kControlQueue);
        return used.size() == 1 && used[0].length == 1 ? driver.getLe<uint8_t>(kAck) : 0xFF;
    }
    static Bytes table(const std::vector<MacAddress>& unicast,
                       const std::vector<MacAddress>& multicast) {
        Bytes bytes;
        for (const auto* list : {&unicast, &multicast}) {
            const size_t at = bytes.size();
            bytes.resize(at + 4);
            storeLe<uint32_t>(&bytes[at], static_cast<uint32_t>(list->size()));
            for (const MacAddress& address : *list)
                bytes.insert(bytes.end(), address.bytes.begin(), address.bytes.end());
        }
        return bytes;
    }
    static Bytes bytesOf(MacAddress address) {
        return {address.bytes.begin(), address.bytes.end()};
    }

    DeviceBench bench;
    RecordingInterruptRouter router;
    FakeNetworkPort port;
    VirtioNet::Function function;
    VirtioDriver driver;

private:
    Bytes contents(const UsedElement& used) {
        Bytes bytes;
        for (const RingPiece& piece : m_buffers[static_cast<uint16_t>(used.head)]) {
            const auto left = static_cast<uint32_t>(used.length - bytes.size());
            const Bytes part = driver.get(piece.address, std::min(piece.length, left));
            bytes.insert(bytes.end(), part.begin(), part.end());
        }
        return bytes;
    }

    std::map<uint16_t, std::vector<RingPiece>> m_buffers; // by head
    unsigned m_nextBuffer = 0;
};

} // namespace vivarium::test
