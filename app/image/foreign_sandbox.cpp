#include "app/image/foreign_sandbox.h"

#include "vmm/base/unique_fd.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace vivarium::image {

namespace {

// Where the new root is put together; only this process sees it.
constexpr const char* kRoot = "/tmp";
// What a dynamically linked program needs. /lib and the like are links into /usr or folders.
constexpr std::array kSystemFolders{"usr", "lib", "lib64", "bin"};
// qemu-img reads in pieces of 2 MiB and keeps tables; this is far above.
constexpr rlim_t kMaxMemoryBytes = 4ull << 30;
constexpr rlim_t kMaxOpenFiles = 64;

Error unavailable(const char* step) {
    return Error{
        ErrorCode::Unavailable, errno,
        std::string("This host does not allow the sandbox in which images of other programs "
                    "are read (") +
            step + "); allow unprivileged user namespaces."};
}

bool writeText(const char* path, const std::string& text) {
    const UniqueFd fd(::open(path, O_WRONLY | O_CLOEXEC));
    return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

Result<void> enterNamespaces() {
    const std::string uid = std::to_string(::geteuid());
    const std::string gid = std::to_string(::getegid());
    if (::unshare(CLONE_NEWUSER) != 0)
        return unavailable("user namespace");
    // user_namespaces(7): the creator may map exactly its own ids once setgroups is denied.
    if (!writeText("/proc/self/setgroups", "deny") ||
        !writeText("/proc/self/uid_map", uid + " " + uid + " 1") ||
        !writeText("/proc/self/gid_map", gid + " " + gid + " 1"))
        return unavailable("user ids");
    if (::unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWPID |
                  CLONE_NEWCGROUP) != 0)
        return unavailable("namespaces");
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        return unavailable("private mounts");
    return {};
}

// The path of an open file, while it still has one.
Result<std::string> pathOf(int fd) {
    std::array<char, PATH_MAX> path{};
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    const ssize_t length = ::readlink(link.c_str(), path.data(), path.size() - 1);
    if (length <= 0)
        return systemError(errno, "find an image file");
    return std::string(path.data(), static_cast<size_t>(length));
}

bool isSameFile(const char* path, int fd) {
    struct stat named {};
    struct stat open {};
    return ::stat(path, &named) == 0 && ::fstat(fd, &open) == 0 && named.st_dev == open.st_dev &&
           named.st_ino == open.st_ino;
}

// A copy of what is mounted at `path`, not yet anywhere. Taken before the new root covers the
// place.
Result<UniqueFd> takeTree(const std::string& path, unsigned flags) {
    UniqueFd tree(static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, path.c_str(),
                                             OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags)));
    if (!tree)
        return unavailable("bind mounts");
    return tree;
}

Result<void> makeReadOnly(int mount, unsigned flags) {
    mount_attr attributes{};
    attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
    if (::syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH | flags, &attributes,
                  sizeof attributes) != 0)
        return unavailable("read-only mounts");
    return {};
}

Result<void> attach(const UniqueFd& tree, const std::string& target) {
    if (::syscall(SYS_move_mount, tree.get(), "", AT_FDCWD, target.c_str(),
                  MOVE_MOUNT_F_EMPTY_PATH) != 0)
        return unavailable("bind mounts");
    return {};
}

// A piece of the new root: a mount, or a link to somewhere inside of it.
struct Piece {
    std::string name;
    bool folder = false;
    UniqueFd tree;
    std::string link;
    int sameAs = -1; // the open file that it must be
};

Result<std::vector<Piece>> takeSystem() {
    std::vector<Piece> pieces;
    for (const char* folder : kSystemFolders) {
        const std::string source = std::string("/") + folder;
        struct stat status {};
        std::array<char, 256> link{};
        if (::lstat(source.c_str(), &status) != 0)
            continue;
        Piece piece{folder, true, {}, {}, -1};
        if (S_ISLNK(status.st_mode)) {
            if (::readlink(source.c_str(), link.data(), link.size() - 1) <= 0)
                return unavailable("system folders");
            piece.link = link.data();
        } else {
            piece.tree = TRY(takeTree(source, AT_RECURSIVE));
            TRY(makeReadOnly(piece.tree.get(), AT_RECURSIVE));
        }
        pieces.push_back(std::move(piece));
    }
    return pieces;
}

