#include "vmm/devices/pci/pci_device.h"

#include "vmm/base/bytes.h"
#include "vmm/devices/pci/pci_registers.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <new>
#include <utility>

namespace vivarium {

namespace {
constexpr uint64_t kPageBytes = 4096;
// The MCH never forwards these to PCI: I/O APIC, HPET, local APIC and firmware ROM (Q35 datasheet,
// 3.4 and 3.5). A guest that sizes a BAR with decoding enabled passes through here.
constexpr uint64_t kChipsetWindowBase = 0xFEC00000;
constexpr uint64_t kChipsetWindowEnd = uint64_t{1} << 32;
// Guest-physical addresses that an x86 CPU can form at most (Intel SDM 3A, 4.1.4).
constexpr uint64_t kPhysicalAddressEnd = uint64_t{1} << 52;
constexpr int kBarPriority = 20;

bool overlaps(uint64_t offset, unsigned sizeBytes, uint64_t base, uint64_t lengthBytes) {
    return offset < base + lengthBytes && base < offset + sizeBytes;
}
} // namespace

void PciDevice::PageDeleter::operator()(uint8_t* pages) const {
    ::operator delete (pages, std::align_val_t{kPageBytes});
}

PciDevice::PciDevice(std::string name, PciAddress address, const PciIdentity& identity,
                     PciServices services)
    : m_name(std::move(name)), m_address(address), m_services(services) {
    assert(address.device < 32 && address.function < 8 && identity.interruptPin <= 4);
    setConfig16(pci::kVendorId, identity.vendorId);
    setConfig16(pci::kDeviceId, identity.deviceId);
    setConfig32(pci::kRevisionId, identity.classCode << 8 | identity.revision);
    setConfig16(pci::kCommand, 0,
                pci::kCommandIo | pci::kCommandMemory | pci::kCommandBusMaster |
                    pci::kCommandParity | pci::kCommandSystemError | pci::kCommandInterruptDisable);
    setConfig8(pci::kCacheLineSize, 0, 0xFF);
    setConfig8(pci::kHeaderType, identity.multifunction ? pci::kHeaderMultifunction : 0);
    setConfig16(pci::kSubsystemVendorId, identity.subsystemVendorId);
    setConfig16(pci::kSubsystemId, identity.subsystemId);
    setConfig8(pci::kInterruptLine, 0, 0xFF);
    setConfig8(pci::kInterruptPin, identity.interruptPin);
}

// --- Declarations ---------------------------------------------------------------------------

void PciDevice::setConfig8(uint16_t offset, uint8_t value, uint8_t writeMask) {
    assert(offset < kConfigBytes);
    m_resetConfig[offset] = value;
    m_state.config[offset] = value;
    m_writeMask[offset] = writeMask;
}

void PciDevice::setConfig16(uint16_t offset, uint16_t value, uint16_t writeMask) {
    setConfig8(offset, static_cast<uint8_t>(value), static_cast<uint8_t>(writeMask));
    setConfig8(static_cast<uint16_t>(offset + 1), static_cast<uint8_t>(value >> 8),
               static_cast<uint8_t>(writeMask >> 8));
}

void PciDevice::setConfig32(uint16_t offset, uint32_t value, uint32_t writeMask) {
    setConfig16(offset, static_cast<uint16_t>(value), static_cast<uint16_t>(writeMask));
    setConfig16(static_cast<uint16_t>(offset + 2), static_cast<uint16_t>(value >> 16),
                static_cast<uint16_t>(writeMask >> 16));
}

void PciDevice::declareBar(unsigned index, Bar bar) {
    [[maybe_unused]] bool io = bar.kind == BarKind::Io;
    bool wide = bar.kind == BarKind::Memory64 || bar.kind == BarKind::Memory64Prefetchable;
    assert(index < m_bars.size() - (wide ? 1 : 0) && m_bars[index].sizeBytes == 0);
    assert(std::has_single_bit(bar.sizeBytes) && bar.sizeBytes >= (io ? 4 : kPageBytes));
    // Low bits tell the kind (PCI 3.0, 6.2.5.1); the size is what cannot be written.
    uint32_t kindBits = 0;
    switch (bar.kind) {
    case BarKind::Io:
        kindBits = 0x1;
        break;
    case BarKind::Memory32:
        kindBits = 0x0;
        break;
    case BarKind::Memory32Prefetchable:
        kindBits = 0x8;
        break;
    case BarKind::Memory64:
        kindBits = 0x4;
        break;
    case BarKind::Memory64Prefetchable:
        kindBits = 0xC;
        break;
    }
    uint64_t mask = ~(bar.sizeBytes - 1);
    auto offset = static_cast<uint16_t>(pci::kBar0 + 4 * index);
    setConfig32(offset, kindBits, static_cast<uint32_t>(mask));
    if (wide)
        setConfig32(static_cast<uint16_t>(offset + 4), 0, static_cast<uint32_t>(mask >> 32));
    m_bars[index] = std::move(bar);
}

void PciDevice::addBar(unsigned index, BarKind kind, uint64_t sizeBytes, IoHandler handler) {
    Bar bar;
    bar.kind = kind;
    bar.sizeBytes = sizeBytes;
    bar.handler = handler;
    declareBar(index, std::move(bar));
}

void PciDevice::addMemoryBar(unsigned index, BarKind kind, uint64_t sizeBytes, uint8_t* host,
                             MemoryRegion::DirtyLog dirtyLog) {
    assert(kind != BarKind::Io && host);
    Bar bar;
    bar.kind = kind;
    bar.sizeBytes = sizeBytes;
    bar.host = host;
    bar.dirtyLog = dirtyLog;
    declareBar(index, std::move(bar));
}

void PciDevice::addExpansionRom(std::vector<uint8_t> image) {
    assert(!image.empty() && !m_rom);
    uint64_t sizeBytes = std::max<uint64_t>(std::bit_ceil(image.size()), kPageBytes);
    m_rom.reset(static_cast<uint8_t*>(::operator new (sizeBytes, std::align_val_t{kPageBytes})));
    std::fill_n(m_rom.get(), sizeBytes, uint8_t{0xFF});
    std::copy(image.begin(), image.end(), m_rom.get());
    m_romBar.kind = BarKind::Memory32;
    m_romBar.sizeBytes = sizeBytes;
    m_romBar.host = m_rom.get();
    m_romBar.readOnly = true;
    setConfig32(pci::kExpansionRom, 0,
                static_cast<uint32_t>(~(sizeBytes - 1)) | pci::kExpansionRomEnable);
}

uint8_t PciDevice::addCapability(uint8_t id, uint8_t lengthBytes) {
    assert(m_nextCapability + alignUp(lengthBytes, 4) <= 0x100 && lengthBytes >= 2);
    uint8_t offset = m_nextCapability;
    uint16_t link = m_lastCapability ? m_lastCapability + 1 : pci::kCapabilityPointer;
    setConfig8(link, offset);
    setConfig8(offset, id);
    setConfig8(offset + 1, 0);
    setConfig16(pci::kStatus, pci::kStatusCapabilities);
    m_lastCapability = offset;
    m_nextCapability = static_cast<uint8_t>(offset + alignUp(lengthBytes, 4));
    return offset;
}

// --- Configuration space --------------------------------------------------------------------

uint32_t PciDevice::readConfig(uint16_t offset, unsigned sizeBytes) {
    if (!rangeFits(offset, sizeBytes, kConfigBytes))
        return static_cast<uint32_t>(accessMask(sizeBytes));
    uint32_t value = 0;
    for (unsigned i = 0; i < sizeBytes; ++i)
        value |= uint32_t{m_state.config[offset + i]} << (8 * i);
    return value;
}

void PciDevice::writeConfig(uint16_t offset, unsigned sizeBytes, uint32_t value) {
    if (!rangeFits(offset, sizeBytes, kConfigBytes))
        return;
    for (unsigned i = 0; i < sizeBytes; ++i) {
        uint8_t mask = m_writeMask[offset + i];
        uint8_t& byte = m_state.config[offset + i];
        byte =
            static_cast<uint8_t>((byte & ~mask) | (static_cast<uint8_t>(value >> (8 * i)) & mask));
    }
    bool command = overlaps(offset, sizeBytes, pci::kCommand, 2);
    if (command || overlaps(offset, sizeBytes, pci::kBar0, 24) ||
        overlaps(offset, sizeBytes, pci::kExpansionRom, 4))
        updateMappings();
    bool messages = (m_msiOffset && overlaps(offset, sizeBytes, m_msiOffset, pci::kMsiBytes)) ||
                    (m_msixOffset && overlaps(offset, sizeBytes, m_msixOffset, pci::kMsixBytes));
    if (command || messages)
        updateIntx();
    if (messages)
        sendPending();
}

bool PciDevice::busMasterEnabled() const {
    return loadLe<uint16_t>(&config()[pci::kCommand]) & pci::kCommandBusMaster;
}

// --- Mappings -------------------------------------------------------------------------------

std::optional<uint64_t> PciDevice::barAddress(unsigned index) const {
    return index < m_bars.size() ? m_bars[index].mappedAt : std::nullopt;
}

// Where a window with the raw address register `value` is decoded; nullopt where it is not.
std::optional<uint64_t> PciDevice::decodedAddress(const Bar& bar, uint64_t value) const {
    uint16_t command = loadLe<uint16_t>(&config()[pci::kCommand]);
    bool io = bar.kind == BarKind::Io;
    if (bar.sizeBytes == 0 || !(command & (io ? pci::kCommandIo : pci::kCommandMemory)))
        return std::nullopt;
    uint64_t base = value & ~(bar.sizeBytes - 1);
    if (io)
        return base != 0 && rangeFits(base, bar.sizeBytes, 0x10000) ? std::optional(base)
                                                                    : std::nullopt;
    if (base == 0 || !rangeFits(base, bar.sizeBytes, kPhysicalAddressEnd))
        return std::nullopt;
    if (base < kChipsetWindowEnd && base + bar.sizeBytes > kChipsetWindowBase)
        return std::nullopt;
    return base;
}

// Moves a window; returns whether anything changed.
bool PciDevice::mapBar(Bar& bar, std::optional<uint64_t> address) {
    if (bar.mappedAt == address)
        return false;
    bar.ports.reset();
    bar.memory.reset();
    bar.mappedAt.reset();
    if (!address)
        return true;
    if (bar.kind == BarKind::Io) {
        auto mapping = m_services.ports.map(m_name, static_cast<uint16_t>(*address),
                                            static_cast<uint32_t>(bar.sizeBytes), bar.handler);
        if (!mapping)
            return true; // the ports belong to another device, which wins
        bar.ports = std::move(*mapping);
    } else {
        MemoryRegion region;
        region.name = m_name;
        region.base = *address;
        region.sizeBytes = bar.sizeBytes;
        region.kind = !bar.host      ? MemoryKind::Mmio
                      : bar.readOnly ? MemoryKind::Rom
                                     : MemoryKind::Ram;
        region.host = bar.host;
        region.handler = bar.handler;
        region.priority = kBarPriority;
        region.dirtyLog = bar.dirtyLog;
        auto mapping = m_services.memoryMap.map(std::move(region));
        if (!mapping)
            return true;
        bar.memory = std::move(*mapping);
    }
    bar.mappedAt = address;
    return true;
}

void PciDevice::updateMappings() {
    bool changed = false;
    {
        MemoryMap::Batch batch(m_services.memoryMap);
        for (unsigned i = 0; i < m_bars.size(); ++i) {
            Bar& bar = m_bars[i];
            if (bar.sizeBytes == 0)
                continue;
            const uint8_t* at = &config()[pci::kBar0 + 4 * i];
            bool wide = bar.kind == BarKind::Memory64 || bar.kind == BarKind::Memory64Prefetchable;
            changed |= mapBar(
                bar, decodedAddress(bar, wide ? loadLe<uint64_t>(at) : loadLe<uint32_t>(at)));
        }
        auto rom = loadLe<uint32_t>(&config()[pci::kExpansionRom]);
        changed |= mapBar(m_romBar, rom & pci::kExpansionRomEnable ? decodedAddress(m_romBar, rom)
                                                                   : std::nullopt);
    }
    if (changed)
        mappingsChanged();
}

// --- Reset, save, restore -------------------------------------------------------------------

void PciDevice::reset() {
    m_state.config = m_resetConfig;
    for (size_t vector = 0; vector < m_msixVectors; ++vector) {
        uint8_t* entry = &m_state.msixTable[vector * pci::kMsixEntryBytes];
        std::fill_n(entry, pci::kMsixEntryBytes, uint8_t{0});
        entry[pci::kMsixVectorControl] = 1; // masked (PCI 3.0, 6.8.2.9)
    }
    std::fill(m_state.msixPending.begin(), m_state.msixPending.end(), uint8_t{0});
    m_state.intxAsserted = false;
    m_state.interruptAsserted = false;
    updateIntx();
    updateMappings();
}

void PciDevice::save(StateWriter& writer) const {
    writer.beginSection(name(), stateVersion());
    writer.fields(m_state.config, m_state.msixTable, m_state.msixPending, m_state.intxAsserted,
                  m_state.interruptAsserted);
}

Result<void> PciDevice::restore(StateReader& reader) {
    State state;
    auto read = [&]() -> Result<void> {
        TRY(reader.enterSection(name(), stateVersion()));
        TRY(reader.fields(state.config, state.msixTable, state.msixPending, state.intxAsserted,
                          state.interruptAsserted));
        if (state.msixTable.size() != m_state.msixTable.size() ||
            state.msixPending.size() != m_state.msixPending.size() ||
            !std::equal(state.config.begin(), state.config.begin() + 4, m_resetConfig.begin()))
            return fail(ErrorCode::Corrupt,
                        "saved state: section " + m_name + " belongs to another kind of device");
        return {};
    }();
    if (!read) {
        reset();
        return read;
    }
    // What the guest cannot write is ours, wherever the base itself relies on it.
    auto keepReadOnly = [&](size_t base, size_t lengthBytes) {
        for (size_t i = base; i < base + lengthBytes; ++i)
            state.config[i] = static_cast<uint8_t>((state.config[i] & m_writeMask[i]) |
                                                   (m_resetConfig[i] & ~m_writeMask[i]));
    };
    keepReadOnly(0, pci::kHeaderBytes);
    if (m_msiOffset)
        keepReadOnly(m_msiOffset, pci::kMsiPendingBits); // all but the pending bits
    if (m_msixOffset)
        keepReadOnly(m_msixOffset, pci::kMsixBytes);
    m_state = std::move(state);
    updateIntx();
    updateMappings();
    return {};
}

} // namespace vivarium
