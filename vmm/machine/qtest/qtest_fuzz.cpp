#include "tests/support/fuzz_input.h"
#include "vmm/base/bytes.h"
#include "vmm/machine/qtest/qtest_test_machine.h"

#include <algorithm>
#include <array>

using namespace vivarium;

namespace {

// Where devices answer, and RAM for their descriptors. Most addresses have nobody behind them.
constexpr std::array<GuestAddress, 8> kWindows{0,          0xA0000,    0xB0000000, 0xC0000000,
                                               0xD0000000, 0xFEC00000, 0xFED00000, 0xFED1C000};
constexpr uint32_t kWindowMask = 0x3FFFF;

GuestAddress placeInMemory(uint32_t place) {
    return kWindows[place >> 29] + (place & kWindowMask);
}

void step(QtestMachine& machine, test::FuzzInput& input) {
    const auto action = input.take<uint8_t>();
    const unsigned sizeBytes = 1u << (action & 3);
    const unsigned portBytes = std::min(sizeBytes, 4u);
    uint8_t bytes[8] = {};
    switch (action >> 2 & 7) {
    case 0:
    case 1: {
        const auto port = input.take<uint16_t>();
        machine.writePort(port, portBytes, input.take<uint32_t>());
        break;
    }
    case 2:
        machine.readPort(input.take<uint16_t>(), portBytes);
        break;
    case 3: {
        const GuestAddress address = placeInMemory(input.take<uint32_t>());
        storeLe<uint64_t>(bytes, input.take<uint64_t>());
        machine.writeMemory(address, {bytes, sizeBytes});
        break;
    }
    case 4:
        machine.readMemory(placeInMemory(input.take<uint32_t>()), {bytes, sizeBytes});
        break;
    case 5: { // anywhere below 4 GiB
        const auto address = input.take<uint32_t>();
        storeLe<uint32_t>(bytes, input.take<uint32_t>());
        machine.writeMemory(address, {bytes, sizeBytes});
        break;
    }
    case 6: // a configuration access on bus 0
        machine.writePort(0xCF8, 4, 0x80000000 | (input.take<uint16_t>() & 0xFFFC));
        if (action & 0x80)
            machine.writePort(0xCFC, portBytes, input.take<uint32_t>());
        else
            machine.readPort(0xCFC, portBytes);
        break;
    default:
        machine.advanceTo(machine.nowNs() + (input.take<uint32_t>() & 0xFFFFFF));
        break;
    }
    machine.takeInterruptChanges();
    machine.takeMessages();
}

} // namespace

// The input is a guest's accesses. The machine is built anew for every input, so that a finding can
// be repeated.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    auto machine = test::makeQtestMachine();
    if (!machine)
        return 0;
    constexpr int kMaxSteps = 4096;
    test::FuzzInput input(data, size);
    for (int i = 0; i < kMaxSteps && !input.empty(); ++i)
        step(*machine, input);
    return 0;
}
