#pragma once

// What VGA tests share: an adapter on buses without a CPU, driven as a guest drives it.

#include "tests/support/device_test_doubles.h"
#include "tests/support/pci_device_contract.h"
#include "vmm/devices/display/vga_device.h"

#include <cstdlib>
#include <initializer_list>
#include <span>
#include <vector>

namespace vivarium::test {

class RecordingViewer final : public DisplayViewer {
public:
    void scanoutChanged(const Scanout& scanout) override { scanouts.push_back(scanout.info); }
    void damaged(const std::vector<Rect>& rectangles) override {
        damage.insert(damage.end(), rectangles.begin(), rectangles.end());
    }
    std::vector<ScanoutInfo> scanouts;
    std::vector<Rect> damage;
};

// Answers as told; remembers what it was asked.
class TestDirtyLog final : public DirtyLog {
public:
    bool fetchDirtyPages(GuestAddress base, uint64_t sizeBytes,
                         std::vector<uint64_t>& pages) override {
        fetched.push_back({base, sizeBytes});
        pages.assign((sizeBytes / kPageBytes + 63) / 64, 0);
        bool any = false;
        for (GuestAddress address : written)
            if (address >= base && address - base < sizeBytes) {
                uint64_t page = (address - base) / kPageBytes;
                pages[page / 64] |= uint64_t{1} << page % 64;
                any = true;
            }
        return any;
    }
    std::vector<GuestAddress> written;
    std::vector<AddressRange> fetched;
};

struct VgaBench : DeviceBench {
    static constexpr uint64_t kFrameBuffer = 0xC0000000, kRegisters = 0xC8000000;

    RecordingInterruptRouter router;
    Display display{timers};
    RecordingViewer viewer;
    std::unique_ptr<VgaDevice> vga;

    explicit VgaBench(VgaOptions options = {}, DirtyLog* dirtyLog = nullptr) {
        auto created =
            VgaDevice::create(std::move(options), {2, 0}, services(), timers, display, dirtyLog);
        if (!created)
            std::abort();
        vga = std::move(*created);
    }
    PciServices services() { return {ports, memoryMap, interrupts, router}; }

    void placeBars() {
        MutexLocker locker(lock);
        vga->writeConfig(0x10, 4, kFrameBuffer);
        vga->writeConfig(0x18, 4, kRegisters);
        vga->writeConfig(0x04, 2, 3);
    }
    void out(uint16_t port, unsigned value) { ports.write(port, 1, value); }
    uint8_t in(uint16_t port) { return static_cast<uint8_t>(ports.read(port, 1)); }
    // Index and value as guests write them: one 16-bit access.
    void outIndexed(uint16_t port, unsigned index, unsigned value) {
        ports.write(port, 2, index | value << 8);
    }
    void outAttribute(unsigned index, unsigned value) {
        in(0x3DA);
        out(0x3C0, index);
        out(0x3C0, value);
        in(0x3DA);
        out(0x3C0, 0x20);
    }
    void outDispi(unsigned index, unsigned value) {
        ports.write(0x1CE, 2, index);
        ports.write(0x1D0, 2, value);
    }
    unsigned inDispi(unsigned index) {
        ports.write(0x1CE, 2, index);
        return ports.read(0x1D0, 2);
    }
    void setVbeMode(unsigned width, unsigned height, unsigned bitsPerPixel, unsigned flags = 0x41) {
        outDispi(4, 0);
        outDispi(1, width);
        outDispi(2, height);
        outDispi(3, bitsPerPixel);
        outDispi(4, flags);
        out(0x3C2, 0x63); // a colour monitor, so that status 1 answers
        in(0x3DA);
        out(0x3C0, 0x20);
    }
    void setColor(unsigned index, uint32_t rgb666) {
        out(0x3C8, index);
        out(0x3C9, rgb666 >> 16);
        out(0x3C9, rgb666 >> 8 & 0x3F);
        out(0x3C9, rgb666 & 0x3F);
    }
    // A standard mode as a BIOS sets it: misc, sequencer 1-4, CRTC, graphics 0-8, attribute
    // 0x10-0x14; the palette is the index in the attribute controller.
    struct Mode {
        uint8_t misc;
        std::array<uint8_t, 4> sequencer;
        std::array<uint8_t, 25> crtc;
        std::array<uint8_t, 9> graphics;
        std::array<uint8_t, 5> attribute;
    };
    void setMode(const Mode& mode) {
        out(0x3C2, mode.misc);
        for (unsigned i = 0; i < mode.sequencer.size(); ++i)
            outIndexed(0x3C4, i + 1, mode.sequencer[i]);
        outIndexed(0x3D4, 0x11, 0); // unprotect
        for (unsigned i = 0; i < mode.crtc.size(); ++i)
            outIndexed(0x3D4, i, mode.crtc[i]);
        for (unsigned i = 0; i < mode.graphics.size(); ++i)
            outIndexed(0x3CE, i, mode.graphics[i]);
        in(0x3DA);
        for (unsigned i = 0; i < 16; ++i) {
            out(0x3C0, i);
            out(0x3C0, i);
        }
        for (unsigned i = 0; i < mode.attribute.size(); ++i) {
            out(0x3C0, 0x10 + i);
            out(0x3C0, mode.attribute[i]);
        }
        out(0x3C0, 0x20);
    }
    void poke(GuestAddress address, unsigned value) { writeMemory(address, 1, value); }
    uint8_t peek(GuestAddress address) { return static_cast<uint8_t>(readMemory(address, 1)); }

