#include "vmm/devices/storage/nvme_identify.h"

#include "vmm/base/bytes.h"
#include "vmm/base/log.h"
#include "vmm/devices/storage/nvme_registers.h"

#include <algorithm>
#include <string_view>

namespace vivarium {

using namespace nvme;

namespace {

void putText(NvmePage& page, size_t at, size_t length, std::string_view text) {
    std::fill_n(&page[at], length, uint8_t{' '});
    std::copy_n(text.begin(), std::min(text.size(), length), &page[at]);
}

// A UUID of version 8 (RFC 9562, 5.8) made from the serial number: the same disk keeps it.
std::array<uint8_t, 16> uuidOf(const NvmeIdentity& identity) {
    std::array<uint8_t, 16> uuid{};
    for (unsigned half = 0; half < 2; ++half) {
        uint64_t hash = 0xCBF29CE484222325 + half; // FNV-1a
        for (char character : identity.serialNumber)
            hash = (hash ^ static_cast<uint8_t>(character)) * 0x100000001B3;
        storeBe<uint64_t>(&uuid[8 * half], hash);
    }
    uuid[6] = static_cast<uint8_t>((uuid[6] & 0x0F) | 0x80);
    uuid[8] = static_cast<uint8_t>((uuid[8] & 0x3F) | 0x80);
    return uuid;
}

} // namespace

NvmePage identifyNvmeController(const NvmeIdentity& identity) {
    NvmePage page{};
    auto put16 = [&](size_t at, uint16_t value) { storeLe<uint16_t>(&page[at], value); };
    auto put32 = [&](size_t at, uint32_t value) { storeLe<uint32_t>(&page[at], value); };
    put16(0, identity.pciVendor);
    put16(2, identity.subsystemVendor);
    putText(page, 4, 20, identity.serialNumber);
    putText(page, 24, 40, "Vivarium NVMe Disk");
    putText(page, 64, 8, "1.0");
    page[77] = kMaxTransferLog;
    put32(80, kVersion14);
    put32(92, kNvmeNamespaceNotice);
    page[111] = 1; // an I/O controller
    page[258] = kNvmeAbortLimit - 1;
    page[259] = kNvmeEventRequestLimit - 1;
    page[260] = 1 << 1 | 1; // one firmware slot, read-only
    put16(266, 343);        // warning and critical temperature, kelvin
    put16(268, 373);
    page[512] = kSubmissionEntryLog << 4 | kSubmissionEntryLog;
    page[513] = kCompletionEntryLog << 4 | kCompletionEntryLog;
    put32(516, 1);               // namespaces
    put16(520, 1 << 2 | 1 << 3); // dataset management, write zeroes
    page[525] = 1 | 3 << 1;      // a volatile write cache; flush takes all namespaces
    const auto uuid = uuidOf(identity);
    std::string name = "nqn.2014-08.org.nvmexpress:uuid:";
    for (size_t i = 0; i < uuid.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            name += '-';
        name += formatText("%02x", uuid[i]);
    }
    std::copy(name.begin(), name.end(), &page[768]);
    put16(2048, 2500); // power state 0: 25 W
    return page;
}

NvmePage identifyNvmeNamespace(const NvmeIdentity& identity) {
    NvmePage page{};
    storeLe<uint64_t>(&page[0], identity.sectorCount);  // size
    storeLe<uint64_t>(&page[8], identity.sectorCount);  // capacity
    storeLe<uint64_t>(&page[16], identity.sectorCount); // utilisation
    page[24] = 1 << 0 | 1 << 4;                         // thin, with the granularities below
    page[33] = 1 << 3;                                  // write zeroes may deallocate
    // What host file systems write at once, 4 KiB: write and deallocate granularity and alignment,
    // in blocks, counted from 0.
    for (size_t at : {64, 66, 68, 70})
        storeLe<uint16_t>(&page[at], 7);
    page[99] = identity.readOnly ? 1 : 0;
    page[130] = 9; // the only format: 512 bytes, no metadata
    return page;
}

NvmePage nvmeNamespaceDescriptors(const NvmeIdentity& identity) {
    NvmePage page{};
    page[0] = 3; // a UUID
    page[1] = 16;
    const auto uuid = uuidOf(identity);
    std::copy(uuid.begin(), uuid.end(), &page[4]);
    return page;
}

} // namespace vivarium
