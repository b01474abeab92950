#include "vmm/machine/accelerator_choice.h"

#include <algorithm>

namespace vivarium {

namespace {

// Of what KVM lacks, single instructions are completed in software; the rest stays.
constexpr const char* kBeyondCompletion[] = {"32-bit paging", "SYSCALL"};

// What of it KVM lacks although single instructions are completed in software, as a list for a
// sentence; empty: nothing.
std::string lacking(const AcceleratorHost& host) {
    std::string names;
    for (const std::string& name : host.kvmLacks) {
        if (host.software && std::find(std::begin(kBeyondCompletion), std::end(kBeyondCompletion),
                                       name) == std::end(kBeyondCompletion))
            continue;
        names += (names.empty() ? "" : ", ") + name;
    }
    return names;
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
    if (host.kvm) {
        const std::string names = lacking(host);
        if (names.empty())
            return AcceleratorDecision{Kind::Kvm, "KVM can be used on this computer."};
        if (!host.software)
            return AcceleratorDecision{
                Kind::Kvm, "KVM can be used on this computer, but it cannot run " + names +
                               "; the software processor, which could, cannot be used: " +
                               host.software.error().detail};
        return AcceleratorDecision{Kind::Software,
                                   "This computer's KVM cannot run " + names +
                                       ", which ordinary systems need, so the processor is made "
                                       "in software. For systems that do without, choose KVM."};
    }
    if (!host.software)
        return host.kvm.error();
    return AcceleratorDecision{Kind::Software,
                               "KVM cannot be used here, so the processor is made in software, "
                               "which is slower. " +
                                   host.kvm.error().detail};
}

} // namespace vivarium
