#include "vmm/softcpu/translator/native_child.h"

#include <csignal>
#include <cstring>

#include <elf.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

namespace vivarium::softcpu::test {

namespace {

unsigned long long user_regs_struct::*const kRegisters[16] = {
    &user_regs_struct::rax, &user_regs_struct::rcx, &user_regs_struct::rdx, &user_regs_struct::rbx,
    &user_regs_struct::rsp, &user_regs_struct::rbp, &user_regs_struct::rsi, &user_regs_struct::rdi,
    &user_regs_struct::r8,  &user_regs_struct::r9,  &user_regs_struct::r10, &user_regs_struct::r11,
    &user_regs_struct::r12, &user_regs_struct::r13, &user_regs_struct::r14, &user_regs_struct::r15};

constexpr uint64_t kCarried = kArithmeticFlags | kFlagDf;

} // namespace

NativeChild::NativeChild(uint64_t address, uint64_t bytes) : m_bytes(bytes) {
    void* window =
        ::mmap(reinterpret_cast<void*>(address), bytes, PROT_READ | PROT_WRITE | PROT_EXEC,
               MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (window == MAP_FAILED)
        return;
    m_window = static_cast<uint8_t*>(window);
    m_pid = ::fork();
    if (m_pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0)
            ::_exit(1);
        ::raise(SIGSTOP);
        ::_exit(0);
    }
    int status = 0;
    if (m_pid < 0 || ::waitpid(m_pid, &status, 0) != m_pid || !WIFSTOPPED(status))
        m_pid = -1;
}

NativeChild::~NativeChild() {
    if (m_pid > 0) {
        ::kill(m_pid, SIGKILL);
        ::waitpid(m_pid, nullptr, 0);
    }
    if (m_window)
        ::munmap(m_window, m_bytes);
}

NativeChild::Outcome NativeChild::run(const CpuState& state) {
    Outcome outcome;
    user_regs_struct regs{};
    ::ptrace(PTRACE_GETREGS, m_pid, nullptr, &regs);
    for (unsigned i = 0; i < 16; ++i)
        regs.*kRegisters[i] = state.gpr[i];
    regs.rip = state.rip;
    regs.orig_rax = ~0ull; // not in a system call
    regs.eflags = (regs.eflags & ~kCarried) | (state.rflags & kCarried);
    ::ptrace(PTRACE_SETREGS, m_pid, nullptr, &regs);
    std::memcpy(outcome.xsave, state.xsave, sizeof outcome.xsave);
    // The kernel keeps its own list of components at the start of the software-reserved bytes.
    iovec area{outcome.xsave, sizeof outcome.xsave};
    ::ptrace(PTRACE_SETREGSET, m_pid, NT_X86_XSTATE, &area);
    ::ptrace(PTRACE_CONT, m_pid, nullptr, nullptr);
    int status = 0;
    if (::waitpid(m_pid, &status, 0) != m_pid || !WIFSTOPPED(status)) {
        m_pid = -1;
        return outcome;
    }
    outcome.signal = WSTOPSIG(status);
    ::ptrace(PTRACE_GETREGS, m_pid, nullptr, &regs);
    area = {outcome.xsave, sizeof outcome.xsave};
    ::ptrace(PTRACE_GETREGSET, m_pid, NT_X86_XSTATE, &area);
    for (unsigned i = 0; i < 16; ++i)
        outcome.gpr[i] = regs.*kRegisters[i];
    outcome.rip = outcome.signal == SIGTRAP ? regs.rip - 1 : regs.rip;
    outcome.flags = regs.eflags & kCarried;
    return outcome;
}

} // namespace vivarium::softcpu::test
