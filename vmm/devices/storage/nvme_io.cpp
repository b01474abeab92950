// The I/O commands of NvmeController (NVMe 1.4, 6).

#include "vmm/devices/storage/nvme_controller.h"
#include "vmm/devices/storage/nvme_prp.h"

#include <utility>

namespace vivarium {

using namespace nvme;

namespace {

constexpr uint64_t kSectorBytes = 512;
constexpr uint32_t kForceUnitAccess = 1u << 30; // doubleword 12
constexpr uint32_t kProtection = 0xFu << 26;    // likewise: there is no metadata to protect
constexpr uint32_t kDeallocate = 1 << 2;        // doubleword 11 of dataset management
constexpr uint64_t kRangeBytes = 16;

} // namespace

void NvmeController::runIo(uint64_t id, const NvmeCommand& command) {
    constexpr uint32_t kAllNamespaces = 0xFFFFFFFF;
    const bool flushAll =
        command.opcode() == nvme::kFlush && command.namespaceId() == kAllNamespaces;
    if (command.namespaceId() != 1 && !flushAll)
        return complete(id, kInvalidNamespace);
    switch (command.opcode()) {
    case nvme::kFlush:
        return flush(id);
    case kWrite:
        return transfer(id, command, BlockRequest::Kind::Write);
    case kRead:
        return transfer(id, command, BlockRequest::Kind::Read);
    case kWriteZeroes:
        return writeZeroes(id, command);
    case kDatasetManagement:
        return manageDataset(id, command);
    default:
        return complete(id, kInvalidOpcode);
    }
}

void NvmeController::transfer(uint64_t id, const NvmeCommand& command, BlockRequest::Kind kind) {
    const bool write = kind == BlockRequest::Kind::Write;
    const uint64_t sector = command.longWord(10);
    const uint64_t count = (command.word(12) & 0xFFFF) + uint64_t{1};
    if (command.word(12) & kProtection || count * kSectorBytes > kMaxTransferBytes)
        return complete(id, kInvalidField);
    if (!rangeFits(sector, count, sectorCount()))
        return complete(id, kLbaOutOfRange);
    if (write && m_io.image()->readOnly())
        return complete(id, kReadOnlyRange);
    NvmeData data = mapPrps(m_services.memory, command, count * kSectorBytes);
    if (data.status != kSuccess)
        return complete(id, data.status);
    Active& active = m_active.at(id);
    active.failure = write ? kWriteFault : kReadError;
    active.flushAfter = write && (command.word(12) & kForceUnitAccess || writeThrough());
    submit(id, kind, sector, count, std::move(data.buffers.pieces));
}

void NvmeController::writeZeroes(uint64_t id, const NvmeCommand& command) {
    const uint64_t sector = command.longWord(10);
    const uint64_t count = (command.word(12) & 0xFFFF) + uint64_t{1};
    if (command.word(12) & kProtection)
        return complete(id, kInvalidField);
    if (!rangeFits(sector, count, sectorCount()))
        return complete(id, kLbaOutOfRange);
    if (m_io.image()->readOnly())
        return complete(id, kReadOnlyRange);
    m_active.at(id).flushAfter = command.word(12) & kForceUnitAccess || writeThrough();
    submit(id, BlockRequest::Kind::WriteZeroes, sector, count, {});
}

void NvmeController::manageDataset(uint64_t id, const NvmeCommand& command) {
    struct Range {
        uint64_t sector;
        uint64_t count;
    };
    const uint64_t rangeCount = (command.word(10) & 0xFF) + uint64_t{1};
    NvmeData data = mapPrps(m_services.memory, command, rangeCount * kRangeBytes);
    if (data.status != kSuccess)
        return complete(id, data.status);
    if (!(command.word(11) & kDeallocate)) // the other attributes are hints
        return complete(id, kSuccess);
    if (m_io.image()->readOnly())
        return complete(id, kReadOnlyRange);
    std::vector<uint8_t> bytes(rangeCount * kRangeBytes);
    data.buffers.copyOut(bytes);
    std::vector<Range> ranges;
    for (uint64_t i = 0; i < rangeCount; ++i) {
        const uint8_t* entry = &bytes[i * kRangeBytes]; // attributes, length, first block (6.7)
        Range range{loadLe<uint64_t>(entry + 8), loadLe<uint32_t>(entry + 4)};
        if (!rangeFits(range.sector, range.count, sectorCount()))
            return complete(id, kLbaOutOfRange);
        if (range.count > 0)
            ranges.push_back(range);
    }
    if (ranges.empty())
        return complete(id, kSuccess);
    m_active.at(id).parts = static_cast<unsigned>(ranges.size());
    for (const Range& range : ranges)
        submit(id, BlockRequest::Kind::Discard, range.sector, range.count, {});
}

void NvmeController::flush(uint64_t id) {
    submit(id, BlockRequest::Kind::Flush, 0, 0, {});
}

void NvmeController::submit(uint64_t id, BlockRequest::Kind kind, uint64_t sector, uint64_t count,
                            std::vector<iovec> buffers) {
    m_io.submit(kind, sector * kSectorBytes, count * kSectorBytes, std::move(buffers),
                [this, id](int error) { partDone(id, error); });
}

void NvmeController::partDone(uint64_t id, int error) {
    Active& active = m_active.at(id);
    if (error != 0)
        active.result = active.failure;
    if (--active.parts > 0)
        return;
    if (active.result == kSuccess && std::exchange(active.flushAfter, false)) {
        active.parts = 1;
        return flush(id);
    }
    complete(id, active.result);
}

} // namespace vivarium
