#pragma once

#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"
#include "vmm/kvm/cpuid.h"

#include <cstdint>
#include <vector>

namespace vivarium {

// The host's KVM: an open /dev/kvm of the right version with everything that the engine needs.
// Immutable after creation; any thread.
class KvmSystem {
public:
    // Opens /dev/kvm. The error is the first sentence and remedy of checkKvm().
    static Result<KvmSystem> open();
    // Takes an already open /dev/kvm (a sandboxed worker gets it passed). Errors: Unsupported,
    // InvalidArgument (not a KVM descriptor).
    static Result<KvmSystem> fromDescriptor(UniqueFd device);

    int fd() const { return m_device.get(); }
    // Value of KVM_CHECK_EXTENSION: 0 is "no".
    int extension(unsigned capability) const;
    size_t vcpuRunBytes() const { return m_vcpuRunBytes; }
    unsigned maxVcpus() const { return m_maxVcpus; }
    uint32_t maxVcpuIds() const { return m_maxVcpuIds; }
    // The CPUID that this host can give to a guest.
    const std::vector<CpuidEntry>& supportedCpuid() const { return m_cpuid; }
    // Model-specific registers that belong into a saved state.
    const std::vector<uint32_t>& savedMsrs() const { return m_msrs; }

private:
    explicit KvmSystem(UniqueFd device) : m_device(std::move(device)) {}
    Result<void> readCapabilities();

    UniqueFd m_device;
    size_t m_vcpuRunBytes = 0;
    unsigned m_maxVcpus = 0;
    uint32_t m_maxVcpuIds = 0;
    std::vector<CpuidEntry> m_cpuid;
    std::vector<uint32_t> m_msrs;
};

// Names of the extensions that the engine cannot do without and that `device` (an open /dev/kvm)
// lacks.
std::vector<std::string> missingKvmExtensions(int device);

} // namespace vivarium
