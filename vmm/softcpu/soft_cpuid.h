#pragma once

#include "vmm/kvm/cpuid.h"

#include <cstdint>
#include <vector>

namespace vivarium {

// What the software CPU can be: the host's features as far as it carries them out, a brand of its
// own, no paravirtual leaves. The argument of guestCpuid().
std::vector<CpuidEntry> softwareCpuid();

// MAXPHYADDR that softwareCpuid() tells.
constexpr unsigned kSoftwarePhysicalBits = 40;

} // namespace vivarium
