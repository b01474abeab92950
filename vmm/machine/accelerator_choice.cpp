#include "vmm/machine/accelerator_choice.h"

#include <algorithm>

namespace vivarium {

namespace {

// Of what KVM lacks, single instructions are completed in software; the rest stays.
constexpr const char* kBeyondCompletion[] = {"32-bit paging", "SYSCALL"};

std::string lacksText(const AcceleratorHost& host) {
    std::string names;
    for (const std::string& name : host.kvmLacks) {
        if (host.software && std::find(std::begin(kBeyondCompletion), std::end(kBeyondCompletion),
                                       name) == std::end(kBeyondCompletion))
            continue;
        names += (names.empty() ? "" : ", ") + name;
    }
    if (names.empty())
        return {};
    return " It cannot run " + names + "; for systems that need it, choose the software processor.";
}

} // namespace

Result<AcceleratorDecision> decideAccelerator(control::AcceleratorChoice wanted,
                                              const AcceleratorHost& host) {
    using Kind = AcceleratorDecision::Kind;
    switch (wanted) {
    case control::AcceleratorChoice::Kvm:
        if (!host.kvm)
            return host.kvm.error();
        return AcceleratorDecision{Kind::Kvm, "The machine's settings ask for KVM."};
    case control::AcceleratorChoice::Software:
        if (!host.software)
            return host.software.error();
        return AcceleratorDecision{Kind::Software,
                                   "The machine's settings ask for the software processor."};
    case control::AcceleratorChoice::Auto:
        break;
    }
    if (host.kvm)
        return AcceleratorDecision{Kind::Kvm,
                                   "KVM can be used on this computer." + lacksText(host)};
    if (!host.software)
        return host.kvm.error();
    return AcceleratorDecision{Kind::Software,
                               "KVM cannot be used here, so the processor is made in software, "
                               "which is slower. " +
                                   host.kvm.error().detail};
}

} // namespace vivarium
