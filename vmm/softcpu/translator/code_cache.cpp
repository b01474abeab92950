#include "vmm/softcpu/translator/code_cache.h"

#include <algorithm>
#include <cerrno>

#include <sys/mman.h>

namespace vivarium::softcpu {

namespace {

constexpr size_t kPageBytes = 4096;
constexpr size_t kReachBytes = size_t{1} << 31; // of a displacement relative to RIP

size_t wholePages(size_t sizeBytes) {
    return (sizeBytes + kPageBytes - 1) & ~(kPageBytes - 1);
}

} // namespace

Result<std::unique_ptr<CodeCache>> CodeCache::create(size_t dataBytes, size_t codeBytes) {
    if (dataBytes >= kReachBytes / 2 || codeBytes >= kReachBytes / 2)
        return fail(ErrorCode::LimitExceeded, "the code cache is too large");
    std::unique_ptr<CodeCache> cache(new CodeCache);
    cache->m_dataBytes = wholePages(dataBytes);
    cache->m_codeBytes = wholePages(codeBytes);
    cache->m_fd.reset(::memfd_create("vivarium-code", MFD_CLOEXEC));
    if (!cache->m_fd || ::ftruncate(cache->m_fd.get(), static_cast<off_t>(cache->m_codeBytes)) != 0)
        return systemError(errno, "create the code cache");
    void* region = ::mmap(nullptr, cache->m_dataBytes + cache->m_codeBytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (region == MAP_FAILED)
        return systemError(errno, "reserve the code cache");
    cache->m_region = static_cast<uint8_t*>(region);
    if (::mmap(cache->executable(0), cache->m_codeBytes, PROT_READ | PROT_EXEC,
               MAP_SHARED | MAP_FIXED, cache->m_fd.get(), 0) == MAP_FAILED)
        return systemError(errno, "map the code cache for execution");
    void* writable = ::mmap(nullptr, cache->m_codeBytes, PROT_READ | PROT_WRITE, MAP_SHARED,
                            cache->m_fd.get(), 0);
    if (writable == MAP_FAILED)
        return systemError(errno, "map the code cache for writing");
    cache->m_writable = static_cast<uint8_t*>(writable);
    cache->m_fd = UniqueFd(); // a sandbox closes descriptors behind everybody's back
    return cache;
}

CodeCache::~CodeCache() {
    if (m_region)
        ::munmap(m_region, m_dataBytes + m_codeBytes);
    if (m_writable)
        ::munmap(m_writable, m_codeBytes);
}

void CodeCache::commit(size_t sizeBytes) {
    m_used = std::min((m_used + sizeBytes + 15) & ~size_t{15}, m_codeBytes);
}

} // namespace vivarium::softcpu
