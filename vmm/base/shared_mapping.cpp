#include "vmm/base/shared_mapping.h"

#include <cerrno>
#include <limits>

#include <fcntl.h>
#include <sys/mman.h>

namespace vivarium {

namespace {
constexpr uint64_t kPageBytes = 4096;
constexpr uint64_t kMaxBytes = uint64_t{1} << 46; // more than any host address space has to give
} // namespace

Result<UniqueFd> UniqueFd::duplicate() const {
    int copy = ::fcntl(m_fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0)
        return systemError(errno, "duplicate file descriptor");
    return UniqueFd(copy);
}

Result<SharedMapping> SharedMapping::create(const std::string& name, uint64_t sizeBytes) {
    if (sizeBytes == 0 || sizeBytes > kMaxBytes)
        return fail(ErrorCode::LimitExceeded, name + ": memory size out of range");
    sizeBytes = alignUp(sizeBytes, kPageBytes);
    UniqueFd fd(::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd)
        return systemError(errno, "create memory " + name);
    if (::ftruncate(fd.get(), static_cast<off_t>(sizeBytes)) != 0)
        return systemError(errno, "size memory " + name);
    if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        return systemError(errno, "seal memory " + name);
    void* data = ::mmap(nullptr, sizeBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
                        fd.get(), 0);
    if (data == MAP_FAILED)
        return systemError(errno, "map memory " + name);
    ::madvise(data, sizeBytes, MADV_DONTFORK); // a copy of this process has memory of its own
    return SharedMapping(std::move(fd), static_cast<uint8_t*>(data), sizeBytes);
}

SharedMapping::SharedMapping(SharedMapping&& other) noexcept
    : m_fd(std::move(other.m_fd)), m_data(std::exchange(other.m_data, nullptr)),
      m_sizeBytes(std::exchange(other.m_sizeBytes, 0)) {}

SharedMapping& SharedMapping::operator=(SharedMapping&& other) noexcept {
    if (this != &other) {
        if (m_data)
            ::munmap(m_data, m_sizeBytes);
        m_fd = std::move(other.m_fd);
        m_data = std::exchange(other.m_data, nullptr);
        m_sizeBytes = std::exchange(other.m_sizeBytes, 0);
    }
    return *this;
}

SharedMapping::~SharedMapping() {
    if (m_data)
        ::munmap(m_data, m_sizeBytes);
}

} // namespace vivarium
