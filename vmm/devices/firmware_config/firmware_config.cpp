#include "vmm/devices/firmware_config/firmware_config.h"

#include <algorithm>
#include <utility>

namespace vivarium {

namespace {
// The interface is specified with QEMU, docs/specs/fw_cfg.
constexpr uint16_t kPort = 0x510;
constexpr uint16_t kDmaPort = 0x514;
constexpr uint16_t kFirstFileKey = 0x20;
constexpr uint16_t kWriteFlag = 0x4000; // of a selector; nothing is writable
constexpr uint32_t kFeatureTraditional = 1 << 0;
constexpr uint32_t kFeatureDma = 1 << 1;
constexpr uint64_t kDmaSignature = 0x51454D5520434647; // "QEMU CFG"

constexpr uint32_t kDmaError = 1 << 0;
constexpr uint32_t kDmaRead = 1 << 1;
constexpr uint32_t kDmaSkip = 1 << 2;
constexpr uint32_t kDmaSelect = 1 << 3;
constexpr uint32_t kDmaWrite = 1 << 4;

// Reading past an item's end gives zeros; more of them than this is a guest's mistake, and would
// keep the device lock for long.
constexpr uint32_t kMaxPaddingBytes = 1 << 20;

struct DmaDescriptor { // big-endian in guest memory
    uint32_t control;
    uint32_t lengthBytes;
    uint64_t address;
};
static_assert(sizeof(DmaDescriptor) == 16);

constexpr size_t kDirectoryEntryBytes = 64;
constexpr size_t kDirectoryNameOffset = 8;
} // namespace

Result<std::unique_ptr<FirmwareConfig>> FirmwareConfig::create(PortBus& ports,
                                                               const GuestMemory& memory) {
    using Self = FirmwareConfig;
    std::unique_ptr<Self> config(new Self(memory));
    config->m_ports = TRY(
        ports.map("fw-cfg", kPort, 2, ioHandler<&Self::readPort, &Self::writePort>(config.get())));
    config->m_dmaPorts = TRY(
        ports.map("fw-cfg", kDmaPort, 8, ioHandler<&Self::readDma, &Self::writeDma>(config.get())));
    return config;
}

FirmwareConfig::FirmwareConfig(const GuestMemory& memory) : m_memory(memory) {
    m_items[firmware_key::kSignature] = {'Q', 'E', 'M', 'U'};
    m_items[firmware_key::kFeatures] = bytesOf<uint32_t>(kFeatureTraditional | kFeatureDma);
    rebuildDirectory();
}

// --- Items ----------------------------------------------------------------------------------

Result<void> FirmwareConfig::addItem(uint16_t key, std::vector<uint8_t> bytes) {
    if ((key >= kFirstFileKey && key < kFirstFileKey + kMaxFiles) || key & kWriteFlag)
        return fail(ErrorCode::InvalidArgument, "firmware configuration: key of a file");
    if (bytes.size() > kMaxItemBytes)
        return fail(ErrorCode::LimitExceeded, "firmware configuration: item above 1 GiB");
    if (!m_items.emplace(key, std::move(bytes)).second)
        return fail(ErrorCode::AlreadyExists, "firmware configuration: key added twice");
    return {};
}

Result<void> FirmwareConfig::addFile(const std::string& name, std::vector<uint8_t> bytes) {
    if (name.empty() || name.size() > kMaxNameBytes || name.find('\0') != std::string::npos)
        return fail(ErrorCode::InvalidArgument, "firmware configuration: bad file name " + name);
    if (bytes.size() > kMaxItemBytes)
        return fail(ErrorCode::LimitExceeded, "firmware configuration: " + name + " above 1 GiB");
    if (m_files.count(name))
        return fail(ErrorCode::AlreadyExists, "firmware configuration: " + name + " added twice");
    if (m_files.size() == kMaxFiles)
        return fail(ErrorCode::LimitExceeded, "firmware configuration: too many files");
    m_files.emplace(name, std::move(bytes));
    rebuildDirectory();
    return {};
}

void FirmwareConfig::rebuildDirectory() {
    std::vector<uint8_t> directory(4 + m_files.size() * kDirectoryEntryBytes);
    storeBe<uint32_t>(directory.data(), static_cast<uint32_t>(m_files.size()));
    m_fileByIndex.clear();
    uint8_t* entry = directory.data() + 4;
    for (const auto& [name, bytes] : m_files) {
        storeBe<uint32_t>(entry, static_cast<uint32_t>(bytes.size()));
        storeBe<uint16_t>(entry + 4, static_cast<uint16_t>(kFirstFileKey + m_fileByIndex.size()));
        std::copy(name.begin(), name.end(), entry + kDirectoryNameOffset);
        m_fileByIndex.push_back(&bytes);
        entry += kDirectoryEntryBytes;
    }
    m_items[firmware_key::kDirectory] = std::move(directory);
}

ConstByteSpan FirmwareConfig::selectedItem() const {
    uint16_t key = m_state.selector & static_cast<uint16_t>(~kWriteFlag);
    if (key >= kFirstFileKey && key - kFirstFileKey < static_cast<int>(m_fileByIndex.size()))
        return *m_fileByIndex[key - kFirstFileKey];
    auto item = m_items.find(key);
    return item == m_items.end() ? ConstByteSpan() : ConstByteSpan(item->second);
}

void FirmwareConfig::select(uint16_t key) {
    m_state.selector = key;
    m_state.offset = 0;
}

uint8_t FirmwareConfig::readByte() {
    ConstByteSpan item = selectedItem();
    return m_state.offset < item.size() ? item[m_state.offset++] : 0;
}

// --- Ports ----------------------------------------------------------------------------------

uint64_t FirmwareConfig::readPort(uint64_t, unsigned sizeBytes) {
    return sizeBytes == 1 ? readByte() : accessMask(sizeBytes); // the selector is write-only
}

void FirmwareConfig::writePort(uint64_t, unsigned sizeBytes, uint64_t value) {
    if (sizeBytes == 2)
        select(static_cast<uint16_t>(value));
}

uint64_t FirmwareConfig::readDma(uint64_t offset, unsigned sizeBytes) {
    // The address register reads as a signature, its most significant byte first.
    uint64_t signature = byteSwap(kDmaSignature);
    return signature >> (8 * offset) & accessMask(sizeBytes);
}

void FirmwareConfig::writeDma(uint64_t offset, unsigned sizeBytes, uint64_t value) {
    if (sizeBytes != 4)
        return;
    uint32_t half = byteSwap(static_cast<uint32_t>(value));
    if (offset == 0)
        m_state.dmaHigh = half;
    else if (offset == 4) // the lower half starts the transfer
        runDma(uint64_t{std::exchange(m_state.dmaHigh, 0)} << 32 | half);
}

// --- DMA ------------------------------------------------------------------------------------

void FirmwareConfig::runDma(GuestAddress descriptorAddress) {
    auto descriptor = m_memory.readObject<DmaDescriptor>(descriptorAddress);
    if (!descriptor)
        return; // nowhere to report to
    bool done = transfer(byteSwap(descriptor->control), byteSwap(descriptor->lengthBytes),
                         byteSwap(descriptor->address));
    // The descriptor was read here, so it can be written; `control` is its first field.
    (void)m_memory.writeObject(descriptorAddress, byteSwap(done ? 0 : kDmaError));
}

bool FirmwareConfig::transfer(uint32_t control, uint32_t lengthBytes, GuestAddress address) {
    if (control & kDmaSelect)
        select(static_cast<uint16_t>(control >> 16));
    ConstByteSpan item = selectedItem();
    auto size = static_cast<uint32_t>(item.size());
    uint32_t offset = std::min(m_state.offset, size);
    uint32_t available = std::min(lengthBytes, size - offset);
    if (control & kDmaRead) {
        if (lengthBytes - available > kMaxPaddingBytes)
            return false;
        auto target = m_memory.view(address, lengthBytes);
        if (!target)
            return false;
        auto end = std::copy_n(item.begin() + offset, available, target->begin());
        std::fill(end, target->end(), uint8_t{0});
    } else if (control & kDmaWrite) {
        return false;
    } else if (!(control & kDmaSkip)) {
        return true;
    }
    m_state.offset = offset + available;
    return true;
}

// --- Save, restore --------------------------------------------------------------------------

void FirmwareConfig::save(StateWriter& writer) const {
    writer.beginSection(name(), stateVersion());
    writer.fields(m_state.selector, m_state.offset, m_state.dmaHigh);
}

Result<void> FirmwareConfig::restore(StateReader& reader) {
    reset();
    State state;
    TRY(reader.enterSection(name(), stateVersion()));
    TRY(reader.fields(state.selector, state.offset, state.dmaHigh));
    m_state = state;
    return {};
}

} // namespace vivarium
