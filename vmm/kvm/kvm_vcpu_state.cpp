#include "vmm/kvm/kvm_vcpu_state.h"

#include "vmm/base/log.h"
#include "vmm/kvm/kvm_ioctl.h"

#include <algorithm>

namespace vivarium {

namespace {

constexpr uint32_t kTimeStampCounter = 0x10;
constexpr size_t kXsaveBytes = 4096; // struct kvm_xsave; larger only with KVM_CAP_XSAVE2

size_t xsaveBytes(const KvmSystem& system) {
    return std::max<size_t>(kXsaveBytes, static_cast<size_t>(system.extension(KVM_CAP_XSAVE2)));
}

Result<std::vector<uint8_t>> readBlock(int fd, unsigned long request, size_t sizeBytes,
                                       const char* what) {
    std::vector<uint8_t> bytes(sizeBytes);
    TRY(kvmCall(fd, request, bytes.data(), what));
    return bytes;
}

Result<void> writeBlock(int fd, unsigned long request, const std::vector<uint8_t>& bytes,
                        const char* what) {
    TRY(kvmCall(fd, request, bytes.data(), what));
    return {};
}

// Reads as many as the host has: the kernel stops at the first that it does not know, which is left
// out.
std::vector<MsrEntry> readMsrs(const std::vector<uint32_t>& wanted, int fd) {
    std::vector<MsrEntry> result;
    size_t next = 0;
    while (next < wanted.size()) {
        constexpr size_t kBatch = 256; // the kernel's limit for one call
        std::vector<MsrEntry> batch;
        for (size_t i = next; i < wanted.size() && batch.size() < kBatch; ++i)
            batch.push_back({wanted[i], 0, 0});
        KvmArray<MsrEntry> array(batch);
        int count = kvmIoctl(fd, kKvmGetMsrs, array.data());
        size_t read = count > 0 ? static_cast<size_t>(count) : 0;
        auto entries = array.entries();
        result.insert(result.end(), entries.begin(),
                      entries.begin() + static_cast<ptrdiff_t>(std::min(read, entries.size())));
        next += read < batch.size() ? read + 1 : read;
    }
    return result;
}

// Writes one after the other what the kernel takes together as far as it can. A register that the
// host does not let us set matters only if it would change.
Result<void> writeMsrs(const std::vector<MsrEntry>& msrs, int fd) {
    size_t next = 0;
    while (next < msrs.size()) {
        constexpr size_t kBatch = 256;
        std::vector<MsrEntry> batch(
            msrs.begin() + static_cast<ptrdiff_t>(next),
            msrs.begin() + static_cast<ptrdiff_t>(std::min(msrs.size(), next + kBatch)));
        KvmArray<MsrEntry> array(batch);
        int count = kvmIoctl(fd, kKvmSetMsrs, array.data());
        size_t written = count > 0 ? static_cast<size_t>(count) : 0;
        if (written < batch.size()) {
            const MsrEntry& refused = batch[written];
            auto present = readMsrs({refused.index}, fd);
            uint64_t value = present.empty() ? 0 : present.front().value;
            if (value != refused.value)
                return fail(ErrorCode::Unsupported,
                            formatText("this host cannot set MSR %#x to %#llx", refused.index,
                                       static_cast<unsigned long long>(refused.value)));
            ++written;
        }
        next += written;
    }
    return {};
}

} // namespace

Result<KvmVcpuState> KvmVcpuState::read(const KvmSystem& system, int fd) {
    KvmVcpuState state;
    // First: reading it settles an INIT or SIPI that is on its way and may change the others.
    state.mpState =
        TRY(readBlock(fd, KVM_GET_MP_STATE, sizeof(kvm_mp_state), "read vCPU run state"));
    state.regs = TRY(readBlock(fd, KVM_GET_REGS, sizeof(kvm_regs), "read vCPU registers"));
    state.sregs = TRY(readBlock(fd, KVM_GET_SREGS, sizeof(kvm_sregs), "read vCPU segments"));
    size_t size = xsaveBytes(system);
    state.xsave = TRY(
        readBlock(fd, size > kXsaveBytes ? kKvmGetXsave2 : kKvmGetXsave, size, "read vCPU FPU"));
    state.xcrs = TRY(readBlock(fd, KVM_GET_XCRS, sizeof(kvm_xcrs), "read vCPU XCRs"));
    state.debugRegs =
        TRY(readBlock(fd, KVM_GET_DEBUGREGS, sizeof(kvm_debugregs), "read vCPU debug registers"));
    state.lapic = TRY(readBlock(fd, KVM_GET_LAPIC, sizeof(kvm_lapic_state), "read local APIC"));
    state.msrs = readMsrs(system.savedMsrs(), fd);
    state.events =
        TRY(readBlock(fd, KVM_GET_VCPU_EVENTS, sizeof(kvm_vcpu_events), "read vCPU events"));
    return state;
}

Result<void> KvmVcpuState::apply(const KvmSystem&, int fd, Scope scope) const {
    // The order matters: setting the registers drops pending exceptions, so events come last; the
    // local APIC needs its base address (sregs); the TSC deadline needs the APIC's timer mode.
    TRY(writeBlock(fd, KVM_SET_MP_STATE, mpState, "set vCPU run state"));
    TRY(writeBlock(fd, KVM_SET_REGS, regs, "set vCPU registers"));
    TRY(writeBlock(fd, KVM_SET_SREGS, sregs, "set vCPU segments"));
    TRY(writeBlock(fd, kKvmSetXsave, xsave, "set vCPU FPU"));
    TRY(writeBlock(fd, KVM_SET_XCRS, xcrs, "set vCPU XCRs"));
    TRY(writeBlock(fd, KVM_SET_DEBUGREGS, debugRegs, "set vCPU debug registers"));
    TRY(writeBlock(fd, KVM_SET_LAPIC, lapic, "set local APIC"));
    std::vector<MsrEntry> wanted = msrs;
    if (scope == Scope::Reset)
        std::erase_if(wanted, [](const MsrEntry& msr) { return msr.index == kTimeStampCounter; });
    TRY(writeMsrs(wanted, fd));
    kvm_vcpu_events pending;
    std::memcpy(&pending, events.data(), sizeof pending);
    pending.flags |= KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR;
    TRY(kvmCall(fd, KVM_SET_VCPU_EVENTS, &pending, "set vCPU events"));
    return {};
}

void KvmVcpuState::save(StateWriter& writer) const {
    writer.fields(mpState, regs, sregs, xsave, xcrs, debugRegs, lapic, events,
                  static_cast<uint32_t>(msrs.size()));
    for (const MsrEntry& msr : msrs)
        writer.fields(msr.index, msr.value);
}

Result<KvmVcpuState> KvmVcpuState::load(StateReader& reader, const KvmSystem& system) {
    KvmVcpuState state;
    uint32_t msrCount = 0;
    TRY(reader.fields(state.mpState, state.regs, state.sregs, state.xsave, state.xcrs,
                      state.debugRegs, state.lapic, state.events, msrCount));
    if (state.mpState.size() != sizeof(kvm_mp_state) || state.regs.size() != sizeof(kvm_regs) ||
        state.sregs.size() != sizeof(kvm_sregs) || state.xcrs.size() != sizeof(kvm_xcrs) ||
        state.debugRegs.size() != sizeof(kvm_debugregs) ||
        state.lapic.size() != sizeof(kvm_lapic_state) ||
        state.events.size() != sizeof(kvm_vcpu_events) || state.xsave.size() < kXsaveBytes)
        return fail(ErrorCode::Corrupt, "saved state: a vCPU has parts of a wrong size");
    // The kernel reads as many bytes as this host's processor has state.
    const size_t hostXsave = xsaveBytes(system);
    if (std::any_of(state.xsave.begin() +
                        static_cast<ptrdiff_t>(std::min(hostXsave, state.xsave.size())),
                    state.xsave.end(), [](uint8_t byte) { return byte != 0; }))
        return fail(ErrorCode::Unsupported,
                    "the saved state uses vector registers that this processor lacks");
    state.xsave.resize(hostXsave);
    const auto& known = system.savedMsrs();
    if (msrCount > known.size())
        return fail(ErrorCode::Unsupported,
                    "the saved state has MSRs that this host does not know");
    for (uint32_t i = 0; i < msrCount; ++i) {
        MsrEntry msr;
        TRY(reader.fields(msr.index, msr.value));
        if (std::find(known.begin(), known.end(), msr.index) == known.end())
            return fail(ErrorCode::Unsupported,
                        formatText("the saved state has MSR %#x, which this host does not know",
                                   msr.index));
        state.msrs.push_back(msr);
    }
    return state;
}

} // namespace vivarium
