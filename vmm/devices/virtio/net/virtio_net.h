#pragma once

#include "vmm/backends/network/network_port.h"
#include "vmm/base/mac_address.h"
#include "vmm/base/task_queue.h"
#include "vmm/devices/virtio/net/receive_filter.h"
#include "vmm/devices/virtio/virtio_device.h"
#include "vmm/devices/virtio/virtio_pci_transport.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace vivarium {

// A virtio network card (virtio 1.2, 5.1) with one queue each way and a control queue, without
// offloads. It keeps no frames: what the driver has no buffers for stays in the port. Owner: its
// VirtioPciTransport. Device lock.
class VirtioNet final : public VirtioDevice, private NetworkPort::Card {
public:
    static constexpr uint16_t kQueueSize = 256;
    static constexpr uint16_t kControlQueueSize = 64;
    // Without checksum; with one VLAN tag, which the 1514 bytes of 5.1.6.3 do not count.
    static constexpr size_t kMaxReceivedBytes = 1518;
    // A driver may choose a larger maximum for what it sends than it can receive.
    static constexpr uint64_t kMaxSentBytes = 65535 + 14;

    struct Services {
        PciServices pci;
        const GuestMemory& memory;
        TaskQueue& tasks;
        HostDoorbells* doorbells; // may be null
        NetworkPort& port;        // outlives the card
    };
    struct Function {
        std::unique_ptr<VirtioPciTransport> transport; // owns the card
        VirtioNet* card;
    };
    // A PCI function called `name` ("net0"). Errors: InvalidArgument (an address that no card can
    // have), the host's.
    static Result<Function> create(PciAddress place, Services services, std::string name,
                                   MacAddress address);
    ~VirtioNet() override;

    // The machine begins to run or goes on: looks for work in all queues, and tells the driver of a
    // restored machine what is not as it was.
    void resume();

    uint64_t features() const override;
    std::vector<uint8_t> configuration() const override;
    void start(uint64_t features) override;
    void queueNotified(unsigned queue) override;
    ResetProgress beginReset() override;
    void finishReset() override {} // nothing is ever under way
    void save(StateWriter& writer) const override;
    Result<void> restore(StateReader& reader) override;

private:
    struct State {
        uint64_t features = 0; // the driver's; the transport saves them. 0: none is running
        // What the driver goes by: the address that the card had when it started, or the one that
        // it set itself.
        MacAddress driverAddress;
        bool driverSetAddress = false;
        bool linkUp = false;   // as the driver was told
        bool announce = false; // the driver is asked to make itself known
        ReceiveFilter filter;
    };

    VirtioNet(VirtioHost& host, Services services, MacAddress address);
    State freshState() const;
    bool has(uint64_t feature) const { return (m_state.features & feature) != 0; }
    // That the card goes by.
    const MacAddress& address() const {
        return m_state.driverSetAddress ? m_state.driverAddress : m_address;
    }

    // NetworkPort::Card
    NetworkPort::Delivery receive(ConstByteSpan frame) override;
    void linkChanged() override;

    bool wanted(ConstByteSpan frame) const;
    void deliver(ConstByteSpan frame, const std::vector<VirtioChain>& buffers);
    void transmit(const VirtioChain& chain);
    void control(const VirtioChain& chain);
    bool obey(const VirtioChain& chain);
    bool setReceiveMode(uint8_t command, const VirtioChain& chain);
    bool setAddress(const VirtioChain& chain);
    bool acknowledgeAnnouncement();
    void serve(unsigned queue, void (VirtioNet::*chainTaken)(const VirtioChain& chain));
    // Takes over what is new and tells the driver if something is, or has `changed` before.
    enum class Changed { No, Yes };
    void tellNews(Changed changed);

    VirtioHost& m_host;
    TaskQueue& m_tasks;
    NetworkPort& m_port;
    const MacAddress m_address; // of the configuration, never of a saved state
    State m_state;
    bool m_portWaits = false;           // for buffers
    bool m_restored = false;            // and not resumed since
    bool m_announcementOwed = false;    // as soon as there is a link
    std::shared_ptr<VirtioNet*> m_self; // for posted tasks, which can outlive the card
};

} // namespace vivarium
