#include "vmm/devices/display/vga_device.h"

#include "vmm/devices/display/vga_power_on.h"
#include "vmm/devices/display/vga_saved_state.h"

#include <utility>

namespace vivarium {

namespace {

constexpr PciIdentity kIdentity{.vendorId = 0x1234, .deviceId = 0x1111, .classCode = 0x030000};
constexpr unsigned kFrameBufferBar = 0, kRegisterBar = 2;

// Layout of the register BAR (the standard VGA's published one).
constexpr uint64_t kRegisterBytes = 0x1000;
constexpr uint64_t kVgaPortsOffset = 0x400, kVgaPortsEnd = 0x420; // 0x3C0-0x3DF
constexpr uint64_t kDispiOffset = 0x500;
constexpr uint64_t kDispiEnd = kDispiOffset + 2 * VbeDispi::kRegisterCount;
constexpr uint64_t kExtensionSizeOffset = 0x600, kByteOrderOffset = 0x604, kExtensionEnd = 0x608;
constexpr uint32_t kLittleEndianValue = 0x1E1E1E1E, kBigEndianValue = 0xBEBEBEBE;

constexpr uint16_t kDispiIndexPort = 0x1CE;
constexpr int kWindowPriority = 10, kDirectPriority = 11;
// Moving CPU memory slots costs more than a few exits, and mode changes pass through states in
// which the window could be mapped.
constexpr uint32_t kTrapsBeforeMapping = 64;

template <class ReadByte>
uint64_t gather(uint64_t offset, unsigned sizeBytes, ReadByte readByte) {
    uint64_t value = 0;
    for (unsigned i = 0; i < sizeBytes; ++i)
        value |= uint64_t{readByte(offset + i)} << (8 * i);
    return value;
}

} // namespace

Result<std::unique_ptr<VgaDevice>> VgaDevice::create(VgaOptions options, PciAddress address,
                                                     PciServices services, TimerQueue& timers,
                                                     Display& display, DirtyLog* dirtyLog) {
    VideoMemory memory = TRY(VideoMemory::create(options.videoMemoryBytes));
    std::unique_ptr<VgaDevice> device(new VgaDevice(std::move(memory), std::move(options), address,
                                                    services, timers, display, dirtyLog));
    TRY(device->mapLegacy());
    display.setSource(device.get());
    return device;
}

VgaDevice::VgaDevice(VideoMemory videoMemory, VgaOptions options, PciAddress address,
                     PciServices services, TimerQueue& timers, Display& display, DirtyLog* dirtyLog)
    : VgaVideoMemory{std::move(videoMemory)}, PciDevice("vga", address, kIdentity, services),
      m_options(std::move(options)),
      m_edid(makeEdid(m_options.preferredWidth, m_options.preferredHeight)),
      m_font(findTextFont(m_options.optionRom)), m_services(services), m_display(display),
      m_dirtyLog(dirtyLog), m_registers(m_state, timers.clock()),
      m_dispi(m_state, memory.sizeBytes()), m_window(m_state, memory),
      m_picture(m_state, memory, m_window, display, timers.clock()) {
    addMemoryBar(kFrameBufferBar, BarKind::Memory32Prefetchable, memory.sizeBytes(), memory.data(),
                 MemoryRegion::DirtyLog::On);
    addBar(kRegisterBar, BarKind::Memory32, kRegisterBytes,
           ioHandler<&VgaDevice::readRegisters, &VgaDevice::writeRegisters>(this));
    if (!m_options.optionRom.empty())
        addExpansionRom(m_options.optionRom);
    if (m_options.powerOn == VgaOptions::PowerOn::TextMode)
        enterTextMode(m_state, memory, m_font);
}

VgaDevice::~VgaDevice() {
    m_display.setSource(nullptr);
}

Result<void> VgaDevice::mapLegacy() {
    m_ports3B0 = TRY(m_services.ports.map( // up to the printer's 0x3BC
        "vga", 0x3B0, 12, ioHandler<&VgaDevice::readPorts3B0, &VgaDevice::writePorts3B0>(this)));
    m_ports3C0 = TRY(m_services.ports.map(
        "vga", 0x3C0, 32, ioHandler<&VgaDevice::readPorts3C0, &VgaDevice::writePorts3C0>(this)));
    // Index at 0x1CE, data at 0x1CF and, for guests that like it aligned, at 0x1D0.
    m_dispiPorts = TRY(m_services.ports.map(
        "vbe", kDispiIndexPort, 4,
        ioHandler<&VgaDevice::readDispiPorts, &VgaDevice::writeDispiPorts>(this)));
    MemoryRegion window;
    window.name = "vga";
    window.base = VgaMemory::kWindowBase;
    window.sizeBytes = VgaMemory::kWindowBytes;
    window.handler = ioHandler<&VgaDevice::readWindow, &VgaDevice::writeWindow>(this);
    window.priority = kWindowPriority;
    m_windowMapping = TRY(m_services.memoryMap.map(std::move(window)));
    return {};
}

// --- Ports ----------------------------------------------------------------------------------

uint64_t VgaDevice::readPorts3B0(uint64_t offset, unsigned sizeBytes) {
    return gather(0x3B0 + offset, sizeBytes,
                  [this](uint64_t port) { return m_registers.read(static_cast<uint16_t>(port)); });
}

void VgaDevice::writePorts3B0(uint64_t offset, unsigned sizeBytes, uint64_t value) {
    for (unsigned i = 0; i < sizeBytes; ++i)
        writePort(static_cast<uint16_t>(0x3B0 + offset + i),
                  static_cast<uint8_t>(value >> (8 * i)));
}

uint64_t VgaDevice::readPorts3C0(uint64_t offset, unsigned sizeBytes) {
    return readPorts3B0(offset + 0x10, sizeBytes);
}

void VgaDevice::writePorts3C0(uint64_t offset, unsigned sizeBytes, uint64_t value) {
    writePorts3B0(offset + 0x10, sizeBytes, value);
}

void VgaDevice::writePort(uint16_t port, uint8_t value) {
    switch (m_registers.write(port, value)) {
    case VgaWriteEffect::None:
        break;
    case VgaWriteEffect::Memory:
        windowChanged();
        m_display.wake();
        break;
    case VgaWriteEffect::Picture:
        m_display.wake();
        break;
    }
}

uint64_t VgaDevice::readDispiPorts(uint64_t offset, unsigned) {
    return offset == 0 ? m_state.dispi.index : m_dispi.read(m_state.dispi.index);
}

void VgaDevice::writeDispiPorts(uint64_t offset, unsigned, uint64_t value) {
    if (offset == 0)
        m_state.dispi.index = static_cast<uint16_t>(value);
    else
        writeDispi(m_state.dispi.index, static_cast<uint16_t>(value));
}

void VgaDevice::writeDispi(uint16_t index, uint16_t value) {
    VbeDispi::Effect effect = m_dispi.write(index, value);
    switch (effect) {
    case VbeDispi::Effect::None:
        return;
    case VbeDispi::Effect::Picture:
        break;
    case VbeDispi::Effect::ModeEntered:
        if (auto mode = vbeMode(m_state, memory.sizeBytes()))
            memory.zero(0, uint64_t{mode->strideBytes} * mode->height);
        [[fallthrough]];
    case VbeDispi::Effect::ModeEnteredKeepMemory:
    case VbeDispi::Effect::Memory:
        // Writes that no refresh has looked at yet are not lost sight of by the new mode.
        memory.markAllDirty();
        windowChanged();
        break;
    }
    m_display.wake();
}

// --- Register BAR ---------------------------------------------------------------------------

uint8_t VgaDevice::readRegisterByte(uint64_t offset) {
    if (offset < m_edid.size())
        return m_edid[offset];
    if (offset < kVgaPortsOffset)
        return 0; // room for EDID extensions
    if (offset < kVgaPortsEnd)
        return m_registers.read(static_cast<uint16_t>(offset - kVgaPortsOffset + 0x3C0));
    if (offset >= kDispiOffset && offset < kDispiEnd) {
        auto index = static_cast<uint16_t>((offset - kDispiOffset) / 2);
        return static_cast<uint8_t>(m_dispi.read(index) >> (8 * (offset & 1)));
    }
    if (offset >= kExtensionSizeOffset && offset < kByteOrderOffset)
        return offset == kExtensionSizeOffset ? kExtensionEnd - kExtensionSizeOffset : 0;
    if (offset >= kByteOrderOffset && offset < kExtensionEnd) {
        bool little = m_state.byteOrder == PixelByteOrder::LittleEndian;
        return static_cast<uint8_t>(little ? kLittleEndianValue : kBigEndianValue);
    }
    return 0xFF;
}

uint64_t VgaDevice::readRegisters(uint64_t offset, unsigned sizeBytes) {
    return gather(offset, sizeBytes, [this](uint64_t at) { return readRegisterByte(at); });
}

void VgaDevice::writeRegisters(uint64_t offset, unsigned sizeBytes, uint64_t value) {
    if (offset >= kVgaPortsOffset && offset < kVgaPortsEnd) {
        for (unsigned i = 0; i < sizeBytes && offset + i < kVgaPortsEnd; ++i)
            writePort(static_cast<uint16_t>(offset + i - kVgaPortsOffset + 0x3C0),
                      static_cast<uint8_t>(value >> (8 * i)));
    } else if (offset >= kDispiOffset && offset < kDispiEnd) {
        if (sizeBytes == 1) // half a register: no guest needs it
            return;
        for (unsigned i = 0; i < sizeBytes && offset + i < kDispiEnd; i += 2)
            writeDispi(static_cast<uint16_t>((offset + i - kDispiOffset) / 2),
                       static_cast<uint16_t>(value >> (8 * i)));
    } else if (offset == kByteOrderOffset && sizeBytes == 4) {
        if (value == kLittleEndianValue)
            m_state.byteOrder = PixelByteOrder::LittleEndian;
        else if (value == kBigEndianValue)
            m_state.byteOrder = PixelByteOrder::BigEndian;
        m_display.wake();
    }
}

// --- Window at 0xA0000 ----------------------------------------------------------------------

uint64_t VgaDevice::readWindow(uint64_t offset, unsigned sizeBytes) {
    mapWindowDirectly();
    return gather(offset, sizeBytes,
                  [this](uint64_t at) { return m_window.read(static_cast<uint32_t>(at)); });
}

void VgaDevice::writeWindow(uint64_t offset, unsigned sizeBytes, uint64_t value) {
    mapWindowDirectly();
    for (unsigned i = 0; i < sizeBytes; ++i)
        m_window.write(static_cast<uint32_t>(offset + i), static_cast<uint8_t>(value >> (8 * i)));
    if (memory.anyDirty())
        m_display.wake();
}

void VgaDevice::mapWindowDirectly() {
    if (m_direct || ++m_trapped < kTrapsBeforeMapping)
        return;
    m_trapped = 0;
    auto direct = m_window.direct();
    if (!direct)
        return;
    MemoryRegion region;
    region.name = "vga";
    region.base = VgaMemory::kWindowBase + direct->windowOffset;
    region.sizeBytes = direct->sizeBytes;
    region.kind = MemoryKind::Ram;
    region.host = memory.data() + direct->memoryOffset;
    region.priority = kDirectPriority;
    region.dirtyLog = MemoryRegion::DirtyLog::On;
    auto mapping = m_services.memoryMap.map(std::move(region));
    if (!mapping)
        return; // trapping goes on
    m_directMapping = std::move(*mapping);
    m_direct = direct;
    m_display.wake(); // polled from now on
}

// Registers changed: a direct mapping that no longer does what a trapped access would must go.
void VgaDevice::windowChanged() {
    m_trapped = 0;
    if (!m_direct || m_window.direct() == m_direct)
        return;
    memory.markDirty(m_direct->memoryOffset, m_direct->sizeBytes);
    m_directMapping.reset();
    m_direct.reset();
}

void VgaDevice::mappingsChanged() {
    memory.markAllDirty(); // a new mapping knows nothing of earlier writes
    m_display.wake();
}

// --- Picture --------------------------------------------------------------------------------

void VgaDevice::collectDirty() {
    if (!VbeDispi::enabled(m_state) && !m_direct)
        return; // all drawing is trapped
    VideoMemory::Range visible = m_picture.visibleRange();
    uint64_t offset = alignDown(visible.offset, VideoMemory::kPageBytes);
    uint64_t length = alignUp(visible.offset + visible.length, VideoMemory::kPageBytes) - offset;
    if (length == 0)
        return;
    if (!m_dirtyLog) {
        memory.collectChanged(offset, length);
        return;
    }
    if (auto base = barAddress(kFrameBufferBar))
        memory.collectWritten(*m_dirtyLog, *base + offset, offset, length);
    if (m_direct)
        memory.collectWritten(*m_dirtyLog, VgaMemory::kWindowBase + m_direct->windowOffset,
                              m_direct->memoryOffset, m_direct->sizeBytes);
}

bool VgaDevice::refresh() {
    bool polled = VbeDispi::enabled(m_state) || m_direct;
    m_display.setUpdates(polled ? Display::Updates::Polled : Display::Updates::Announced);
    collectDirty();
    return m_picture.refresh();
}

// --- Reset, save, restore -------------------------------------------------------------------

void VgaDevice::stateReplaced() {
    memory.markAllDirty();
    m_picture.invalidate();
    windowChanged();
    m_display.wake();
}

void VgaDevice::reset() {
    PciDevice::reset();
    m_state = {};
    memory.zero(0, memory.sizeBytes());
    if (m_options.powerOn == VgaOptions::PowerOn::TextMode)
        enterTextMode(m_state, memory, m_font);
    stateReplaced();
}

void VgaDevice::save(StateWriter& writer) const {
    PciDevice::save(writer);
    saveVgaState(m_state, writer);
    memory.save(writer);
}

Result<void> VgaDevice::restore(StateReader& reader) {
    VgaState state;
    auto read = [&]() -> Result<void> {
        TRY(PciDevice::restore(reader));
        TRY(restoreVgaState(state, memory.sizeBytes(), reader));
        TRY(memory.restore(reader));
        return {};
    }();
    if (!read) {
        reset();
        return read;
    }
    m_state = state;
    stateReplaced();
    return {};
}

} // namespace vivarium
