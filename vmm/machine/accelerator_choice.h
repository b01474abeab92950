#pragma once

#include "vmm/base/result.h"
#include "vmm/control/machine_config.h"
#include "vmm/kvm/kvm_system.h"

#include <string>

namespace vivarium {

// What is to execute a guest, decided once a machine.
struct AcceleratorDecision {
    enum class Kind { Kvm, Software } kind = Kind::Kvm;
    std::string reason; // an English sentence for users
};

// `kvm` is the host's, or why it cannot be used. Errors: KVM was asked for and cannot be used (its
// own error).
Result<AcceleratorDecision> decideAccelerator(control::AcceleratorChoice wanted,
                                              const Result<KvmSystem>& kvm);

} // namespace vivarium
