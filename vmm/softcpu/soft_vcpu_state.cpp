#include "vmm/softcpu/soft_vcpu_state.h"

#include "vmm/base/bytes.h"
#include "vmm/base/log.h"
#include "vmm/devices/interrupt/saved_layouts.h"
#include "vmm/softcpu/interpreter/xsave_area.h"
#include "vmm/softcpu/soft_msrs.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include <linux/kvm.h>

namespace vivarium {

using namespace softcpu;

namespace {

struct Msr {
    uint32_t index;
    uint64_t value;
};
constexpr uint32_t kMaxMsrs = 4096;
// The size that a kernel without larger state gives (struct kvm_xsave).
constexpr size_t kKernelXsaveBytes = 4096;
static_assert(kKernelXsaveBytes == softcpu::kXsaveBytes);

// Components of saved states that have a place here: x87, SSE, AVX, the host's AVX-512.
uint64_t heldXsave() {
    return kXcr0X87 | kXcr0Sse | kXcr0Avx | (hostXsaveComponents() & kXcr0Avx512);
}

// Where a register is kept; null: elsewhere. Const as `state` is.
template <class State>
auto msrPlace(State& state, uint32_t index) -> decltype(&state.pat) {
    switch (index) {
    case msr::kTscAdjust:
        return &state.tscAdjust;
    case msr::kSysenterCs:
        return &state.sysenterCs;
    case msr::kSysenterEsp:
        return &state.sysenterEsp;
    case msr::kSysenterEip:
        return &state.sysenterEip;
    case msr::kMiscEnable:
        return &state.miscEnable;
    case msr::kPat:
        return &state.pat;
    case msr::kMtrrDefaultType:
        return &state.mtrrDefaultType;
    case msr::kStar:
        return &state.star;
    case msr::kLstar:
        return &state.lstar;
    case msr::kCstar:
        return &state.cstar;
    case msr::kSfmask:
        return &state.sfmask;
    case msr::kKernelGsBase:
        return &state.kernelGsBase;
    case msr::kTscAux:
        return &state.tscAux;
    case msr::kMtrrFixed64K:
        return &state.mtrrFixed[0];
    case msr::kMtrrFixed16K:
    case msr::kMtrrFixed16K + 1:
        return &state.mtrrFixed[1 + index - msr::kMtrrFixed16K];
    default:
        break;
    }
    if (index >= msr::kMtrrFixed4K && index < msr::kMtrrFixed4K + 8)
        return &state.mtrrFixed[3 + index - msr::kMtrrFixed4K];
    if (index >= msr::kMtrrBase && index < msr::kMtrrBase + 2 * kVariableMtrrs) {
        const uint32_t pair = (index - msr::kMtrrBase) / 2;
        return index % 2 == 0 ? &state.mtrrBase[pair] : &state.mtrrMask[pair];
    }
    return nullptr;
}

std::vector<uint32_t> savedMsrs() {
    std::vector<uint32_t> list{msr::kTscAdjust,
                               msr::kSysenterCs,
                               msr::kSysenterEsp,
                               msr::kSysenterEip,
                               msr::kMiscEnable,
                               msr::kPat,
                               msr::kMtrrDefaultType,
                               msr::kStar,
                               msr::kLstar,
                               msr::kCstar,
                               msr::kSfmask,
                               msr::kKernelGsBase,
                               msr::kMtrrFixed64K,
                               msr::kMtrrFixed16K + 0,
                               msr::kMtrrFixed16K + 1,
                               msr::kTscAux};
    for (uint32_t i = 0; i < 8; ++i)
        list.push_back(msr::kMtrrFixed4K + i);
    for (uint32_t i = 0; i < 2 * kVariableMtrrs; ++i)
        list.push_back(msr::kMtrrBase + i);
    return list;
}

// Not every host's KVM has them; zero need not be said.
constexpr bool isOptional(uint32_t index) {
    return index == msr::kTscAux || index == msr::kTscAdjust;
}

kvm_segment toKernel(const SegmentRegister& segment) {
    kvm_segment packed{};
    packed.base = segment.base;
    packed.limit = segment.limit;
    packed.selector = segment.selector;
    packed.type = segment.attributes & 0xF;
    packed.s = segment.attributes >> 4 & 1;
    packed.dpl = segment.attributes >> 5 & 3;
    packed.present = segment.attributes >> 7 & 1;
    packed.avl = segment.attributes >> 12 & 1;
    packed.l = segment.attributes >> 13 & 1;
    packed.db = segment.attributes >> 14 & 1;
    packed.g = segment.attributes >> 15 & 1;
    packed.unusable = !packed.present;
    return packed;
}

SegmentRegister fromKernel(const kvm_segment& s) {
    const bool present = s.present && !s.unusable;
    const auto attributes = static_cast<uint16_t>(
        (s.type & 0xF) | (s.s & 1) << 4 | (s.dpl & 3) << 5 | (present ? 1 : 0) << 7 |
        (s.avl & 1) << 12 | (s.l & 1) << 13 | (s.db & 1) << 14 | (s.g & 1) << 15);
    return {s.base, s.limit, s.selector, attributes};
}

template <class Struct>
std::vector<uint8_t> bytesOf(const Struct& value) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(&value);
    return {bytes, bytes + sizeof value};
}

template <class Struct>
Result<Struct> structOf(const std::vector<uint8_t>& bytes) {
    if (bytes.size() != sizeof(Struct))
        return fail(ErrorCode::Corrupt, "saved state: a vCPU has parts of a wrong size");
    Struct value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

kvm_regs packRegs(const CpuState& s) {
    kvm_regs regs{};
    regs.rax = s.gpr[0], regs.rcx = s.gpr[1], regs.rdx = s.gpr[2], regs.rbx = s.gpr[3];
    regs.rsp = s.gpr[4], regs.rbp = s.gpr[5], regs.rsi = s.gpr[6], regs.rdi = s.gpr[7];
    regs.r8 = s.gpr[8], regs.r9 = s.gpr[9], regs.r10 = s.gpr[10], regs.r11 = s.gpr[11];
    regs.r12 = s.gpr[12], regs.r13 = s.gpr[13], regs.r14 = s.gpr[14], regs.r15 = s.gpr[15];
    regs.rip = s.rip, regs.rflags = s.rflags;
    return regs;
}

void unpackRegs(const kvm_regs& regs, CpuState& s) {
    const uint64_t gpr[16] = {regs.rax, regs.rcx, regs.rdx, regs.rbx, regs.rsp, regs.rbp,
                              regs.rsi, regs.rdi, regs.r8,  regs.r9,  regs.r10, regs.r11,
                              regs.r12, regs.r13, regs.r14, regs.r15};
    std::copy(std::begin(gpr), std::end(gpr), s.gpr);
    s.rip = regs.rip;
    s.rflags = (regs.rflags & kWritableFlags) | kFlagFixed;
}

kvm_sregs packSregs(const CpuState& s, const LocalApic::State& apic) {
    kvm_sregs sregs{};
    sregs.es = toKernel(s.segment[kEs]), sregs.cs = toKernel(s.segment[kCs]);
    sregs.ss = toKernel(s.segment[kSs]), sregs.ds = toKernel(s.segment[kDs]);
    sregs.fs = toKernel(s.segment[kFs]), sregs.gs = toKernel(s.segment[kGs]);
    sregs.tr = toKernel(s.tr), sregs.ldt = toKernel(s.ldtr);
    sregs.gdt.base = s.gdtr.base, sregs.gdt.limit = s.gdtr.limit;
    sregs.idt.base = s.idtr.base, sregs.idt.limit = s.idtr.limit;
    sregs.cr0 = s.cr0, sregs.cr2 = s.cr2, sregs.cr3 = s.cr3, sregs.cr4 = s.cr4;
    sregs.cr8 = apic.registers[8] >> 4 & 0xF;
    sregs.efer = s.efer;
    sregs.apic_base = apic.base;
    return sregs;
}

// Bits that no processor has would make later checks meaningless.
void unpackSregs(const kvm_sregs& sregs, CpuState& s) {
    s.segment[kEs] = fromKernel(sregs.es), s.segment[kCs] = fromKernel(sregs.cs);
    s.segment[kSs] = fromKernel(sregs.ss), s.segment[kDs] = fromKernel(sregs.ds);
    s.segment[kFs] = fromKernel(sregs.fs), s.segment[kGs] = fromKernel(sregs.gs);
    s.tr = fromKernel(sregs.tr), s.ldtr = fromKernel(sregs.ldt);
    s.gdtr = {sregs.gdt.base, sregs.gdt.limit};
    s.idtr = {sregs.idt.base, sregs.idt.limit};
    s.cr0 = (sregs.cr0 & 0xE005003F) | kCr0Et;
    s.cr2 = sregs.cr2;
    s.cr3 = sregs.cr3;
    s.cr4 = sregs.cr4 & 0x7FFFFF;
    s.efer = sregs.efer & (kEferSce | kEferLme | kEferLma | kEferNxe);
}

kvm_vcpu_events packEvents(const CpuState& s, const LocalApic::State& apic) {
    kvm_vcpu_events events{};
    events.interrupt.shadow = s.interruptShadow;
    events.nmi.pending = apic.nmiPending;
    events.nmi.masked = s.nmiBlocked;
    events.sipi_vector = apic.startUpVector.value_or(0);
    events.smi.latched_init = apic.initPending;
    events.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR |
                   KVM_VCPUEVENT_VALID_SHADOW;
    return events;
}

kvm_mp_state packActivity(const CpuState& s, const LocalApic::State& apic) {
    kvm_mp_state state{};
    switch (s.activity) {
    case Activity::Running:
    case Activity::Shutdown:
        state.mp_state = KVM_MP_STATE_RUNNABLE;
        break;
    case Activity::Halted:
        state.mp_state = KVM_MP_STATE_HALTED;
        break;
    case Activity::WaitForStartup:
        // KVM calls a processor that never ran "uninitialized"; after INIT it waits for the SIPI.
        state.mp_state =
            apic.startUpVector ? KVM_MP_STATE_SIPI_RECEIVED : KVM_MP_STATE_INIT_RECEIVED;
        break;
    }
    return state;
}

void unpackActivity(uint32_t state, const kvm_vcpu_events& events, CpuState& s,
                    LocalApic::State& apic) {
    apic.startUpVector.reset();
    switch (state) {
    case KVM_MP_STATE_HALTED:
        s.activity = Activity::Halted;
        break;
    case KVM_MP_STATE_SIPI_RECEIVED:
        apic.startUpVector = static_cast<uint8_t>(events.sipi_vector);
        s.activity = Activity::WaitForStartup;
        break;
    case KVM_MP_STATE_UNINITIALIZED:
    case KVM_MP_STATE_INIT_RECEIVED:
        s.activity = Activity::WaitForStartup;
        break;
    default:
        s.activity = Activity::Running;
        break;
    }
}

Result<void> unpackMsr(const Msr& entry, uint64_t ticks, CpuState& s, LocalApic::State& apic,
                       ParavirtualCpu& paravirtual) {
    if (uint64_t* place = msrPlace(s, entry.index)) {
        *place = entry.value;
        return {};
    }
    if (entry.index == msr::kTsc)
        s.tscOffset = entry.value - ticks;
    else if (entry.index == msr::kTscDeadline)
        apic.tscDeadline = entry.value;
    else if (paravirtual.read(entry.index) && !paravirtual.restore({entry.index, entry.value}))
        return fail(ErrorCode::Corrupt,
                    formatText("saved state: MSR %#x has an impossible value", entry.index));
    return {}; // others have no effect here
}

} // namespace

VcpuRegisters registersOf(const CpuState& s) {
    VcpuRegisters r;
    r.rax = s.gpr[0], r.rcx = s.gpr[1], r.rdx = s.gpr[2], r.rbx = s.gpr[3];
    r.rsp = s.gpr[4], r.rbp = s.gpr[5], r.rsi = s.gpr[6], r.rdi = s.gpr[7];
    r.r8 = s.gpr[8], r.r9 = s.gpr[9], r.r10 = s.gpr[10], r.r11 = s.gpr[11];
    r.r12 = s.gpr[12], r.r13 = s.gpr[13], r.r14 = s.gpr[14], r.r15 = s.gpr[15];
    r.rip = s.rip, r.rflags = s.rflags;
    r.es = s.segment[kEs], r.cs = s.segment[kCs], r.ss = s.segment[kSs];
    r.ds = s.segment[kDs], r.fs = s.segment[kFs], r.gs = s.segment[kGs];
    r.tr = s.tr, r.ldt = s.ldtr, r.gdt = s.gdtr, r.idt = s.idtr;
    r.cr0 = s.cr0, r.cr2 = s.cr2, r.cr3 = s.cr3, r.cr4 = s.cr4, r.efer = s.efer;
    return r;
}

void applyRegisters(const VcpuRegisters& r, CpuState& s) {
    const uint64_t gpr[16] = {r.rax, r.rcx, r.rdx, r.rbx, r.rsp, r.rbp, r.rsi, r.rdi,
                              r.r8,  r.r9,  r.r10, r.r11, r.r12, r.r13, r.r14, r.r15};
    std::copy(std::begin(gpr), std::end(gpr), s.gpr);
    s.rip = r.rip;
    s.rflags = (r.rflags & kWritableFlags) | kFlagFixed;
    s.segment[kEs] = r.es, s.segment[kCs] = r.cs, s.segment[kSs] = r.ss;
    s.segment[kDs] = r.ds, s.segment[kFs] = r.fs, s.segment[kGs] = r.gs;
    s.tr = r.tr, s.ldtr = r.ldt, s.gdtr = r.gdt, s.idtr = r.idt;
    s.cr0 = r.cr0, s.cr2 = r.cr2, s.cr3 = r.cr3, s.cr4 = r.cr4, s.efer = r.efer;
    s.activity = Activity::Running;
}

void saveVcpu(StateWriter& writer, const CpuState& state, const LocalApic::State& apic,
              const ParavirtualCpu& paravirtual, StateTime time) {
    kvm_xcrs xcrs{};
    xcrs.nr_xcrs = 1;
    xcrs.xcrs[0].value = state.xcr0;
    kvm_debugregs debug{};
    std::copy(std::begin(state.dr), std::begin(state.dr) + 4, std::begin(debug.db));
    debug.dr6 = state.dr[6];
    debug.dr7 = state.dr[7];
    const std::vector<uint8_t> xsave(state.xsave, state.xsave + sizeof state.xsave);

    // The kernel sets them in this order: the time stamp before its deadline.
    std::vector<Msr> msrs{{msr::kTsc, time.ticks + state.tscOffset}};
    for (uint32_t index : savedMsrs())
        if (const uint64_t value = *msrPlace(state, index); value != 0 || !isOptional(index))
            msrs.push_back({index, value});
    msrs.push_back({msr::kTscDeadline, apic.tscDeadline});
    for (const ParavirtualCpu::Entry& entry : paravirtual.saved())
        msrs.push_back({entry.index, entry.value});

    writer.fields(bytesOf(packActivity(state, apic)), bytesOf(packRegs(state)),
                  bytesOf(packSregs(state, apic)), xsave, bytesOf(xcrs), bytesOf(debug),
                  packLocalApic(apic, time.nowNs), bytesOf(packEvents(state, apic)),
                  static_cast<uint32_t>(msrs.size()));
    for (const Msr& entry : msrs)
        writer.fields(entry.index, entry.value);
}

Result<void> restoreVcpu(StateReader& reader, CpuState& state, LocalApic::State& apic,
                         ParavirtualCpu& paravirtual, StateTime time) {
    std::vector<uint8_t> activity, regs, sregs, xsave, xcrs, debug, lapic, events;
    uint32_t msrCount = 0;
    TRY(reader.fields(activity, regs, sregs, xsave, xcrs, debug, lapic, events, msrCount));
    const auto mpState = TRY(structOf<kvm_mp_state>(activity));
    const auto pendingEvents = TRY(structOf<kvm_vcpu_events>(events));
    const auto segments = TRY(structOf<kvm_sregs>(sregs));
    const auto xcr = TRY(structOf<kvm_xcrs>(xcrs));
    const auto breakpoints = TRY(structOf<kvm_debugregs>(debug));
    if (xsave.size() < kKernelXsaveBytes || msrCount > kMaxMsrs)
        return fail(ErrorCode::Corrupt, "saved state: a vCPU has parts of a wrong size");
    if ((loadLe<uint64_t>(xsave.data() + kXstateBv) & ~heldXsave()) != 0 ||
        (xcr.nr_xcrs > 0 && (xcr.xcrs[0].value & ~heldXsave()) != 0))
        return fail(ErrorCode::Unsupported,
                    "the saved state uses vector registers that this host's processor lacks");

    unpackRegs(TRY(structOf<kvm_regs>(regs)), state);
    unpackSregs(segments, state);
    std::copy(xsave.begin(), xsave.begin() + sizeof state.xsave, state.xsave);
    std::fill(state.xsave + kXstateBv + 8, state.xsave + kXstateBv + 64, uint8_t{0});
    // MXCSR and its mask as this host has them, or the registers could not be loaded.
    storeLe<uint32_t>(state.xsave + 24, loadLe<uint32_t>(state.xsave + 24) & 0xFFBF);
    storeLe<uint32_t>(state.xsave + 28, 0xFFFF);
    state.xcr0 = xcr.nr_xcrs > 0 ? xcr.xcrs[0].value | kXcr0X87 : kXcr0X87;
    std::copy(std::begin(breakpoints.db), std::end(breakpoints.db), std::begin(state.dr));
    state.dr[6] = breakpoints.dr6;
    state.dr[7] = breakpoints.dr7;
    state.interruptShadow = pendingEvents.interrupt.shadow & 3;
    state.nmiBlocked = pendingEvents.nmi.masked != 0;
    state.interruptWindowWanted = 0;
    state.pendingDebug = 0;

    TRY(unpackLocalApic(lapic, time.nowNs, apic));
    apic.base = segments.apic_base;
    apic.nmiPending = pendingEvents.nmi.pending != 0;
    apic.initPending = pendingEvents.smi.latched_init != 0;
    apic.smiPending = apic.extIntPending = false;
    apic.tscDeadline = 0;
    state.tscAux = state.tscAdjust = 0;
    unpackActivity(mpState.mp_state, pendingEvents, state, apic);
    for (uint32_t i = 0; i < msrCount; ++i) {
        Msr entry{};
        TRY(reader.fields(entry.index, entry.value));
        TRY(unpackMsr(entry, time.ticks, state, apic, paravirtual));
    }
    return {};
}

} // namespace vivarium
