#include "vmm/softcpu/test_support/test_cpu.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

using namespace vivarium;
using namespace vivarium::softcpu;
using vivarium::softcpu::test::TestCpu;

// Bytes: mode, then values for the registers, then code. Whatever the guest executes, nothing
// outside its memory changes and every step returns.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    constexpr size_t kHeader = 1 + 16 * 4 + 4;
    if (size < kHeader)
        return 0;
    static TestCpu cpu;
    cpu.state->activity = Activity::Running;
    resetCpu(*cpu.state, CpuReset::PowerOn);
    std::memset(cpu.memory.ram(), 0, 0x60000);
    switch (data[0] & 7) {
    case 0:
        cpu.realMode();
        break;
    case 1:
    case 2:
        cpu.protected32(data[0] & 1 ? 3 : 0);
        break;
    default:
        cpu.longMode(data[0] & 1 ? 3 : 0);
    }
    for (unsigned reg = 0; reg < 16; ++reg) {
        uint32_t value;
        std::memcpy(&value, data + 1 + reg * 4, sizeof value);
        cpu.reg(reg) = static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(value)));
    }
    uint32_t flags;
    std::memcpy(&flags, data + 65, sizeof flags);
    cpu.state->rflags = (flags & kWritableFlags & ~(kFlagVm | kFlagVif | kFlagVip)) | kFlagFixed;
    updateModeKey(*cpu.state);
    cpu.mmu->tlb().flushAll();
    const size_t length = std::min<size_t>(size - kHeader, 0x1000);
    std::memcpy(cpu.memory.ram() + TestCpu::kCode, data + kHeader, length);
    for (unsigned i = 0; i < 64 && cpu.state->activity == Activity::Running; ++i) {
        cpu.memory.log.clear();
        // Long repetitions end by attention, as a vCPU's do.
        cpu.state->attention = i & 1;
        cpu.interpreter->step();
    }
    if (!cpu.memory.guardsIntact())
        std::abort();
    return 0;
}
