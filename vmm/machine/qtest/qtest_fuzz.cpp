#include "vmm/base/bytes.h"
#include "vmm/machine/qtest/qtest_test_machine.h"

#include <algorithm>

using namespace vivarium;

// The input is a guest's accesses: operation, place and value, ten bytes each. The machine is built
// anew for every input, so that a finding can be repeated.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    auto machine = test::makeQtestMachine();
    if (!machine)
        return 0;
    constexpr size_t kRecordBytes = 10, kMaxRecords = 4096;
    const size_t records = std::min(size / kRecordBytes, kMaxRecords);
    for (size_t i = 0; i < records; ++i, data += kRecordBytes) {
        const unsigned sizeBytes = 1u << (data[0] & 3);
        const uint32_t place = loadLe<uint32_t>(data + 2);
        const uint32_t value = loadLe<uint32_t>(data + 6);
        uint8_t bytes[8] = {};
        switch (data[0] >> 2 & 7) {
        case 0:
        case 1:
            machine->writePort(static_cast<uint16_t>(place), std::min(sizeBytes, 4u), value);
            break;
        case 2:
            machine->readPort(static_cast<uint16_t>(place), std::min(sizeBytes, 4u));
            break;
        case 3:
        case 4:
            storeLe<uint32_t>(bytes, value);
            machine->writeMemory(place, {bytes, sizeBytes});
            break;
        case 5:
            machine->readMemory(place, {bytes, sizeBytes});
            break;
        default:
            machine->advanceTo(machine->nowNs() + (value & 0xFFFFFF));
            break;
        }
        machine->takeInterruptChanges();
        machine->takeMessages();
    }
    return 0;
}
