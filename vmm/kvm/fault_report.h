#pragma once

#include "vmm/bus/memory_map.h"
#include "vmm/bus/vcpu.h"

#include <cstdint>
#include <string>
#include <vector>

namespace vivarium {

// Why and where a vCPU cannot go on: for the log and for the user.
struct FaultReport {
    enum class Mode { Real, Virtual8086, Protected16, Protected32, Compatibility, Long };

    unsigned vcpuIndex = 0;
    std::string reason; // one line
    Mode mode = Mode::Real;
    uint64_t linearAddress = 0;            // of the instruction: CS base + RIP
    std::vector<uint8_t> instructionBytes; // up to 15; empty where they are not in RAM or ROM
    VcpuRegisters registers;

    // Several lines without trailing newline: reason, mode, address, bytes, registers.
    std::string text() const;
};

const char* faultModeName(FaultReport::Mode mode);
FaultReport::Mode executionMode(const VcpuRegisters& registers);

// Collects the report from a stopped vCPU. Reads guest memory through the map's direct sections
// only, so no device notices.
FaultReport collectFaultReport(Vcpu& vcpu, unsigned vcpuIndex, const std::string& reason,
                               const MemoryMap& memory);

} // namespace vivarium
