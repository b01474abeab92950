#include "vmm/sandbox/process_isolation.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <climits>

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace vivarium {

Result<void> closeOtherDescriptors(std::vector<int> kept) {
    kept.insert(kept.end(), {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO});
    std::sort(kept.begin(), kept.end());
    unsigned next = 0;
    for (int fd : kept) {
        if (fd < 0 || static_cast<unsigned>(fd) < next)
            continue;
        if (static_cast<unsigned>(fd) > next &&
            ::syscall(SYS_close_range, next, static_cast<unsigned>(fd) - 1, 0) != 0)
            return systemError(errno, "close inherited descriptors");
        next = static_cast<unsigned>(fd) + 1;
    }
    if (::syscall(SYS_close_range, next, UINT_MAX, 0) != 0)
        return systemError(errno, "close inherited descriptors");
    return {};
}

namespace {

bool writeFile(const char* path, const std::string& text) {
    int fd = ::open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    ::close(fd);
    return written;
}

// user_namespaces(7): the creator may map exactly its own ids once setgroups is denied.
bool enterUserNamespace() {
    const std::string uid = std::to_string(::geteuid());
    const std::string gid = std::to_string(::getegid());
    if (::unshare(CLONE_NEWUSER) != 0)
        return false;
    return writeFile("/proc/self/setgroups", "deny") &&
           writeFile("/proc/self/uid_map", uid + " " + uid + " 1") &&
           writeFile("/proc/self/gid_map", gid + " " + gid + " 1");
}

// Replaces the root by an empty read-only file system (pivot_root(2), "pivot_root(".", ".")").
bool enterEmptyRoot() {
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,mode=555") !=
            0 ||
        ::chdir("/tmp") != 0 || ::syscall(SYS_pivot_root, ".", ".") != 0 ||
        ::umount2(".", MNT_DETACH) != 0 || ::chdir("/") != 0)
        return false;
    return ::mount(nullptr, "/", nullptr,
                   MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
                   nullptr) == 0;
}

bool dropCapabilities() {
    for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
        ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0); // needs a capability; the sets below decide
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3]{};
    return ::syscall(SYS_capset, &header, none) == 0;
}

} // namespace

Result<IsolationReport> isolateProcess(std::vector<int> keptDescriptors) {
    IsolationReport report;
    TRY(closeOtherDescriptors(std::move(keptDescriptors)));
    const rlimit none{0, 0};
    if (::setrlimit(RLIMIT_CORE, &none) != 0)
        report.missing.emplace_back("core dumps cannot be switched off");

    if (!enterUserNamespace())
        report.missing.emplace_back("no user namespace: unprivileged ones are switched off here");
    if (::unshare(CLONE_NEWNS) != 0 || !enterEmptyRoot())
        report.missing.emplace_back("no empty root: the file system stays visible to path lookups");
    if (::unshare(CLONE_NEWNET) != 0)
        report.missing.emplace_back("no network namespace of its own");
    if (::unshare(CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP) != 0)
        report.missing.emplace_back("no IPC, host name and cgroup namespaces of its own");
    if (!dropCapabilities())
        report.missing.emplace_back("capabilities cannot be dropped");

    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return systemError(errno, "forbid new privileges");
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        report.missing.emplace_back("other processes of this user may read the guest's memory");
    return report;
}

} // namespace vivarium
