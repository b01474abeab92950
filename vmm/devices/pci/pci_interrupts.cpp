// The interrupt half of PciDevice: INTx, MSI and MSI-X.

#include "vmm/base/bytes.h"
#include "vmm/devices/pci/pci_device.h"
#include "vmm/devices/pci/pci_registers.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace vivarium {

namespace {
// Where local APICs take messages (Intel SDM 3A, 10.11.1). A write elsewhere would be DMA to RAM,
// which no sane guest asks of an interrupt.
constexpr uint64_t kApicWindowBase = 0xFEE00000;
constexpr uint64_t kApicWindowBytes = 0x100000;
} // namespace

// --- Declarations ---------------------------------------------------------------------------

void PciDevice::addMsiCapability(uint8_t vectorCount) {
    assert(std::has_single_bit(vectorCount) && vectorCount <= 32 && m_msiOffset == 0);
    m_msiOffset = addCapability(pci::kCapabilityMsi, pci::kMsiBytes);
    auto log2Count = static_cast<uint16_t>(std::countr_zero(vectorCount));
    setConfig16(m_msiOffset + pci::kMsiControl,
                static_cast<uint16_t>(log2Count << pci::kMsiCapableShift | pci::kMsi64Bit |
                                      pci::kMsiPerVectorMask),
                pci::kMsiEnable | 7 << pci::kMsiEnabledShift);
    setConfig32(m_msiOffset + pci::kMsiAddress, 0, 0xFFFFFFFC);
    setConfig32(m_msiOffset + pci::kMsiAddress + 4, 0, 0xFFFFFFFF);
    setConfig16(m_msiOffset + pci::kMsiData, 0, 0xFFFF);
    setConfig32(m_msiOffset + pci::kMsiMaskBits, 0,
                static_cast<uint32_t>((uint64_t{1} << vectorCount) - 1));
}

void PciDevice::addMsixCapability(uint16_t vectorCount, unsigned barIndex) {
    assert(vectorCount >= 1 && vectorCount <= pci::kMsixMaxVectors && m_msixOffset == 0);
    m_msixVectors = vectorCount;
    m_state.msixTable.assign(size_t{vectorCount} * pci::kMsixEntryBytes, 0);
    for (size_t vector = 0; vector < vectorCount; ++vector)
        m_state.msixTable[vector * pci::kMsixEntryBytes + pci::kMsixVectorControl] = 1;
    m_state.msixPending.assign(alignUp(vectorCount, 64) / 8, 0);
    m_msixOffset = addCapability(pci::kCapabilityMsix, pci::kMsixBytes);
    setConfig16(m_msixOffset + pci::kMsixControl, static_cast<uint16_t>(vectorCount - 1),
                pci::kMsixEnable | pci::kMsixFunctionMask);
    setConfig32(m_msixOffset + pci::kMsixTable, barIndex);
    setConfig32(m_msixOffset + pci::kMsixPending,
                static_cast<uint32_t>(msixPendingOffset()) | barIndex);
    addBar(barIndex, BarKind::Memory32, 2 * msixPendingOffset(),
           ioHandler<&PciDevice::readMsix, &PciDevice::writeMsix>(this));
}

// The pending bits have the upper half of the BAR.
uint64_t PciDevice::msixPendingOffset() const {
    return std::max<uint64_t>(std::bit_ceil(m_state.msixTable.size()), 2048);
}

// --- INTx -----------------------------------------------------------------------------------

void PciDevice::setIntx(bool asserted) {
    m_state.intxAsserted = asserted;
    updateIntx();
}

void PciDevice::setInterrupt(bool asserted) {
    bool rising = asserted && !m_state.interruptAsserted;
    m_state.interruptAsserted = asserted;
    if (rising && messagesEnabled())
        sendMessage(0);
    setIntx(asserted);
}

void PciDevice::updateIntx() {
    uint8_t pin = config()[pci::kInterruptPin];
    // The status bit shows the condition even where the pin is disabled (PCI 3.0, 6.2.3).
    auto status = loadLe<uint16_t>(&config()[pci::kStatus]);
    storeLe<uint16_t>(&config()[pci::kStatus],
                      static_cast<uint16_t>(m_state.intxAsserted
                                                ? status | pci::kStatusInterrupt
                                                : status & ~pci::kStatusInterrupt));
    auto command = loadLe<uint16_t>(&config()[pci::kCommand]);
    // MSI and MSI-X replace the pin (PCI 3.0, 6.8.1.3).
    bool level = m_state.intxAsserted && pin >= 1 && pin <= 4 &&
                 !(command & pci::kCommandInterruptDisable) && !messagesEnabled();
    if (level == m_intxLevel)
        return;
    m_intxLevel = level;
    m_services.router.setIntx(m_address, pin, level);
}

// --- Messages -------------------------------------------------------------------------------

bool PciDevice::msiEnabled() const {
    return m_msiOffset &&
           loadLe<uint16_t>(&config()[m_msiOffset + pci::kMsiControl]) & pci::kMsiEnable;
}

