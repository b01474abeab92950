#include "vmm/sandbox/system_call_filter.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <memory>
#include <vector>

#include <fcntl.h>
#include <linux/kvm.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>

namespace vivarium {

namespace {

// Memory, synchronisation, time and the end of a thread: what the C++ runtime does by itself.
constexpr std::array kRuntimeCalls{
    SCMP_SYS(brk),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(close),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(futex),
    SCMP_SYS(getpid),
    SCMP_SYS(getrandom),
    SCMP_SYS(gettid),
    SCMP_SYS(madvise),
    SCMP_SYS(mremap),
    SCMP_SYS(munmap),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(rseq),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sched_yield),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(tgkill),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
};

// Moving bytes through descriptors that are already open.
constexpr std::array kTransferCalls{
    SCMP_SYS(read),  SCMP_SYS(write), SCMP_SYS(readv),    SCMP_SYS(writev),  SCMP_SYS(pread64),
    SCMP_SYS(poll),  SCMP_SYS(ppoll), SCMP_SYS(sendmsg),  SCMP_SYS(recvmsg), SCMP_SYS(sendto),
    SCMP_SYS(lseek), SCMP_SYS(fcntl), SCMP_SYS(recvfrom),
};

// What device code may do to a disk, on any thread that runs it.
constexpr std::array kDiskCalls{
    SCMP_SYS(pwrite64),  SCMP_SYS(preadv),         SCMP_SYS(pwritev), SCMP_SYS(preadv2),
    SCMP_SYS(pwritev2),  SCMP_SYS(fallocate),      SCMP_SYS(fsync),   SCMP_SYS(fdatasync),
    SCMP_SYS(ftruncate), SCMP_SYS(io_uring_enter), SCMP_SYS(fstat),
};

constexpr std::array kTimerCalls{SCMP_SYS(timerfd_settime)};

// Only the main thread makes descriptors, mappings of them, threads and rings. It may besides make
// the calls of a VNC thread, which inherits its filter.
constexpr std::array kDeviceCalls{
    SCMP_SYS(dup),
    SCMP_SYS(epoll_create1),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(memfd_create),
    SCMP_SYS(msync),
    SCMP_SYS(timerfd_create),
    SCMP_SYS(pipe2),
    SCMP_SYS(seccomp),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(mlock),
    SCMP_SYS(munlock),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(prlimit64),
    SCMP_SYS(sysinfo),
    SCMP_SYS(set_tid_address),
    SCMP_SYS(dup3),
    SCMP_SYS(flock),
    SCMP_SYS(close_range),
    SCMP_SYS(setpriority),
};

// Every VNC client has a thread and a wake-up of its own.
constexpr std::array kVncCalls{
    SCMP_SYS(eventfd2),    SCMP_SYS(socketpair), SCMP_SYS(accept4),     SCMP_SYS(accept),
    SCMP_SYS(getsockopt),  SCMP_SYS(setsockopt), SCMP_SYS(getsockname), SCMP_SYS(getpeername),
    SCMP_SYS(shutdown),    SCMP_SYS(select),     SCMP_SYS(pselect6),    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl),  SCMP_SYS(uname),
};

// A disk job opens rings (or threads) and changes no other descriptors.
constexpr std::array kImageCalls{
    SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_register), SCMP_SYS(eventfd2),
    SCMP_SYS(getsockopt),     SCMP_SYS(set_tid_address),   SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sysinfo),
};

// Answered with an error instead of death: libraries probe for files and names and live without.
constexpr std::array kRefusedCalls{
    SCMP_SYS(open),       SCMP_SYS(openat),     SCMP_SYS(openat2),   SCMP_SYS(stat),
    SCMP_SYS(lstat),      SCMP_SYS(access),     SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
    SCMP_SYS(readlink),   SCMP_SYS(readlinkat), SCMP_SYS(socket),    SCMP_SYS(connect),
    SCMP_SYS(getdents64), SCMP_SYS(statx),
};

#ifdef __SANITIZE_ADDRESS__
// Before UndefinedBehaviorSanitizer looks at an object's type it asks, by writing from there into a
// pipe, whether the address can be read.
constexpr std::array kSanitizerCalls{SCMP_SYS(pipe2)};
#endif

using Filter = std::unique_ptr<void, decltype(&seccomp_release)>;

scmp_arg_cmp equals(unsigned argument, scmp_datum_t value) {
    return {argument, SCMP_CMP_EQ, value, 0};
}

