#pragma once

#include "vmm/softcpu/cpu_state.h"

#include <cstdint>
#include <vector>

#include <sys/types.h>

namespace vivarium::softcpu::test {

// A child process that executes instructions on the host's own processor: the third opinion beside
// interpreter and translator. Its window of memory lies at the same addresses as the guest's.
class NativeChild {
public:
    // Maps `bytes` at the fixed `address` in the child (and here).
    NativeChild(uint64_t address, uint64_t bytes);
    ~NativeChild();
    NativeChild(const NativeChild&) = delete;
    NativeChild& operator=(const NativeChild&) = delete;

    bool usable() const { return m_pid > 0; } // ptrace may be forbidden
    uint8_t* window() const { return m_window; }

    struct Outcome {
        int signal = 0;   // SIGTRAP: reached INT3
        uint64_t rip = 0; // of the INT3 or of the instruction that faulted
        uint64_t gpr[16] = {};
        uint64_t flags = 0;
        uint8_t xsave[kXsaveBytes] = {}; // standard form
    };
    // Runs from `state.rip` with the general registers, arithmetic flags and XSAVE area of `state`
    // until INT3 or a fault.
    Outcome run(const CpuState& state);

private:
    uint8_t* m_window = nullptr;
    uint64_t m_bytes;
    pid_t m_pid = -1;
};

} // namespace vivarium::softcpu::test
