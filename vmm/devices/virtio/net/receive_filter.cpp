#include "vmm/devices/virtio/net/receive_filter.h"

#include "vmm/base/bytes.h"
#include "vmm/memory/memory_pieces.h"

#include <algorithm>
#include <array>
#include <utility>

namespace vivarium {

namespace {

constexpr uint64_t kAddressBytes = 6;
constexpr uint8_t kGroup = 0x01; // IEEE 802-2014, 8.2.2: I/G
constexpr MacAddress kBroadcast{{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}};

} // namespace

bool ReceiveFilter::accepts(const MacAddress& destination) const {
    if (m_promiscuous || destination == kBroadcast)
        return true;
    if (destination.bytes[0] & kGroup)
        return m_allMulticast || m_multicast.contains(destination);
    return m_unicast.contains(destination);
}

bool ReceiveFilter::setTable(std::span<const iovec> command, uint64_t offset, uint64_t sizeBytes) {
    const auto end = checkedAdd(offset, sizeBytes);
    if (!end)
        return false;
    auto unicast = readList(command, offset, *end);
    if (!unicast)
        return false;
    auto multicast = readList(command, offset, *end);
    if (!multicast || offset != *end)
        return false;
    m_unicast = std::move(*unicast);
    m_multicast = std::move(*multicast);
    return true;
}

// A number and that many addresses (5.1.6.5.2). Moves `offset` behind them.
std::optional<ReceiveFilter::List> ReceiveFilter::readList(std::span<const iovec> command,
                                                           uint64_t& offset, uint64_t end) {
    std::array<uint8_t, 4> count{};
    if (!rangeFits(offset, count.size(), end) || readPieces(command, offset, count) != count.size())
        return std::nullopt;
    offset += count.size();
    const uint64_t length = kAddressBytes * loadLe<uint32_t>(count.data());
    if (!rangeFits(offset, length, end))
        return std::nullopt;
    List list;
    list.all = length > kAddressBytes * kMaxAddresses;
    if (!list.all) {
        std::vector<uint8_t> bytes(length);
        readPieces(command, offset, bytes);
        for (size_t at = 0; at < bytes.size(); at += kAddressBytes) {
            MacAddress& address = list.addresses.emplace_back();
            std::copy_n(&bytes[at], kAddressBytes, address.bytes.begin());
        }
    }
    offset += length;
    return list;
}

bool ReceiveFilter::List::contains(const MacAddress& address) const {
    return all || std::find(addresses.begin(), addresses.end(), address) != addresses.end();
}

// --- Save and restore -----------------------------------------------------------------------

void ReceiveFilter::List::save(StateWriter& writer) const {
    writer.fields(all, static_cast<uint8_t>(addresses.size()));
    for (const MacAddress& address : addresses)
        writer.fields(address.bytes);
}

Result<void> ReceiveFilter::List::restore(StateReader& reader) {
    uint8_t count = 0;
    TRY(reader.fields(all, count));
    if (count > kMaxAddresses)
        return fail(ErrorCode::Corrupt, "saved state: a network card's filter is too long");
    addresses.assign(count, {});
    for (MacAddress& address : addresses)
        TRY(reader.fields(address.bytes));
    return {};
}

void ReceiveFilter::save(StateWriter& writer) const {
    writer.fields(m_promiscuous, m_allMulticast);
    m_unicast.save(writer);
    m_multicast.save(writer);
}

Result<void> ReceiveFilter::restore(StateReader& reader) {
    TRY(reader.fields(m_promiscuous, m_allMulticast));
    TRY(m_unicast.restore(reader));
    return m_multicast.restore(reader);
}

} // namespace vivarium