// By path, for a descriptor of before belongs to the old mount namespace; that it is the same file
// is looked at afterwards.
Result<Piece> takeFile(const BoundFile& file, const std::string& path) {
    Piece piece{file.name, false, TRY(takeTree(path, 0)), {}, file.fd};
    if (file.access == BoundFile::Access::ReadOnly)
        TRY(makeReadOnly(piece.tree.get(), 0));
    return piece;
}

Result<void> place(const Piece& piece) {
    const std::string target = std::string(kRoot) + "/" + piece.name;
    if (!piece.link.empty()) {
        if (::symlink(piece.link.c_str(), target.c_str()) != 0)
            return unavailable("system folders");
        return {};
    }
    if (piece.folder) {
        if (::mkdir(target.c_str(), 0755) != 0)
            return unavailable("system folders");
    } else if (const UniqueFd point(
                   ::open(target.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
               !point) {
        return unavailable("mount points");
    }
    TRY(attach(piece.tree, target));
    if (piece.sameAs >= 0 && !isSameFile(target.c_str(), piece.sameAs))
        return fail(ErrorCode::WrongState, "The image file was replaced while the job began.");
    return {};
}

Result<void> changeRoot() {
    if (::chdir(kRoot) != 0 || ::syscall(SYS_pivot_root, ".", ".") != 0 ||
        ::umount2(".", MNT_DETACH) != 0 || ::chdir("/") != 0)
        return unavailable("new root");
    if (::mount(nullptr, "/", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV,
                nullptr) != 0)
        return unavailable("read-only root");
    return {};
}

// An empty bounding set: not even a program started by root gets a capability back.
Result<void> dropCapabilities() {
    for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
        if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0)
            return unavailable("capabilities");
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3]{};
    if (::syscall(SYS_capset, &header, none) != 0 || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return unavailable("capabilities");
    return {};
}

Result<void> limitResources() {
    const std::array<std::pair<int, rlim_t>, 3> limits{
        {{RLIMIT_CORE, 0}, {RLIMIT_AS, kMaxMemoryBytes}, {RLIMIT_NOFILE, kMaxOpenFiles}}};
    for (const auto& [resource, value] : limits) {
        rlimit limit{};
        ::getrlimit(static_cast<__rlimit_resource>(resource), &limit);
        limit.rlim_cur = limit.rlim_max = std::min(value, limit.rlim_max);
        if (::setrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0)
            return systemError(errno, "limit resources");
    }
    return {};
}

} // namespace

Result<void> enterForeignSandbox(const std::vector<BoundFile>& files) {
    std::vector<std::string> paths;
    for (const BoundFile& file : files)
        paths.push_back(TRY(pathOf(file.fd)));
    TRY(enterNamespaces());
    std::vector<Piece> pieces = TRY(takeSystem());
    for (size_t i = 0; i < files.size(); ++i)
        pieces.push_back(TRY(takeFile(files[i], paths[i])));
    if (::mount("none", kRoot, "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,mode=755") != 0)
        return unavailable("root");
    for (const Piece& piece : pieces)
        TRY(place(piece));
    TRY(changeRoot());
    TRY(dropCapabilities());
    return limitResources();
}

bool filterForeignProgram() {
    constexpr std::array kForbidden{
        SCMP_SYS(add_key),
        SCMP_SYS(bpf),
        SCMP_SYS(io_uring_setup),
        SCMP_SYS(keyctl),
        SCMP_SYS(mount),
        SCMP_SYS(move_mount),
        SCMP_SYS(open_by_handle_at),
        SCMP_SYS(open_tree),
        SCMP_SYS(perf_event_open),
        SCMP_SYS(pivot_root),
        SCMP_SYS(process_vm_readv),
        SCMP_SYS(process_vm_writev),
        SCMP_SYS(ptrace),
        SCMP_SYS(request_key),
        SCMP_SYS(setns),
        SCMP_SYS(socket),
        SCMP_SYS(umount2),
        SCMP_SYS(unshare),
        SCMP_SYS(userfaultfd),
    };
    const std::unique_ptr<void, decltype(&seccomp_release)> filter(::seccomp_init(SCMP_ACT_ALLOW),
                                                                   &seccomp_release);
    if (!filter)
        return false;
    for (int call : kForbidden)
        if (::seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EPERM), call, 0) != 0)
            return false;
    return ::seccomp_load(filter.get()) == 0;
}

} // namespace vivarium::image
