#pragma once

#include "vmm/base/guest_address.h"

#include <cstdint>
#include <string_view>

namespace vivarium {

// Why an executor came back. Always at an instruction boundary, with the CpuState complete.
enum class ExecutorExit {
    Attention,     // CpuState::attention is not zero
    Inactive,      // CpuState's activity is no longer "running" (HLT, shutdown, wait for SIPI)
    InternalError, // `Executor::errorText` says why; the guest cannot go on
};

// What runs a vCPU's instructions: the pure interpreter or the translator, bound to one CpuState at
// creation. All calls belong to the vCPU's thread (or to whoever holds the vCPU outside run())
// except requestCodeInvalidation.
class Executor {
public:
    virtual ~Executor() = default;
    virtual std::string_view name() const = 0; // "interpreter", "translator"

    // Executes instructions until there is a reason to return. Reads `attention` before the first
    // instruction, so that a caller that left it set gets nothing executed. Does not deliver
    // external interrupts: the caller does that between two runs.
    virtual ExecutorExit run() = 0;
    // Why run() returned InternalError. Valid until the next run().
    virtual std::string_view errorText() const = 0;

    // Forgets everything derived from the CpuState, the page tables and guest memory: after reset,
    // restore, registers set from outside, or a change of the memory map.
    virtual void invalidateAll() = 0;
    // The code in [address, address + sizeBytes) is about to change, or has been changed by
    // somebody who is not this vCPU. Any thread; takes effect no later than the next time the vCPU
    // looks at `attention`, which the caller sets afterwards.
    virtual void requestCodeInvalidation(GuestAddress address, uint64_t sizeBytes) = 0;
};

} // namespace vivarium
