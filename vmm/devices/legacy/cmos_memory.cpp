#include "vmm/devices/legacy/cmos_memory.h"

#include <algorithm>
#include <cstddef>

namespace vivarium {

namespace {

constexpr uint64_t kMiB = 1024 * 1024;

// Places: the PC/AT's (IBM Technical Reference, "CMOS RAM address map"), and from 0x34 on those of
// virtual machines that SeaBIOS reads.
constexpr size_t kEquipment = 0x14;
constexpr size_t kBaseMemoryKiB = 0x15;
constexpr size_t kExtendedMemoryKiB = 0x17;
constexpr size_t kExtendedMemoryFoundKiB = 0x30;
constexpr size_t kFirstSummed = 0x10;
constexpr size_t kLastSummed = 0x2D;
constexpr size_t kChecksum = 0x2E;         // high byte first
constexpr size_t kMemoryAbove16MiB = 0x34; // 64 KiB units
constexpr size_t kMemoryAbove4GiB = 0x5B;  // 64 KiB units, three bytes
constexpr size_t kBootThird = 0x38;        // high nibble
constexpr size_t kBootFirstAndSecond = 0x3D;
constexpr size_t kCpusBesideTheFirst = 0x5F;

constexpr uint8_t kCoprocessorAndMouse = 0x06;

using Memory = std::array<uint8_t, 256>;

void storeNumber(Memory& memory, size_t index, size_t byteCount, uint64_t value) {
    value = std::min(value, (uint64_t{1} << (8 * byteCount)) - 1);
    for (size_t i = 0; i < byteCount; ++i)
        memory[index + i] = static_cast<uint8_t>(value >> (8 * i));
}

} // namespace

Memory initialCmosMemory(const CmosContents& contents) {
    Memory memory{};
    memory[kEquipment] = kCoprocessorAndMouse;
    storeNumber(memory, kBaseMemoryKiB, 2, 640);
    uint64_t extendedKiB = (contents.memoryBelow4GiB - kMiB) / 1024;
    storeNumber(memory, kExtendedMemoryKiB, 2, extendedKiB);
    storeNumber(memory, kExtendedMemoryFoundKiB, 2, extendedKiB);
    uint64_t above16MiB = std::max(contents.memoryBelow4GiB, 16 * kMiB) - 16 * kMiB;
    storeNumber(memory, kMemoryAbove16MiB, 2, above16MiB >> 16);
    storeNumber(memory, kMemoryAbove4GiB, 3, contents.memoryAbove4GiB >> 16);
    storeNumber(memory, kCpusBesideTheFirst, 1, contents.cpuCount - 1);
    auto boot = [&](size_t place) { return static_cast<uint8_t>(contents.bootOrder[place]); };
    memory[kBootFirstAndSecond] = static_cast<uint8_t>(boot(0) | boot(1) << 4);
    memory[kBootThird] = static_cast<uint8_t>(boot(2) << 4);
    unsigned sum = 0;
    for (size_t i = kFirstSummed; i <= kLastSummed; ++i)
        sum += memory[i];
    memory[kChecksum] = static_cast<uint8_t>(sum >> 8);
    memory[kChecksum + 1] = static_cast<uint8_t>(sum);
    return memory;
}

} // namespace vivarium