    void refresh() {
        MutexLocker locker(lock);
        display.refreshNow();
    }
    void look() {
        MutexLocker locker(lock);
        display.addViewer(viewer);
    }
    const ScanoutInfo& picture() { return display.scanout().info; }
    // 0x00RRGGBB on the screen as it was last refreshed.
    uint32_t pixel(uint32_t x, uint32_t y) {
        const Scanout& scanout = display.scanout();
        if (x >= scanout.info.width || y >= scanout.info.height)
            return 0xFFFFFFFF;
        return loadLe<uint32_t>(scanout.pixels + uint64_t{y} * scanout.info.strideBytes + x * 4) &
               0xFFFFFF;
    }
};

// Mode tables of the IBM VGA technical reference.
inline constexpr VgaBench::Mode kTextMode{0x67,
                                          {0x00, 0x03, 0x00, 0x02},
                                          {0x5F, 0x4F, 0x50, 0x82, 0x55, 0x81, 0xBF, 0x1F, 0x00,
                                           0x4F, 0x0D, 0x0E, 0x00, 0x00, 0x00, 0x00, 0x9C, 0x8E,
                                           0x8F, 0x28, 0x1F, 0x96, 0xB9, 0xA3, 0xFF},
                                          {0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0E, 0x00, 0xFF},
                                          {0x0C, 0x00, 0x0F, 0x08, 0x00}};
inline constexpr VgaBench::Mode kPlanarMode{
    // 0x12: 640x480, 16 colours
    0xE3,
    {0x01, 0x0F, 0x00, 0x06},
    {0x5F, 0x4F, 0x50, 0x82, 0x54, 0x80, 0x0B, 0x3E, 0x00, 0x40, 0x00, 0x00, 0x00,
     0x00, 0x00, 0x00, 0xEA, 0x8C, 0xDF, 0x28, 0x00, 0xE7, 0x04, 0xE3, 0xFF},
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x0F, 0xFF},
    {0x01, 0x00, 0x0F, 0x00, 0x00}};
inline constexpr VgaBench::Mode kMode13{
    // 320x200, 256 colours
    0x63,
    {0x01, 0x0F, 0x00, 0x0E},
    {0x5F, 0x4F, 0x50, 0x82, 0x54, 0x80, 0xBF, 0x1F, 0x00, 0x41, 0x00, 0x00, 0x00,
     0x00, 0x00, 0x00, 0x9C, 0x8E, 0x8F, 0x28, 0x40, 0x96, 0xB9, 0xA3, 0xFF},
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x40, 0x05, 0x0F, 0xFF},
    {0x41, 0x00, 0x0F, 0x00, 0x00}};
inline constexpr VgaBench::Mode kCgaMode4{
    // 320x200, 4 colours
    0x63,
    {0x09, 0x03, 0x00, 0x02},
    {0x2D, 0x27, 0x28, 0x90, 0x2B, 0x80, 0xBF, 0x1F, 0x00, 0xC1, 0x00, 0x00, 0x00,
     0x00, 0x00, 0x00, 0x9C, 0x8E, 0x8F, 0x14, 0x00, 0x96, 0xB9, 0xA2, 0xFF},
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x30, 0x0F, 0x00, 0xFF},
    {0x01, 0x00, 0x03, 0x00, 0x00}};
inline constexpr VgaBench::Mode kCgaMode6{
    // 640x200, 2 colours
    0x63,
    {0x01, 0x01, 0x00, 0x06},
    {0x5F, 0x4F, 0x50, 0x82, 0x54, 0x80, 0xBF, 0x1F, 0x00, 0xC1, 0x00, 0x00, 0x00,
     0x00, 0x00, 0x00, 0x9C, 0x8E, 0x8F, 0x28, 0x00, 0x96, 0xB9, 0xC2, 0xFF},
    {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0D, 0x00, 0xFF},
    {0x01, 0x00, 0x01, 0x00, 0x00}};

} // namespace vivarium::test
