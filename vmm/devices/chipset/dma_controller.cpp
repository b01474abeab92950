#include "vmm/devices/chipset/dma_controller.h"

namespace vivarium {

namespace {
// ICH9 datasheet, 13.2: DMA I/O registers; Intel 8237A datasheet. Registers 0..7 are base address
// and count of the channels.
constexpr uint64_t kCommand = 8; // read: status
constexpr uint64_t kRequest = 9;
constexpr uint64_t kSingleMask = 10;
constexpr uint64_t kMode = 11;
constexpr uint64_t kClearPointer = 12;
constexpr uint64_t kMasterClear = 13; // read: temporary register
constexpr uint64_t kClearMask = 14;
constexpr uint64_t kAllMasks = 15;
} // namespace

Result<std::unique_ptr<DmaController>> DmaController::create(PortBus& ports) {
    using Self = DmaController;
    std::unique_ptr<Self> dma(new Self());
    dma->m_first = TRY(
        ports.map("dma", 0x00, 16, byteIoHandler<&Self::readFirst, &Self::writeFirst>(dma.get())));
    dma->m_pages = TRY(
        ports.map("dma", 0x80, 16, byteIoHandler<&Self::readPage, &Self::writePage>(dma.get())));
    dma->m_second = TRY(ports.map("dma", 0xC0, 32,
                                  byteIoHandler<&Self::readSecond, &Self::writeSecond>(dma.get())));
    return dma;
}

uint8_t DmaController::read(Chip& chip, uint64_t reg) {
    if (reg < kCommand) {
        uint16_t value = reg % 2 ? chip.count[reg / 2] : chip.address[reg / 2];
        bool high = chip.highByte;
        chip.highByte = !high;
        return static_cast<uint8_t>(high ? value >> 8 : value);
    }
    switch (reg) {
    case kCommand:
        return static_cast<uint8_t>(chip.request << 4); // nothing reaches its count
    case kAllMasks:
        return static_cast<uint8_t>(0xF0 | chip.mask);
    default:
        return 0;
    }
}

void DmaController::write(Chip& chip, uint64_t reg, uint8_t value) {
    unsigned channel = value & 3;
    auto bit = static_cast<uint8_t>(1 << channel);
    auto setOrClear = [&](uint8_t bits) { // by bit 2 of the value
        return static_cast<uint8_t>(value & 4 ? bits | bit : bits & ~bit);
    };
    switch (reg) {
    case kCommand:
        chip.command = value;
        return;
    case kRequest:
        chip.request = setOrClear(chip.request);
        return;
    case kSingleMask:
        chip.mask = setOrClear(chip.mask);
        return;
    case kMode:
        chip.mode[channel] = value & 0xFC;
        return;
    case kClearPointer:
        chip.highByte = false;
        return;
    case kMasterClear:
        chip.command = 0;
        chip.request = 0;
        chip.mask = 0x0F;
        chip.highByte = false;
        return;
    case kClearMask:
        chip.mask = 0;
        return;
    case kAllMasks:
        chip.mask = value & 0x0F;
        return;
    default:
        break;
    }
    uint16_t& target = reg % 2 ? chip.count[reg / 2] : chip.address[reg / 2];
    target = static_cast<uint16_t>(chip.highByte ? (target & 0x00FF) | value << 8
                                                 : (target & 0xFF00) | value);
    chip.highByte = !chip.highByte;
}

void DmaController::save(StateWriter& writer) const {
    writer.beginSection(name(), stateVersion());
    for (const Chip& chip : m_state.chips)
        writer.fields(chip.address, chip.count, chip.mode, chip.command, chip.request, chip.mask,
                      chip.highByte);
    writer.fields(m_state.pages);
}

Result<void> DmaController::restore(StateReader& reader) {
    reset();
    State state;
    TRY(reader.enterSection(name(), stateVersion()));
    for (Chip& chip : state.chips) {
        TRY(reader.fields(chip.address, chip.count, chip.mode, chip.command, chip.request,
                          chip.mask, chip.highByte));
        chip.request &= 0x0F;
        chip.mask &= 0x0F;
    }
    TRY(reader.fields(state.pages));
    m_state = state;
    return {};
}

} // namespace vivarium
