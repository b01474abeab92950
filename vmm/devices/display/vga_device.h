#pragma once

#include "vmm/base/timer_queue.h"
#include "vmm/backends/display/display.h"
#include "vmm/bus/dirty_log.h"
#include "vmm/devices/display/edid.h"
#include "vmm/devices/display/vbe_dispi.h"
#include "vmm/devices/display/vga_memory.h"
#include "vmm/devices/display/vga_picture.h"
#include "vmm/devices/display/vga_registers.h"
#include "vmm/devices/display/vga_state.h"
#include "vmm/devices/display/video_memory.h"
#include "vmm/devices/pci/pci_device.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace vivarium {

struct VgaOptions {
    uint64_t videoMemoryBytes = 16 << 20; // a power of two, 1..256 MiB; 3840x2160 needs 32 MiB
    uint32_t preferredWidth = 1280, preferredHeight = 800; // what EDID asks for
    std::vector<uint8_t> optionRom{};                      // vgabios-stdvga.bin; empty: none
    // What reset leaves behind. TextMode: the standard 80x25 text mode, as firmware does, for
    // guests that are started without firmware (its font is taken out of the option ROM).
    enum class PowerOn { Nothing, TextMode } powerOn = PowerOn::Nothing;
};

// Holds the memory in a base class, so that it outlives the PCI windows that map it.
struct VgaVideoMemory {
    VideoMemory memory;
};

// The standard VGA adapter: PCI 1234:1111 with the frame buffer in BAR 0 and registers in BAR 2,
// the legacy ports and the window at 0xA0000, VBE DISPI. All calls with the device lock held.
class VgaDevice final : private VgaVideoMemory, public PciDevice, public DisplaySource {
public:
    // Claims its ports and becomes the display's source. `dirtyLog` tells which pages the CPUs
    // wrote; null: contents are compared at every refresh. Errors: InvalidArgument (memory size),
    // NoSpace, Busy (ports).
    static Result<std::unique_ptr<VgaDevice>> create(VgaOptions options, PciAddress address,
                                                     PciServices services, TimerQueue& timers,
                                                     Display& display, DirtyLog* dirtyLog);
    ~VgaDevice() override;

    void reset() override;
    void save(StateWriter& writer) const override;
    Result<void> restore(StateReader& reader) override;

    bool refresh() override;
    std::optional<TextScreen> textScreen() override { return m_picture.textScreen(); }

    const VgaState& state() const { return m_state; }
    const VideoMemory& videoMemory() const { return memory; }

private:
    VgaDevice(VideoMemory videoMemory, VgaOptions options, PciAddress address, PciServices services,
              TimerQueue& timers, Display& display, DirtyLog* dirtyLog);
    Result<void> mapLegacy();

    uint64_t readPorts3B0(uint64_t offset, unsigned sizeBytes);
    void writePorts3B0(uint64_t offset, unsigned sizeBytes, uint64_t value);
    uint64_t readPorts3C0(uint64_t offset, unsigned sizeBytes);
    void writePorts3C0(uint64_t offset, unsigned sizeBytes, uint64_t value);
    uint64_t readDispiPorts(uint64_t offset, unsigned sizeBytes);
    void writeDispiPorts(uint64_t offset, unsigned sizeBytes, uint64_t value);
    uint64_t readWindow(uint64_t offset, unsigned sizeBytes);
    void writeWindow(uint64_t offset, unsigned sizeBytes, uint64_t value);
    uint64_t readRegisters(uint64_t offset, unsigned sizeBytes);
    void writeRegisters(uint64_t offset, unsigned sizeBytes, uint64_t value);
    uint8_t readRegisterByte(uint64_t offset);

    void writePort(uint16_t port, uint8_t value);
    void writeDispi(uint16_t index, uint16_t value);
    void mappingsChanged() override;
    void windowChanged();
    void mapWindowDirectly();
    void collectDirty();
    void stateReplaced();

    // Configuration
    const VgaOptions m_options;
    const std::array<uint8_t, kEdidBytes> m_edid;
    std::vector<uint8_t> m_font; // 256 glyphs of 16 lines, or empty

    // Dependencies
    PciServices m_services;
    Display& m_display;
    DirtyLog* m_dirtyLog;

    // State
    VgaState m_state;

    VgaRegisters m_registers;
    VbeDispi m_dispi;
    VgaMemory m_window;
    VgaPicture m_picture;
    std::optional<VgaMemory::Direct> m_direct; // what of the window is mapped as RAM now
    uint32_t m_trapped = 0;                    // accesses since the window changed
    PortMapping m_ports3B0, m_ports3C0, m_dispiPorts;
    MemoryMapping m_windowMapping, m_directMapping;
};

} // namespace vivarium
