#include "vmm/kvm/kvm_vcpu.h"

#include "vmm/base/log.h"
#include "vmm/kvm/kvm_ioctl.h"

#include <csignal>
#include <mutex>
#include <utility>

#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>

namespace vivarium {

namespace {

constexpr int kKickSignal = SIGUSR1;
constexpr uint32_t kMemoryTypeDefault = 0x2FF; // IA32_MTRR_DEF_TYPE

void installKickHandler() {
    static std::once_flag once;
    std::call_once(once, [] {
        struct sigaction action {};
        action.sa_handler = [](int) {}; // interrupting the system call is all it does
        ::sigaction(kKickSignal, &action, nullptr);
    });
}

// This thread's id, ready to be kicked.
pid_t kickableThreadId() {
    thread_local const pid_t id = [] {
        sigset_t signals;
        sigemptyset(&signals);
        sigaddset(&signals, kKickSignal);
        ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
        return static_cast<pid_t>(::syscall(SYS_gettid));
    }();
    return id;
}

SegmentRegister fromKvm(const kvm_segment& s) {
    auto attributes = static_cast<uint16_t>(s.type | s.s << 4 | s.dpl << 5 | s.present << 7 |
                                            s.avl << 12 | s.l << 13 | s.db << 14 | s.g << 15);
    return {s.base, s.limit, s.selector, attributes};
}

kvm_segment toKvm(const SegmentRegister& s) {
    kvm_segment result{};
    result.base = s.base;
    result.limit = s.limit;
    result.selector = s.selector;
    result.type = s.attributes & 0xF;
    result.s = s.attributes >> 4 & 1;
    result.dpl = s.attributes >> 5 & 3;
    result.present = s.attributes >> 7 & 1;
    result.avl = s.attributes >> 12 & 1;
    result.l = s.attributes >> 13 & 1;
    result.db = s.attributes >> 14 & 1;
    result.g = s.attributes >> 15 & 1;
    result.unusable = !result.present;
    return result;
}

const char* internalErrorName(uint32_t suberror) {
    switch (suberror) {
    case KVM_INTERNAL_ERROR_EMULATION:
        return "KVM cannot emulate an instruction";
    case KVM_INTERNAL_ERROR_SIMUL_EX:
        return "KVM met an exception while it delivered another";
    case KVM_INTERNAL_ERROR_DELIVERY_EV:
        return "KVM met an exit while it delivered an event";
    case KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON:
        return "KVM met an exit that it does not know";
    default:
        return "KVM reported an internal error";
    }
}

} // namespace

Result<std::unique_ptr<KvmVcpu>> KvmVcpu::create(const KvmSystem& system, int vmFd, RunGate& gate,
                                                 uint32_t apicId,
                                                 const std::vector<CpuidEntry>& cpuid) {
    installKickHandler();
    UniqueFd fd(TRY(kvmCall(vmFd, KVM_CREATE_VCPU, static_cast<unsigned long>(apicId),
                            "create a virtual CPU")));
    std::unique_ptr<KvmVcpu> vcpu(new KvmVcpu(system, std::move(fd), gate));
    TRY(vcpu->mapRunPage());
    KvmArray<CpuidEntry> leaves(cpuid);
    TRY(kvmCall(vcpu->m_fd.get(), kKvmSetCpuid2, leaves.data(), "set the guest's CPUID"));
    vcpu->m_powerOn = TRY(KvmVcpuState::read(system, vcpu->m_fd.get()));
    gate.add(vcpu->m_passage, [raw = vcpu.get()] { raw->kick(); });
    return vcpu;
}

KvmVcpu::KvmVcpu(const KvmSystem& system, UniqueFd fd, RunGate& gate)
    : m_system(system), m_fd(std::move(fd)), m_gate(gate) {}

KvmVcpu::~KvmVcpu() {
    if (m_run)
        ::munmap(m_run, m_system.vcpuRunBytes());
}

Result<void> KvmVcpu::mapRunPage() {
    void* page =
        ::mmap(nullptr, m_system.vcpuRunBytes(), PROT_READ | PROT_WRITE, MAP_SHARED, m_fd.get(), 0);
    if (page == MAP_FAILED)
        return systemError(errno, "map a virtual CPU's page");
    ::madvise(page, m_system.vcpuRunBytes(), MADV_DONTFORK); // it would keep this machine alive
    m_run = static_cast<kvm_run*>(page);
    return {};
}

VcpuExit KvmVcpu::run() {
    m_threadId.store(kickableThreadId(), std::memory_order_relaxed); // published by enter()
    m_gate.enter(m_passage);
    int result = ::ioctl(m_fd.get(), KVM_RUN, 0);
    int number = errno;
    m_gate.leave(m_passage);
    if (result == 0)
        return translateExit();
    VcpuExit exit;
    if (number == EINTR || number == EAGAIN) {
        // A kicker sets its request before the flag, so whoever sees the flag cleared here looks at
        // requests afterwards.
        std::atomic_ref<__u8>(m_run->immediate_exit).exchange(0);
        return exit;
    }
    exit.kind = VcpuExit::Kind::InternalError;
    exit.reason = systemError(number, "the host cannot run the virtual CPU").detail;
    return exit;
}

void KvmVcpu::kick() {
    std::atomic_ref<__u8>(m_run->immediate_exit).store(1);
    // Not inside: it will see the flag on its way in.
    if (m_passage.inside())
        ::syscall(SYS_tgkill, ::getpid(), m_threadId.load(std::memory_order_relaxed), kKickSignal);
}

VcpuExit KvmVcpu::translateExit() {
    using Kind = VcpuExit::Kind;
    VcpuExit exit;
    switch (m_run->exit_reason) {
    case KVM_EXIT_IO:
        exit.kind = Kind::PortIo;
        exit.direction = m_run->io.direction == KVM_EXIT_IO_OUT ? VcpuExit::Direction::Write
                                                                : VcpuExit::Direction::Read;
        exit.sizeBytes = m_run->io.size;
        exit.port = m_run->io.port;
        exit.count = m_run->io.count;
        exit.data = reinterpret_cast<uint8_t*>(m_run) + m_run->io.data_offset;
        break;
    case KVM_EXIT_MMIO:
        exit.kind = Kind::MemoryAccess;
        exit.direction =
            m_run->mmio.is_write ? VcpuExit::Direction::Write : VcpuExit::Direction::Read;
        exit.sizeBytes = static_cast<uint8_t>(m_run->mmio.len);
        exit.address = m_run->mmio.phys_addr;
        exit.data = m_run->mmio.data;
        break;
    case KVM_EXIT_HLT:
        exit.kind = Kind::Halt;
        break;
    case KVM_EXIT_SHUTDOWN:
        exit.kind = Kind::TripleFault;
        break;
    case KVM_EXIT_SYSTEM_EVENT:
        switch (m_run->system_event.type) {
        case KVM_SYSTEM_EVENT_SHUTDOWN:
            exit.kind = Kind::PowerOff;
            break;
        case KVM_SYSTEM_EVENT_RESET:
            exit.kind = Kind::Reset;
            break;
        case KVM_SYSTEM_EVENT_CRASH:
            exit.kind = Kind::GuestCrash;
            break;
        default:
            break; // wake-ups and the like: enter again
        }
        break;
    case KVM_EXIT_INTR:
    case KVM_EXIT_IRQ_WINDOW_OPEN:
    case KVM_EXIT_SET_TPR:
        break;
    case KVM_EXIT_INTERNAL_ERROR:
        if (m_run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION)
            return emulationFailed();
        return internalError();
    case KVM_EXIT_FAIL_ENTRY:
        exit.kind = Kind::InternalError;
        exit.reason = formatText(
            "the processor refuses to enter the guest (hardware reason %#llx)",
            static_cast<unsigned long long>(m_run->fail_entry.hardware_entry_failure_reason));
        break;
    default:
        exit.kind = Kind::InternalError;
        exit.reason = formatText("KVM gave an exit that is not known (%u)", m_run->exit_reason);
        break;
    }
    return exit;
}

VcpuExit KvmVcpu::internalError() const {
    VcpuExit exit;
    exit.kind = VcpuExit::Kind::InternalError;
    exit.reason = formatText("%s (suberror %u", internalErrorName(m_run->internal.suberror),
                             m_run->internal.suberror);
    // For a failed emulation the words are instruction bytes, which the fault report shows better.
    uint32_t words = std::min<uint32_t>(m_run->internal.ndata, std::size(m_run->internal.data));
    if (m_run->internal.suberror != KVM_INTERNAL_ERROR_EMULATION)
        for (uint32_t i = 0; i < words; ++i)
            exit.reason +=
                formatText(", %#llx", static_cast<unsigned long long>(m_run->internal.data[i]));
    exit.reason += ")";
    return exit;
}

VcpuExit KvmVcpu::emulationFailed() {
    VcpuExit error = internalError(); // the page tells it only now
    if (m_makeCompletion)
        m_completion = std::exchange(m_makeCompletion, {})();
    if (!m_completion)
        return error;
    auto completed = completeInstruction();
    return completed ? std::move(*completed) : std::move(error);
}

Result<VcpuRegisters> KvmVcpu::registers() {
    kvm_regs regs{};
    kvm_sregs sregs{};
    TRY(kvmCall(m_fd.get(), KVM_GET_REGS, &regs, "read vCPU registers"));
    TRY(kvmCall(m_fd.get(), KVM_GET_SREGS, &sregs, "read vCPU segments"));
    VcpuRegisters r;
    r.rax = regs.rax, r.rbx = regs.rbx, r.rcx = regs.rcx, r.rdx = regs.rdx;
    r.rsi = regs.rsi, r.rdi = regs.rdi, r.rsp = regs.rsp, r.rbp = regs.rbp;
    r.r8 = regs.r8, r.r9 = regs.r9, r.r10 = regs.r10, r.r11 = regs.r11;
    r.r12 = regs.r12, r.r13 = regs.r13, r.r14 = regs.r14, r.r15 = regs.r15;
    r.rip = regs.rip, r.rflags = regs.rflags;
    r.cs = fromKvm(sregs.cs), r.ds = fromKvm(sregs.ds), r.es = fromKvm(sregs.es);
    r.fs = fromKvm(sregs.fs), r.gs = fromKvm(sregs.gs), r.ss = fromKvm(sregs.ss);
    r.tr = fromKvm(sregs.tr), r.ldt = fromKvm(sregs.ldt);
    r.gdt = {sregs.gdt.base, sregs.gdt.limit};
    r.idt = {sregs.idt.base, sregs.idt.limit};
    r.cr0 = sregs.cr0, r.cr2 = sregs.cr2, r.cr3 = sregs.cr3, r.cr4 = sregs.cr4;
    r.cr8 = sregs.cr8, r.efer = sregs.efer;
    return r;
}

Result<void> KvmVcpu::setRegisters(const VcpuRegisters& r) {
    kvm_sregs sregs{};
    TRY(kvmCall(m_fd.get(), KVM_GET_SREGS, &sregs, "read vCPU segments")); // keeps the APIC base
    sregs.cs = toKvm(r.cs), sregs.ds = toKvm(r.ds), sregs.es = toKvm(r.es);
    sregs.fs = toKvm(r.fs), sregs.gs = toKvm(r.gs), sregs.ss = toKvm(r.ss);
    sregs.tr = toKvm(r.tr), sregs.ldt = toKvm(r.ldt);
    sregs.gdt.base = r.gdt.base, sregs.gdt.limit = r.gdt.limit;
    sregs.idt.base = r.idt.base, sregs.idt.limit = r.idt.limit;
    sregs.cr0 = r.cr0, sregs.cr2 = r.cr2, sregs.cr3 = r.cr3, sregs.cr4 = r.cr4;
    sregs.cr8 = r.cr8, sregs.efer = r.efer;
    TRY(kvmCall(m_fd.get(), KVM_SET_SREGS, &sregs, "set vCPU segments"));
    return setGeneralRegisters(r);
}

Result<void> KvmVcpu::setGeneralRegisters(const VcpuRegisters& r) {
    kvm_regs regs{};
    regs.rax = r.rax, regs.rbx = r.rbx, regs.rcx = r.rcx, regs.rdx = r.rdx;
    regs.rsi = r.rsi, regs.rdi = r.rdi, regs.rsp = r.rsp, regs.rbp = r.rbp;
    regs.r8 = r.r8, regs.r9 = r.r9, regs.r10 = r.r10, regs.r11 = r.r11;
    regs.r12 = r.r12, regs.r13 = r.r13, regs.r14 = r.r14, regs.r15 = r.r15;
    regs.rip = r.rip, regs.rflags = r.rflags;
    TRY(kvmCall(m_fd.get(), KVM_SET_REGS, &regs, "set vCPU registers"));
    return {};
}

Result<void> KvmVcpu::setSystemCallTarget(uint64_t address) {
    constexpr uint32_t kStar = 0xC0000081, kLstar = 0xC0000082, kFmask = 0xC0000084;
    const std::vector<MsrEntry> msrs{
        {kStar, 0, uint64_t{8} << 32}, {kLstar, 0, address}, {kFmask, 0, 0}};
    KvmArray<MsrEntry> array(msrs);
    if (kvmIoctl(m_fd.get(), kKvmSetMsrs, array.data()) != static_cast<int>(msrs.size()))
        return systemError(errno, "set vCPU registers");
    return {};
}

std::optional<GuestAddress> KvmVcpu::translate(uint64_t linearAddress) {
    kvm_translation translation{};
    translation.linear_address = linearAddress;
    if (kvmIoctl(m_fd.get(), KVM_TRANSLATE, &translation) < 0 || !translation.valid)
        return std::nullopt;
    return translation.physical_address;
}

Result<void> KvmVcpu::reset(VcpuStart start) {
    KvmVcpuState state = m_powerOn;
    if (start == VcpuStart::DirectBoot) {
        // Enabled, default write-back (Intel SDM 3A, 12.11.2.1): without firmware nobody else says
        // that RAM may be cached.
        constexpr uint64_t kEnabledWriteBack = 1 << 11 | 6;
        for (MsrEntry& msr : state.msrs)
            if (msr.index == kMemoryTypeDefault)
                msr.value = kEnabledWriteBack;
    }
    return state.apply(m_system, m_fd.get(), KvmVcpuState::Scope::Reset);
}

Result<void> KvmVcpu::save(StateWriter& writer) {
    TRY(KvmVcpuState::read(m_system, m_fd.get())).save(writer);
    return {};
}

Result<void> KvmVcpu::restore(StateReader& reader) {
    KvmVcpuState state = TRY(KvmVcpuState::load(reader, m_system));
    return state.apply(m_system, m_fd.get(), KvmVcpuState::Scope::Everything);
}

uint32_t KvmVcpu::timeStampKhz() const {
    const int khz = kvmIoctl(m_fd.get(), KVM_GET_TSC_KHZ, 0ul);
    return khz > 0 ? static_cast<uint32_t>(khz) : 0;
}

// Hosts without TSC scaling can only go faster. The paravirtual clock tells the guest the true
// rate; a guest that measured its time stamp by itself is told by nobody.
void KvmVcpu::setTimeStampKhz(uint32_t khz) {
    constexpr uint32_t kToleranceParts = 4000; // the kernel's 250 parts in a million
    const uint32_t present = timeStampKhz();
    const uint32_t apart = khz > present ? khz - present : present - khz;
    if (khz == 0 || present == 0 || apart <= present / kToleranceParts)
        return;
    if (kvmIoctl(m_fd.get(), KVM_SET_TSC_KHZ, static_cast<unsigned long>(khz)) < 0)
        logWarning("kvm", formatText("this host cannot count a guest's time stamp at %u kHz: it "
                                     "counts at %u kHz",
                                     khz, present));
}

void KvmVcpu::announcePause() {
    kvmIoctl(m_fd.get(), KVM_KVMCLOCK_CTRL, 0ul); // fails for a guest without kvmclock
}

} // namespace vivarium