// The bits of `mask` are those of `value`.
scmp_arg_cmp bitsAre(unsigned argument, scmp_datum_t mask, scmp_datum_t value) {
    return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

// Collects rules and remembers the first failure.
class RuleSet {
public:
    explicit RuleSet(scmp_filter_ctx context) : m_context(context) {}
    template <size_t N>
    void allow(const std::array<int, N>& calls) {
        for (int call : calls)
            add(SCMP_ACT_ALLOW, call, {});
    }
    void add(uint32_t action, int call, std::vector<scmp_arg_cmp> conditions) {
        int result = ::seccomp_rule_add_array(
            m_context, action, call, static_cast<unsigned>(conditions.size()), conditions.data());
        // A call that another list or another architecture's table already settled is no failure.
        if (result < 0 && result != -EEXIST && result != -EDOM && m_error == 0)
            m_error = result;
    }
    int error() const { return m_error; }

private:
    scmp_filter_ctx m_context;
    int m_error = 0;
};

void addCommonRules(RuleSet& rules) {
    rules.allow(kRuntimeCalls);
    rules.allow(kTransferCalls);
    rules.allow(kDiskCalls);
    rules.allow(kTimerCalls);
#ifdef __SANITIZE_ADDRESS__
    rules.allow(kSanitizerCalls);
#endif
    // fstat() of glibc is newfstatat(fd, "", ..., AT_EMPTY_PATH).
    rules.add(SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), {equals(3, AT_EMPTY_PATH)});
    // Writable or executable, never both, and nothing becomes executable later.
    rules.add(SCMP_ACT_ALLOW, SCMP_SYS(mmap), {bitsAre(2, PROT_EXEC, 0)});
    rules.add(SCMP_ACT_ALLOW, SCMP_SYS(mprotect), {bitsAre(2, PROT_EXEC, 0)});
    for (int call : kRefusedCalls)
        rules.add(SCMP_ACT_ERRNO(EACCES), call, {});
    rules.add(SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), {});
}

// The type byte (bits 8..15) of KVM's ioctl numbers.
void addKvmRules(RuleSet& rules) {
    rules.add(SCMP_ACT_ALLOW, SCMP_SYS(ioctl),
              {bitsAre(1, 0xFF00, static_cast<scmp_datum_t>(KVMIO) << 8)});
}

// A copy of this process, as the C library's fork() asks for it: it writes a snapshot's memory, or
// goes on as a fork of the machine. It has this thread's filter.
void addForkRules(RuleSet& rules) {
    rules.add(SCMP_ACT_ALLOW, SCMP_SYS(clone),
              {equals(0, CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD)});
}

// New threads of this process, never a process.
void addThreadRules(RuleSet& rules) {
    rules.add(SCMP_ACT_ALLOW, SCMP_SYS(clone),
              {bitsAre(0, CLONE_VM | CLONE_THREAD, CLONE_VM | CLONE_THREAD)});
    rules.add(SCMP_ACT_ALLOW, SCMP_SYS(prctl), {equals(0, PR_SET_NAME)});
}

void addRules(RuleSet& rules, ThreadKind kind) {
    addCommonRules(rules);
    switch (kind) {
    case ThreadKind::Device:
        rules.allow(kDeviceCalls);
        rules.allow(kVncCalls);
        addKvmRules(rules);
        rules.add(SCMP_ACT_ALLOW, SCMP_SYS(ioctl), {equals(1, FIONREAD)});
        rules.add(SCMP_ACT_ALLOW, SCMP_SYS(ioctl), {equals(1, FIONBIO)});
        addThreadRules(rules);
        addForkRules(rules);
        for (int operation : {PR_SET_SECCOMP, PR_GET_NAME, PR_SET_NO_NEW_PRIVS, PR_SET_VMA})
            rules.add(SCMP_ACT_ALLOW, SCMP_SYS(prctl),
                      {equals(0, static_cast<scmp_datum_t>(operation))});
        break;
    case ThreadKind::Vcpu:
        addKvmRules(rules);
        break;
    case ThreadKind::DiskIo:
        break;
    case ThreadKind::Image:
        rules.allow(kImageCalls);
        addThreadRules(rules);
        break;
    case ThreadKind::Vnc:
        rules.allow(kVncCalls);
        addThreadRules(rules);
        rules.add(SCMP_ACT_ALLOW, SCMP_SYS(ioctl), {equals(1, FIONREAD)});
        rules.add(SCMP_ACT_ALLOW, SCMP_SYS(ioctl), {equals(1, FIONBIO)});
        break;
    }
}

} // namespace

Result<void> filterSystemCalls(ThreadKind kind) {
    Filter filter(::seccomp_init(SCMP_ACT_KILL_PROCESS), &seccomp_release);
    if (!filter)
        return fail(ErrorCode::Unsupported, "this kernel has no system call filters");
    RuleSet rules(filter.get());
    addRules(rules, kind);
    // A binary tree of numbers: a filter runs at every call.
    ::seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
    int result = rules.error() != 0 ? rules.error() : ::seccomp_load(filter.get());
    if (result < 0)
        return systemError(-result, "install a system call filter");
    return {};
}

} // namespace vivarium