bool PciDevice::msixEnabled() const {
    return m_msixOffset &&
           loadLe<uint16_t>(&config()[m_msixOffset + pci::kMsixControl]) & pci::kMsixEnable;
}

void PciDevice::sendMessage(uint16_t index) {
    if (msixEnabled())
        sendMsix(index);
    else if (msiEnabled())
        sendMsi(index);
}

void PciDevice::deliver(uint64_t address, uint32_t data) {
    // A message is a memory write by the device, so it needs bus mastering (PCI 3.0, 6.2.2).
    if (!busMasterEnabled() || address < kApicWindowBase ||
        address - kApicWindowBase >= kApicWindowBytes)
        return;
    m_services.messages.sendMessage(address, data);
}

void PciDevice::sendMsi(uint16_t index) {
    uint8_t* msi = &config()[m_msiOffset];
    auto control = loadLe<uint16_t>(msi + pci::kMsiControl);
    unsigned capable = control >> pci::kMsiCapableShift & 7;
    unsigned granted = std::min(control >> pci::kMsiEnabledShift & 7u, capable);
    unsigned vector = index & ((1u << granted) - 1); // fewer vectors are shared
    uint32_t bit = uint32_t{1} << vector;
    if (loadLe<uint32_t>(msi + pci::kMsiMaskBits) & bit) {
        storeLe<uint32_t>(msi + pci::kMsiPendingBits,
                          loadLe<uint32_t>(msi + pci::kMsiPendingBits) | bit);
        return;
    }
    // The function changes only the low data bits that count vectors (PCI 3.0, 6.8.1.6).
    uint32_t data = loadLe<uint16_t>(msi + pci::kMsiData);
    deliver(loadLe<uint64_t>(msi + pci::kMsiAddress), (data & ~((1u << granted) - 1)) | vector);
}

void PciDevice::sendMsix(uint16_t index) {
    if (index >= m_msixVectors)
        return;
    const uint8_t* entry = &m_state.msixTable[size_t{index} * pci::kMsixEntryBytes];
    bool functionMasked =
        loadLe<uint16_t>(&config()[m_msixOffset + pci::kMsixControl]) & pci::kMsixFunctionMask;
    if (functionMasked || entry[pci::kMsixVectorControl] & 1) {
        m_state.msixPending[index / 8] |= static_cast<uint8_t>(1 << index % 8);
        return;
    }
    deliver(loadLe<uint64_t>(entry), loadLe<uint32_t>(entry + pci::kMsixEntryData));
}

// Sends what became unmasked.
void PciDevice::sendPending() {
    if (msixEnabled()) {
        for (uint16_t index = 0; index < m_msixVectors; ++index) {
            auto bit = static_cast<uint8_t>(1 << index % 8);
            if (!(m_state.msixPending[index / 8] & bit))
                continue;
            m_state.msixPending[index / 8] &= static_cast<uint8_t>(~bit);
            sendMsix(index); // pending again when it is still masked
        }
    } else if (msiEnabled()) {
        uint8_t* msi = &config()[m_msiOffset];
        auto pending = loadLe<uint32_t>(msi + pci::kMsiPendingBits);
        storeLe<uint32_t>(msi + pci::kMsiPendingBits, 0);
        for (; pending != 0; pending &= pending - 1)
            sendMsi(static_cast<uint16_t>(std::countr_zero(pending)));
    }
}

uint64_t PciDevice::readMsix(uint64_t offset, unsigned sizeBytes) {
    uint64_t value = 0;
    for (unsigned i = 0; i < sizeBytes; ++i) {
        uint64_t at = offset + i;
        uint8_t byte = 0;
        if (at < m_state.msixTable.size())
            byte = m_state.msixTable[at];
        else if (at >= msixPendingOffset() && at - msixPendingOffset() < m_state.msixPending.size())
            byte = m_state.msixPending[at - msixPendingOffset()];
        value |= uint64_t{byte} << (8 * i);
    }
    return value;
}

void PciDevice::writeMsix(uint64_t offset, unsigned sizeBytes, uint64_t value) {
    // Only whole doublewords and quadwords are defined (PCI 3.0, 6.8.2).
    if (sizeBytes < 4 || !rangeFits(offset, sizeBytes, m_state.msixTable.size()))
        return;
    for (unsigned i = 0; i < sizeBytes; i += 4) {
        uint64_t at = offset + i;
        auto field = static_cast<uint32_t>(value >> (8 * i));
        if (at % pci::kMsixEntryBytes == 0)
            field &= ~3u; // messages are doublewords
        else if (at % pci::kMsixEntryBytes == pci::kMsixVectorControl)
            field &= 1;
        storeLe<uint32_t>(&m_state.msixTable[at], field);
    }
    auto index = static_cast<uint16_t>(offset / pci::kMsixEntryBytes);
    auto bit = static_cast<uint8_t>(1 << index % 8);
    if (msixEnabled() && m_state.msixPending[index / 8] & bit) {
        m_state.msixPending[index / 8] &= static_cast<uint8_t>(~bit);
        sendMsix(index);
    }
}

} // namespace vivarium
