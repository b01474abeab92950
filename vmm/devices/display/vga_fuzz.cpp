// Drives the adapter as a hostile guest would: random port, window, frame buffer, register BAR and
// configuration accesses with refreshes in between.

#include "tests/support/fuzz_input.h"
#include "vmm/devices/display/vga_test_bench.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

using namespace vivarium;
using namespace vivarium::test;

namespace {

void step(VgaBench& bench, FuzzInput& input) {
    auto kind = input.take<uint8_t>();
    unsigned sizeBytes = 1u << (kind >> 6);
    auto value = input.take<uint32_t>();
    switch (kind & 15) {
    case 0:
    case 1:
    case 2:
        bench.out(static_cast<uint16_t>(0x3B0 + input.take<uint8_t>() % 0x30), value);
        break;
    case 3:
        bench.ports.read(static_cast<uint16_t>(0x3B0 + input.take<uint8_t>() % 0x30),
                         std::min(sizeBytes, 4u));
        break;
    case 4:
        bench.outIndexed(0x3D4, value & 0x1F, value >> 8 & 0xFF);
        break;
    case 5:
        bench.outIndexed(value & 0x80 ? 0x3C4 : 0x3CE, value & 0x0F, value >> 8 & 0xFF);
        break;
    case 6:
        bench.outAttribute(value & 0x1F, value >> 8 & 0xFF);
        break;
    case 7:
        bench.outDispi(value & 15, value >> 16);
        break;
    case 8:
        bench.setMode(value & 1 ? kTextMode : value & 2 ? kPlanarMode : kCgaMode4);
        break;
    case 9:
        bench.setVbeMode(value & 0xFFF, value >> 12 & 0xFFF, 8 * (value >> 24 & 7));
        break;
    case 10:
        bench.readMemory(0xA0000 + value % 0x20000, sizeBytes);
        break;
    case 11:
        bench.writeMemory(0xA0000 + value % 0x20000, sizeBytes, input.take<uint64_t>());
        break;
    case 12:
        bench.writeMemory(VgaBench::kFrameBuffer + value % (1 << 20), sizeBytes,
                          input.take<uint64_t>());
        break;
    case 13:
        bench.writeMemory(VgaBench::kRegisters + value % 0x1000, sizeBytes, input.take<uint64_t>());
        break;
    case 14:
        bench.readMemory(VgaBench::kRegisters + value % 0x1000, sizeBytes);
        break;
    default:
        bench.advance(value & 0xFFFFFFF, 4);
        bench.refresh();
        MutexLocker locker(bench.lock);
        bench.display.textScreen();
        if (!scanoutIsValid(bench.picture()))
            __builtin_trap();
        break;
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    constexpr int kMaxSteps = 400;
    VgaOptions options;
    options.videoMemoryBytes = 1 << 20;
    VgaBench bench(std::move(options));
    bench.placeBars();
    bench.look();
    FuzzInput input(data, size);
    for (int i = 0; i < kMaxSteps && !input.empty(); ++i)
        step(bench, input);
    return 0;
}
