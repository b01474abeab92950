#include "vmm/devices/storage/nvme_prp.h"

#include <algorithm>

namespace vivarium {

using namespace nvme;

namespace {

constexpr uint64_t kEntryBytes = 8;

// Adds one region; false when it is not RAM.
bool append(const GuestMemory& memory, GuestBuffers& buffers, uint64_t address, uint64_t length) {
    auto view = memory.view(address, length);
    if (!view)
        return false;
    iovec* last = buffers.pieces.empty() ? nullptr : &buffers.pieces.back();
    if (last && static_cast<uint8_t*>(last->iov_base) + last->iov_len == view->data())
        last->iov_len += length;
    else
        buffers.pieces.push_back({view->data(), length});
    buffers.sizeBytes += length;
    return true;
}

} // namespace

NvmeData mapPrps(const GuestMemory& memory, const NvmeCommand& command, uint64_t lengthBytes) {
    auto refuse = [](Status status) { return NvmeData{status, {}}; };
    NvmeData data;
    // The first page may begin anywhere, in doublewords; all others at their beginning.
    uint64_t first = command.prp1();
    if (first % 4 != 0)
        return refuse(kPrpOffsetInvalid);
    uint64_t part = std::min(lengthBytes, kPageBytes - first % kPageBytes);
    if (!append(memory, data.buffers, first, part))
        return refuse(kDataTransferError);
    uint64_t left = lengthBytes - part;
    if (left == 0)
        return data;
    uint64_t second = command.prp2();
    if (left <= kPageBytes) {
        if (second % kPageBytes != 0)
            return refuse(kPrpOffsetInvalid);
        if (!append(memory, data.buffers, second, left))
            return refuse(kDataTransferError);
        return data;
    }
    // A list; the last entry of a page points to the next page of it while there is more to come.
    if (second % kEntryBytes != 0)
        return refuse(kPrpOffsetInvalid);
    uint64_t list = second;
    while (left > 0) {
        uint64_t slots = (kPageBytes - list % kPageBytes) / kEntryBytes;
        uint64_t wanted = (left + kPageBytes - 1) / kPageBytes;
        bool chained = wanted > slots;
        uint64_t count = std::min(wanted, slots);
        std::vector<uint8_t> entries(count * kEntryBytes);
        if (!memory.read(list, entries))
            return refuse(kDataTransferError);
        for (uint64_t i = 0; i < count; ++i) {
            auto address = loadLe<uint64_t>(&entries[i * kEntryBytes]);
            if (address % kPageBytes != 0)
                return refuse(kPrpOffsetInvalid);
            if (chained && i + 1 == count) {
                list = address;
                break;
            }
            part = std::min(left, kPageBytes);
            if (!append(memory, data.buffers, address, part))
                return refuse(kDataTransferError);
            left -= part;
        }
    }
    return data;
}

} // namespace vivarium
