#include "vmm/memory/private_mapping.h"

#include <cerrno>
#include <utility>

#include <sys/mman.h>

namespace vivarium {

namespace {
constexpr uint64_t kPageBytes = 4096;
constexpr uint64_t kLargePageBytes = 2 << 20;
constexpr uint64_t kMaxBytes = uint64_t{1} << 46; // more than any host address space has to give
} // namespace

Result<PrivateMapping> PrivateMapping::create(uint64_t sizeBytes) {
    if (sizeBytes == 0 || sizeBytes > kMaxBytes)
        return fail(ErrorCode::LimitExceeded, "memory size out of range");
    sizeBytes = alignUp(sizeBytes, kPageBytes);
    // Aligned to large pages in this process as in the guest.
    const uint64_t reservedBytes = sizeBytes + kLargePageBytes;
    void* reserved = ::mmap(nullptr, reservedBytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (reserved == MAP_FAILED)
        return systemError(errno, "map memory");
    auto* first = static_cast<uint8_t*>(reserved);
    const auto address = reinterpret_cast<uintptr_t>(reserved);
    uint8_t* data = first + (alignUp(uint64_t{address}, kLargePageBytes) - address);
    if (data > first)
        ::munmap(first, static_cast<size_t>(data - first));
    uint8_t* end = first + reservedBytes;
    if (end > data + sizeBytes)
        ::munmap(data + sizeBytes, static_cast<size_t>(end - (data + sizeBytes)));
    ::madvise(data, sizeBytes, MADV_HUGEPAGE); // where the kernel has no large pages, small ones do
    return PrivateMapping(data, sizeBytes);
}

PrivateMapping::PrivateMapping(PrivateMapping&& other) noexcept
    : m_data(std::exchange(other.m_data, nullptr)),
      m_sizeBytes(std::exchange(other.m_sizeBytes, 0)) {}

PrivateMapping& PrivateMapping::operator=(PrivateMapping&& other) noexcept {
    if (this != &other) {
        if (m_data)
            ::munmap(m_data, m_sizeBytes);
        m_data = std::exchange(other.m_data, nullptr);
        m_sizeBytes = std::exchange(other.m_sizeBytes, 0);
    }
    return *this;
}

PrivateMapping::~PrivateMapping() {
    if (m_data)
        ::munmap(m_data, m_sizeBytes);
}

} // namespace vivarium
