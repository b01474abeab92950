#include "vmm/machine/accelerator_choice.h"

namespace vivarium {

Result<AcceleratorDecision> decideAccelerator(control::AcceleratorChoice wanted,
                                              const Result<KvmSystem>& kvm) {
    using Kind = AcceleratorDecision::Kind;
    switch (wanted) {
    case control::AcceleratorChoice::Kvm:
        if (!kvm)
            return kvm.error();
        return AcceleratorDecision{Kind::Kvm, "The machine's settings ask for KVM."};
    case control::AcceleratorChoice::Software:
        return fail(ErrorCode::Unsupported,
                    "This version has no software processor. Set the machine's acceleration to KVM "
                    "or leave the choice to Vivarium.");
    case control::AcceleratorChoice::Auto:
        break;
    }
    if (!kvm)
        return kvm.error();
    return AcceleratorDecision{Kind::Kvm, "KVM can be used on this computer."};
}

} // namespace vivarium
