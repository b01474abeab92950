#pragma once

#include "vmm/base/result.h"
#include "vmm/control/machine_config.h"
#include "vmm/kvm/kvm_system.h"
#include "vmm/softcpu/native_reserve.h"

#include <string>
#include <vector>

namespace vivarium {

// What is to execute a guest, decided once a machine.
struct AcceleratorDecision {
    enum class Kind { Kvm, Software } kind = Kind::Kvm;
    std::string reason; // an English sentence for users
};

// What a process has for making accelerators; errors say why it has not.
struct AcceleratorHost {
    Result<KvmSystem> kvm;
    Result<NativeReserve> software;      // also helps KVM with instructions that it cannot emulate
    std::vector<std::string> kvmLacks{}; // probeKvm()
};

// Errors: of the accelerator that was asked for; KVM's where neither can be used.
Result<AcceleratorDecision> decideAccelerator(control::AcceleratorChoice wanted,
                                              const AcceleratorHost& host);

} // namespace vivarium
