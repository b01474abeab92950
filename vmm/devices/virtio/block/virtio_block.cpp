#include "vmm/devices/virtio/block/virtio_block.h"

#include "vmm/devices/storage/serial_number.h"
#include "vmm/devices/virtio/block/virtio_block_registers.h"
#include "vmm/memory/memory_pieces.h"

#include <algorithm>
#include <utility>

namespace vivarium {

using namespace virtio_block;

namespace {

constexpr uint32_t kClassScsi = 0x010000; // what firmware expects of a virtio disk
constexpr uint64_t kSectorBytes = 512;
constexpr unsigned kHeadCount = 16; // of the geometry; some firmware addresses by it
constexpr unsigned kSectorsPerTrack = 63;
constexpr uint8_t kPhysicalBlockShift = 3; // 4 KiB: what host file systems write at once
// One request clears at most 64 ranges of 2 GiB.
constexpr uint32_t kMaxRangeSectors = 4 << 20;
constexpr uint32_t kMaxRanges = 64;

} // namespace

// --- Construction ---------------------------------------------------------------------------

Result<VirtioBlock::Function> VirtioBlock::create(PciAddress address, Services services,
                                                  VirtioBlockDisk disk) {
    auto refuse = [&](const char* why) {
        return fail(ErrorCode::InvalidArgument, "drive \"" + disk.id + "\": " + why);
    };
    if (disk.id.empty())
        return refuse("a drive needs an id");
    if (!disk.image || disk.image->sizeBytes() < kSectorBytes)
        return refuse("a disk needs an image of at least one sector");
    if (!isSerialNumber(disk.serialNumber))
        return refuse("a serial number has at most 20 printable ASCII characters");
    if (disk.queueCount < 1 || disk.queueCount > kMaxQueues)
        return refuse("a virtio disk has 1 to 16 queues");
    VirtioPciTransport::Options options;
    options.name = "virtio-block-" + disk.id;
    options.address = address;
    options.type = VirtioType::Block;
    options.classCode = kClassScsi;
    options.queueSizes.assign(disk.queueCount, kQueueSize);
    Function function{};
    function.transport = TRY(VirtioPciTransport::create(
        std::move(options), {services.pci, services.memory, services.doorbells},
        [&](VirtioHost& host) {
            std::unique_ptr<VirtioBlock> device(new VirtioBlock(host, std::move(disk), services));
            function.disk = device.get();
            return device;
        }));
    return function;
}

VirtioBlock::VirtioBlock(VirtioHost& host, VirtioBlockDisk disk, Services services)
    : m_host(host), m_tasks(services.tasks),
      m_serialNumber(disk.serialNumber.empty() ? serialNumberFromId(disk.id) : disk.serialNumber),
      m_queueCount(disk.queueCount),
      m_io(disk.id, disk.errorPolicy, {services.tasks, services.listener}), m_load(disk.queueCount),
      m_self(std::make_shared<VirtioBlock*>(this)) {
    m_io.setImage(std::move(disk.image));
    m_io.setIdle([this] { m_host.resetFinished(); });
}

VirtioBlock::~VirtioBlock() = default;

// --- Configuration --------------------------------------------------------------------------

uint64_t VirtioBlock::features() const {
    uint64_t features = kFeatureSegmentCount | kFeatureGeometry | kFeatureBlockSize |
                        kFeatureFlush | kFeatureTopology | kFeatureConfigWriteCache |
                        kFeatureQueues;
    return features |
           (m_io.image()->readOnly() ? kFeatureReadOnly : kFeatureDiscard | kFeatureWriteZeroes);
}

std::vector<uint8_t> VirtioBlock::configuration() const {
    std::vector<uint8_t> bytes(kConfigBytes);
    auto put16 = [&](uint32_t at, uint16_t value) { storeLe<uint16_t>(&bytes[at], value); };
    auto put32 = [&](uint32_t at, uint32_t value) { storeLe<uint32_t>(&bytes[at], value); };
    storeLe<uint64_t>(&bytes[kCapacity], sectorCount());
    put32(kSegmentMax, kQueueSize - 2); // header and status take one descriptor each
    put16(kCylinders, static_cast<uint16_t>(std::min<uint64_t>(
                          sectorCount() / (kHeadCount * kSectorsPerTrack), UINT16_MAX)));
    bytes[kHeads] = kHeadCount;
    bytes[kSectors] = kSectorsPerTrack;
    put32(kBlockSize, kSectorBytes);
    bytes[kPhysicalBlockExponent] = kPhysicalBlockShift;
    put16(kMinimumIoBlocks, 1 << kPhysicalBlockShift);
    bytes[kWriteBack] = m_state.writeBack;
    put16(kQueueCount, static_cast<uint16_t>(m_queueCount));
    put32(kMaxDiscardSectors, kMaxRangeSectors);
    put32(kMaxDiscardSegments, kMaxRanges);
    put32(kDiscardAlignment, 1 << kPhysicalBlockShift);
    put32(kMaxZeroSectors, kMaxRangeSectors);
    put32(kMaxZeroSegments, kMaxRanges);
    bytes[kZeroMayUnmap] = 1;
    return bytes;
}

void VirtioBlock::writeConfiguration(uint32_t offset, unsigned sizeBytes, uint32_t value) {
    // The only writable field, and only for a driver that negotiated it (5.2.4).
    if (offset == kWriteBack && sizeBytes == 1 && m_state.features & kFeatureConfigWriteCache)
        m_state.writeBack = value & 1;
}

// A driver that cannot flush must find every write on the disk (5.2.6.2).
bool VirtioBlock::writeThrough() const {
    return !(m_state.features & kFeatureFlush) || !m_state.writeBack;
}

// --- Requests -------------------------------------------------------------------------------

void VirtioBlock::queueNotified(unsigned queue) {
    Load& load = m_load[queue];
    const unsigned size = m_host.queueSize(queue);
    for (unsigned taken = 0; taken < size; ++taken) {
        // A driver that gives one chain twice has more in flight than its queue can hold.
        load.limited = load.inFlight >= size;
        if (load.limited)
            return;
        auto chain = m_host.take(queue);
        if (!chain)
            return;
        begin(queue, *chain);
    }
    continueLater(queue);
}

// The driver adds chains as fast as they are served: others get their turn in between.
void VirtioBlock::continueLater(unsigned queue) {
    m_tasks.post([self = std::weak_ptr<VirtioBlock*>(m_self), queue] {
        if (auto disk = self.lock())
            (*disk)->queueNotified(queue);
    });
}

void VirtioBlock::begin(unsigned queue, const VirtioChain& chain) {
    if (chain.readableBytes < kHeaderBytes || chain.writableBytes < 1)
        return m_host.needsReset("a request has no header or no place for its status");
    // Neither boundary needs to be one of descriptors (2.7.4.1).
    Header header;
    readPieces(chain.readable, 0, {reinterpret_cast<uint8_t*>(&header), sizeof header});
    GuestBuffers output, input;
    output.sizeBytes = chain.readableBytes - kHeaderBytes;
    output.pieces = piecesFrom(chain.readable, kHeaderBytes);
    input.sizeBytes = chain.writableBytes - 1;
    input.pieces = piecesFrom(chain.writable, 0, input.sizeBytes);
    const iovec status = piecesFrom(chain.writable, input.sizeBytes).front();

    const uint64_t id = m_nextId++;
    Request request;
    request.queue = static_cast<uint16_t>(queue);
    request.head = chain.head;
    request.status = static_cast<uint8_t*>(status.iov_base);
    m_requests.emplace(id, request);
    ++m_load[queue].inFlight;

    using Kind = BlockRequest::Kind;
    switch (header.type) {
    case kRead:
        return transfer(id, Kind::Read, header.sector, input.sizeBytes, std::move(input.pieces));
    case kWrite:
        return transfer(id, Kind::Write, header.sector, output.sizeBytes, std::move(output.pieces));
    case kFlush:
        return m_io.submit(Kind::Flush, 0, 0, {}, [this, id](int error) { partDone(id, error); });
    case kGetId:
        return sendId(id, input);
    case kDiscard:
        return clear(id, Kind::Discard, output);
    case kWriteZeroes:
        return clear(id, Kind::WriteZeroes, output);
    default:
        return finish(id, kStatusUnsupported);
    }
}

void VirtioBlock::transfer(uint64_t id, BlockRequest::Kind kind, uint64_t sector, uint64_t bytes,
                           std::vector<iovec> buffers) {
    const bool write = kind == BlockRequest::Kind::Write;
    if (bytes == 0 || bytes % kSectorBytes != 0 ||
        !rangeFits(sector, bytes / kSectorBytes, sectorCount()) ||
        (write && m_io.image()->readOnly()))
        return finish(id, kStatusIoError);
    Request& request = m_requests.at(id);
    request.flushAfter = write && writeThrough();
    if (!write)
        request.replyBytes = static_cast<uint32_t>(bytes);
    m_io.submit(kind, sector * kSectorBytes, bytes, std::move(buffers),
                [this, id](int error) { partDone(id, error); });
}

// Discard and write zeroes: a list of ranges (5.2.6).
void VirtioBlock::clear(uint64_t id, BlockRequest::Kind kind, const GuestBuffers& list) {
    const bool discard = kind == BlockRequest::Kind::Discard;
    const uint64_t count = list.sizeBytes / kRangeBytes;
    if (m_io.image()->readOnly() || list.sizeBytes % kRangeBytes != 0 || count == 0 ||
        count > kMaxRanges)
        return finish(id, kStatusIoError);
    std::vector<uint8_t> bytes(list.sizeBytes);
    list.copyOut(bytes);
    std::vector<Range> ranges(count);
    std::memcpy(ranges.data(), bytes.data(), bytes.size());
    for (const Range& range : ranges) {
        // Unknown flags, and unmap where it says nothing (5.2.6.2).
        if (range.flags & ~(discard ? 0 : kRangeUnmap))
            return finish(id, kStatusUnsupported);
        if (range.sectorCount > kMaxRangeSectors ||
            !rangeFits(range.sector, range.sectorCount, sectorCount()))
            return finish(id, kStatusIoError);
    }
    std::erase_if(ranges, [](const Range& range) { return range.sectorCount == 0; });
    if (ranges.empty())
        return finish(id, kStatusOk);
    Request& request = m_requests.at(id);
    request.parts = static_cast<unsigned>(ranges.size());
    request.flushAfter = writeThrough();
    for (const Range& range : ranges)
        m_io.submit(kind, range.sector * kSectorBytes, range.sectorCount * kSectorBytes, {},
                    [this, id](int error) { partDone(id, error); });
}

void VirtioBlock::sendId(uint64_t id, const GuestBuffers& data) {
    // Padded with zeros, without one where the number is 20 characters long (5.2.6).
    std::vector<uint8_t> bytes(m_serialNumber.begin(), m_serialNumber.end());
    bytes.resize(kIdBytes);
    if (data.sizeBytes < kIdBytes)
        return finish(id, kStatusIoError);
    data.copyIn(bytes);
    m_requests.at(id).replyBytes = kIdBytes;
    finish(id, kStatusOk);
}

void VirtioBlock::partDone(uint64_t id, int error) {
    Request& request = m_requests.at(id);
    if (error != 0)
        request.result = kStatusIoError;
    if (--request.parts > 0)
        return;
    if (request.result == kStatusOk && std::exchange(request.flushAfter, false)) {
        request.parts = 1;
        return m_io.submit(BlockRequest::Kind::Flush, 0, 0, {},
                           [this, id](int flushError) { partDone(id, flushError); });
    }
    finish(id, request.result);
}

void VirtioBlock::finish(uint64_t id, uint8_t status) {
    auto node = m_requests.extract(id);
    const Request& request = node.mapped();
    *request.status = status;
    Load& load = m_load[request.queue];
    --load.inFlight;
    m_host.giveBack(request.queue, request.head,
                    (status == kStatusOk ? request.replyBytes : 0) + 1);
    if (load.limited)
        queueNotified(request.queue);
}

// --- The machine's calls --------------------------------------------------------------------

void VirtioBlock::retryStalledRequests() {
    m_io.retryStalled();
    for (const TakenChain& taken : std::exchange(m_restored, {})) {
        --m_load[taken.queue].inFlight;
        if (auto chain = m_host.takeAgain(taken.queue, taken.head))
            begin(taken.queue, *chain);
    }
    for (unsigned queue = 0; queue < m_queueCount; ++queue)
        queueNotified(queue);
}

std::vector<DriveReport> VirtioBlock::drives() const {
    DriveReport report;
    report.id = m_io.driveId();
    report.hasMedium = true;
    report.sizeBytes = m_io.image()->sizeBytes();
    report.activity = m_io.activity();
    return {report};
}

// --- Reset, save, restore -------------------------------------------------------------------

VirtioDevice::ResetProgress VirtioBlock::beginReset() {
    m_io.abandon();
    m_requests.clear();
    m_restored.clear();
    m_load.assign(m_queueCount, {});
    m_state = {};
    return m_io.busy() ? ResetProgress::Waiting : ResetProgress::Finished;
}

void VirtioBlock::save(StateWriter& writer) const {
    writer.fields(m_state.writeBack, static_cast<uint32_t>(m_restored.size() + m_requests.size()));
    for (const TakenChain& taken : m_restored)
        writer.fields(taken.queue, taken.head);
    for (const auto& [id, request] : m_requests)
        writer.fields(request.queue, request.head);
}

Result<void> VirtioBlock::restore(StateReader& reader) {
    auto malformed = [this] {
        return fail(ErrorCode::Corrupt, "saved state: disk " + m_io.driveId() + " is malformed");
    };
    uint32_t count = 0;
    TRY(reader.fields(m_state.writeBack, count));
    if (count > uint32_t{kQueueSize} * m_queueCount)
        return malformed();
    for (uint32_t i = 0; i < count; ++i) {
        TakenChain taken{};
        TRY(reader.fields(taken.queue, taken.head));
        if (taken.queue >= m_queueCount || taken.head >= m_host.queueSize(taken.queue) ||
            m_load[taken.queue].inFlight >= m_host.queueSize(taken.queue))
            return malformed();
        ++m_load[taken.queue].inFlight;
        m_restored.push_back(taken);
    }
    return {};
}

} // namespace vivarium
