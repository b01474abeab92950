// KvmVcpu: instructions that KVM cannot emulate.
#include "vmm/base/log.h"
#include "vmm/kvm/kvm_ioctl.h"
#include "vmm/kvm/kvm_vcpu.h"

#include <algorithm>
#include <bit>

namespace vivarium {

namespace {

constexpr size_t kXsaveBytes = 4096; // struct kvm_xsave; larger only with KVM_CAP_XSAVE2

// The registers that KVM_SET_REGS sets, blanked: what is left differs only by the others.
VcpuRegisters withoutGeneral(VcpuRegisters r) {
    for (uint64_t* general :
         {&r.rax, &r.rbx, &r.rcx, &r.rdx, &r.rsi, &r.rdi, &r.rsp, &r.rbp, &r.r8, &r.r9, &r.r10,
          &r.r11, &r.r12, &r.r13, &r.r14, &r.r15, &r.rip, &r.rflags})
        *general = 0;
    return r;
}

} // namespace

// The vCPU came out of KVM_RUN on the instruction and has not executed it.
Result<VcpuExit> KvmVcpu::completeInstruction() {
    using Need = InstructionCompletion::Need;
    VcpuRegisters before = TRY(registers());
    const Need need = m_completion->begin(before);
    if (need == Need::Unable)
        return fail(ErrorCode::Unsupported, "the instruction cannot be completed");
    std::vector<uint8_t> xsave;
    const bool wide = m_system.extension(KVM_CAP_XSAVE2) > static_cast<int>(kXsaveBytes);
    if (need == Need::Vectors) {
        xsave.resize(wide ? static_cast<size_t>(m_system.extension(KVM_CAP_XSAVE2)) : kXsaveBytes);
        TRY(kvmCall(m_fd.get(), wide ? kKvmGetXsave2 : kKvmGetXsave, xsave.data(),
                    "read vCPU FPU"));
        kvm_xcrs xcrs{};
        TRY(kvmCall(m_fd.get(), KVM_GET_XCRS, &xcrs, "read vCPU XCRs"));
        m_completion->setVectors(xsave, xcrs.nr_xcrs > 0 ? xcrs.xcrs[0].value : 1);
    }
    VcpuRegisters after = before;
    const auto outcome = m_completion->execute(after);
    noteCompletion();
    if (outcome == InstructionCompletion::Outcome::TripleFault)
        return VcpuExit{.kind = VcpuExit::Kind::TripleFault};

    if (withoutGeneral(before) == withoutGeneral(after))
        TRY(setGeneralRegisters(after));
    else
        TRY(setRegisters(after));
    const ConstByteSpan vectors = m_completion->vectors();
    if (need == Need::Vectors && !std::equal(vectors.begin(), vectors.end(), xsave.begin())) {
        std::copy(vectors.begin(), vectors.end(), xsave.begin());
        TRY(kvmCall(m_fd.get(), kKvmSetXsave, xsave.data(), "set vCPU FPU"));
    }
    if (m_completion->endsNmi())
        TRY(unblockNmi());
    return VcpuExit{};
}

// Intel SDM 3A, 6.7.1: IRET lets the next NMI in.
Result<void> KvmVcpu::unblockNmi() {
    kvm_vcpu_events events{};
    TRY(kvmCall(m_fd.get(), KVM_GET_VCPU_EVENTS, &events, "read vCPU events"));
    if (!events.nmi.masked)
        return {};
    events.nmi.masked = 0;
    events.flags |= KVM_VCPUEVENT_VALID_NMI_PENDING;
    TRY(kvmCall(m_fd.get(), KVM_SET_VCPU_EVENTS, &events, "set vCPU events"));
    return {};
}

// A guest can cause any number of them: one line for each doubling.
void KvmVcpu::noteCompletion() {
    if (std::has_single_bit(++m_completedInstructions))
        logInfo("kvm", formatText("%llu instructions completed that KVM cannot emulate, now %s",
                                  static_cast<unsigned long long>(m_completedInstructions),
                                  m_completion->text().c_str()));
}

} // namespace vivarium
