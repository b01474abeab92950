#include "vmm/devices/chipset/smbus_controller.h"

namespace vivarium {

namespace {
// ICH9 datasheet, 19.1 and 19.2.
constexpr uint16_t kHostConfig = 0x40;
constexpr unsigned kIoBar = 4;
constexpr uint64_t kIoBytes = 32;

constexpr uint64_t kStatus = 0x00;
constexpr uint64_t kControl = 0x02;
constexpr uint64_t kCommand = 0x03; // then address, data 0, data 1
constexpr uint64_t kBlockData = 0x07;
constexpr uint64_t kErrorCheck = 0x08;
constexpr uint64_t kAuxiliaryControl = 0x0D;
constexpr uint64_t kPins = 0x0F; // SMBUS_PIN_CTL: both lines high, clock not held

constexpr uint8_t kStatusDeviceError = 1 << 2;
constexpr uint8_t kStatusInUse = 1 << 6;
constexpr uint8_t kStatusClearable = 0xFE; // all but host busy
constexpr uint8_t kStatusInterrupts = 0x1E;
constexpr uint8_t kControlInterrupt = 1 << 0;
constexpr uint8_t kControlStart = 1 << 6;
constexpr uint8_t kAuxiliaryBuffer = 1 << 1; // 32-byte block buffer
constexpr size_t kBlockIndexInData = 4;
constexpr size_t kCheckIndexInData = 5;
} // namespace

SmbusController::SmbusController(PciServices services)
    : PciDevice("smbus", kAddress,
                {.vendorId = 0x8086,
                 .deviceId = 0x2930,
                 .classCode = 0x0C0500,
                 .revision = 2,
                 .interruptPin = 2,
                 .multifunction = true},
                services) {
    setConfig8(kHostConfig, 0, 0x07);
    addBar(kIoBar, BarKind::Io, kIoBytes,
           byteIoHandler<&SmbusController::readRegister, &SmbusController::writeRegister>(this));
}

uint8_t SmbusController::readRegister(uint64_t offset) {
    switch (offset) {
    case kStatus: {
        uint8_t value = m_state.status;
        m_state.status |= kStatusInUse; // a semaphore: taken by reading (19.2.1)
        return value;
    }
    case kControl:
        m_state.blockIndex = 0; // reading it rewinds the block buffer (19.2.7)
        return m_state.control;
    case kBlockData:
        if (m_state.auxiliaryControl & kAuxiliaryBuffer) {
            uint8_t value = m_state.block[m_state.blockIndex];
            m_state.blockIndex = (m_state.blockIndex + 1) % 32;
            return value;
        }
        return m_state.data[kBlockIndexInData];
    case kErrorCheck:
        return m_state.data[kCheckIndexInData];
    case kAuxiliaryControl:
        return m_state.auxiliaryControl;
    case kPins:
        return 0x07;
    default:
        if (offset >= kCommand && offset < kBlockData)
            return m_state.data[offset - kCommand];
        return 0;
    }
}

void SmbusController::writeRegister(uint64_t offset, uint8_t value) {
    switch (offset) {
    case kStatus:
        m_state.status &= static_cast<uint8_t>(~(value & kStatusClearable));
        break;
    case kControl:
        m_state.control = value & static_cast<uint8_t>(~kControlStart);
        if (value & kControlStart)
            m_state.status |= kStatusDeviceError; // nobody acknowledges the address
        break;
    case kBlockData:
        if (m_state.auxiliaryControl & kAuxiliaryBuffer) {
            m_state.block[m_state.blockIndex] = value;
            m_state.blockIndex = (m_state.blockIndex + 1) % 32;
        } else {
            m_state.data[kBlockIndexInData] = value;
        }
        break;
    case kErrorCheck:
        m_state.data[kCheckIndexInData] = value;
        break;
    case kAuxiliaryControl:
        m_state.auxiliaryControl = value & 0x03;
        break;
    default:
        if (offset >= kCommand && offset < kBlockData)
            m_state.data[offset - kCommand] = value;
        break;
    }
    updateInterrupt();
}

void SmbusController::updateInterrupt() {
    setIntx(m_state.control & kControlInterrupt && m_state.status & kStatusInterrupts);
}

void SmbusController::reset() {
    PciDevice::reset();
    m_state = {};
}

void SmbusController::save(StateWriter& writer) const {
    PciDevice::save(writer);
    writer.fields(m_state.status, m_state.control, m_state.data, m_state.auxiliaryControl,
                  m_state.block, m_state.blockIndex);
}

Result<void> SmbusController::restore(StateReader& reader) {
    reset();
    TRY(PciDevice::restore(reader));
    State state;
    auto fields = reader.fields(state.status, state.control, state.data, state.auxiliaryControl,
                                state.block, state.blockIndex);
    if (!fields || state.blockIndex >= 32) {
        reset();
        return fail(ErrorCode::Corrupt, "saved state: section smbus is malformed");
    }
    m_state = state;
    updateInterrupt();
    return {};
}

} // namespace vivarium
