#pragma once

#include "vmm/base/mac_address.h"
#include "vmm/base/result.h"
#include "vmm/snapshot/state_reader.h"
#include "vmm/snapshot/state_writer.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <sys/uio.h>

namespace vivarium {

// Which frames a driver wants besides those for its own address and broadcasts (virtio 1.2,
// 5.1.6.5.1 and 5.1.6.5.2). A value: a new one is the filter after a reset. Owner: VirtioNet.
class ReceiveFilter {
public:
    // Of each list; with more of them the driver gets all frames of that kind, which it must expect
    // (5.1.6.5.2, footnote).
    static constexpr size_t kMaxAddresses = 64;

    void setPromiscuous(bool on) { m_promiscuous = on; }
    void setAllMulticast(bool on) { m_allMulticast = on; }
    // The two lists of VIRTIO_NET_CTRL_MAC_TABLE_SET, which are `sizeBytes` bytes of `command` from
    // `offset` on, to the end. False, and nothing changes, when they are malformed.
    [[nodiscard]] bool setTable(std::span<const iovec> command, uint64_t offset,
                                uint64_t sizeBytes);

    bool accepts(const MacAddress& destination) const;

    void save(StateWriter& writer) const;
    // Error: Corrupt.
    Result<void> restore(StateReader& reader);

private:
    struct List {
        bool all = false; // too many to remember
        std::vector<MacAddress> addresses;

        bool contains(const MacAddress& address) const;
        void save(StateWriter& writer) const;
        Result<void> restore(StateReader& reader);
    };
    static std::optional<List> readList(std::span<const iovec> command, uint64_t& offset,
                                        uint64_t end);

    bool m_promiscuous = false;
    bool m_allMulticast = false;
    List m_unicast;
    List m_multicast;
};

} // namespace vivarium
