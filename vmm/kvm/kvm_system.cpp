#include "vmm/kvm/kvm_system.h"

#include "vmm/kvm/kvm_check.h"
#include "vmm/kvm/kvm_ioctl.h"

#include <array>
#include <string>

#include <fcntl.h>

namespace vivarium {

namespace {

struct NamedExtension {
    unsigned number;
    const char* name;
};
#define EXTENSION(name)                                                                            \
    NamedExtension {                                                                               \
        name, #name                                                                                \
    }
constexpr std::array kRequired{
    EXTENSION(KVM_CAP_IRQCHIP),        EXTENSION(KVM_CAP_USER_MEMORY),
    EXTENSION(KVM_CAP_SET_TSS_ADDR),   EXTENSION(KVM_CAP_SET_IDENTITY_MAP_ADDR),
    EXTENSION(KVM_CAP_EXT_CPUID),      EXTENSION(KVM_CAP_MP_STATE),
    EXTENSION(KVM_CAP_IRQ_ROUTING),    EXTENSION(KVM_CAP_PIT2),
    EXTENSION(KVM_CAP_PIT_STATE2),     EXTENSION(KVM_CAP_ADJUST_CLOCK),
    EXTENSION(KVM_CAP_VCPU_EVENTS),    EXTENSION(KVM_CAP_DEBUGREGS),
    EXTENSION(KVM_CAP_XSAVE),          EXTENSION(KVM_CAP_XCRS),
    EXTENSION(KVM_CAP_SIGNAL_MSI),     EXTENSION(KVM_CAP_READONLY_MEM),
    EXTENSION(KVM_CAP_IOEVENTFD),      EXTENSION(KVM_CAP_IRQFD),
    EXTENSION(KVM_CAP_IMMEDIATE_EXIT),
};
#undef EXTENSION

constexpr size_t kMaxCpuidEntries = 256; // the kernel's own limit
constexpr size_t kMaxMsrs = 1024;        // the kernel has some 150

// Performance counters, hidden from guests (Intel SDM 4, table 2-2; AMD APM 2, appendix A).
bool isPerformanceCounter(uint32_t msr) {
    auto within = [msr](uint32_t first, uint32_t last) { return msr >= first && msr <= last; };
    return within(0xC1, 0xC8) || within(0x186, 0x18D) || within(0x309, 0x30C) || msr == 0x345 ||
           within(0x38D, 0x392) || msr == 0x3F1 || msr == 0x3F2 || msr == 0x600 ||
           within(0x4C1, 0x4C8) || within(0xC0010000, 0xC0010007) ||
           within(0xC0010200, 0xC001020B) || within(0xC0000300, 0xC0000302);
}

// Memory type ranges: not in the kernel's list, but a guest's all the same (Intel SDM 3A, 12.11).
std::vector<uint32_t> memoryTypeMsrs() {
    std::vector<uint32_t> msrs{0x250, 0x258, 0x259, 0x2FF};
    for (uint32_t i = 0; i < 16; ++i)
        msrs.push_back(0x200 + i); // eight pairs of base and mask
    for (uint32_t i = 0; i < 8; ++i)
        msrs.push_back(0x268 + i);
    return msrs;
}

} // namespace

std::vector<std::string> missingKvmExtensions(int device) {
    std::vector<std::string> missing;
    for (const NamedExtension& extension : kRequired)
        if (kvmIoctl(device, KVM_CHECK_EXTENSION, static_cast<unsigned long>(extension.number)) <=
            0)
            missing.push_back(extension.name);
    return missing;
}

Result<KvmSystem> KvmSystem::open() {
    UniqueFd device(::open("/dev/kvm", O_RDWR | O_CLOEXEC));
    if (!device) {
        int number = errno;
        auto problems = checkKvm();
        if (problems.empty()) // it appeared in between
            return systemError(number, "open /dev/kvm");
        return kvmProblemError(problems);
    }
    return fromDescriptor(std::move(device));
}

Result<KvmSystem> KvmSystem::fromDescriptor(UniqueFd device) {
    int version = kvmIoctl(device.get(), KVM_GET_API_VERSION, 0ul);
    if (version < 0)
        return fail(ErrorCode::InvalidArgument, "the descriptor is not /dev/kvm");
    KvmFacts facts;
    facts.deviceExists = true;
    facts.apiVersion = version;
    facts.missingExtensions = missingKvmExtensions(device.get());
    auto problems = judgeKvm(facts);
    if (!problems.empty())
        return kvmProblemError(problems);
    KvmSystem system(std::move(device));
    TRY(system.readCapabilities());
    return system;
}

int KvmSystem::extension(unsigned capability) const {
    int value = kvmIoctl(fd(), KVM_CHECK_EXTENSION, static_cast<unsigned long>(capability));
    return value < 0 ? 0 : value;
}

Result<void> KvmSystem::readCapabilities() {
    m_vcpuRunBytes = static_cast<size_t>(
        TRY(kvmCall(fd(), KVM_GET_VCPU_MMAP_SIZE, 0ul, "read the size of a vCPU's page")));
    if (m_vcpuRunBytes < sizeof(kvm_run))
        return fail(ErrorCode::Unsupported, "the kernel's vCPU page is too small");
    int maxVcpus = extension(KVM_CAP_MAX_VCPUS);
    m_maxVcpus =
        maxVcpus > 0 ? static_cast<unsigned>(maxVcpus) : 4; // kernel: Documentation/virt/kvm
    int maxIds = extension(KVM_CAP_MAX_VCPU_ID);
    m_maxVcpuIds = maxIds > 0 ? static_cast<uint32_t>(maxIds) : m_maxVcpus;

    KvmArray<CpuidEntry> cpuid(kMaxCpuidEntries);
    TRY(kvmCall(fd(), kKvmGetSupportedCpuid, cpuid.data(), "read the supported CPUID"));
    m_cpuid = cpuid.entries();

    std::vector<uint32_t> list(1 + kMaxMsrs);
    list[0] = kMaxMsrs;
    TRY(kvmCall(fd(), kKvmGetMsrIndexList, list.data(), "read the list of saved MSRs"));
    for (size_t i = 1; i <= list[0] && i < list.size(); ++i)
        if (!isPerformanceCounter(list[i]))
            m_msrs.push_back(list[i]);
    for (uint32_t msr : memoryTypeMsrs())
        if (std::find(m_msrs.begin(), m_msrs.end(), msr) == m_msrs.end())
            m_msrs.push_back(msr);
    return {};
}

} // namespace vivarium
