#include "vmm/softcpu/translator/code_cache.h"

#include "vmm/base/unique_fd.h"

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

Result<std::vector<std::unique_ptr<CodeCache>>>
CodeCache::create(size_t dataBytes, size_t codeBytes, unsigned count) {
    if (dataBytes >= kReachBytes / 2 || codeBytes >= kReachBytes / 2)
        return fail(ErrorCode::LimitExceeded, "the code cache is too large");
    const size_t data = wholePages(dataBytes), code = wholePages(codeBytes);
    const size_t allCode = count * code, allBytes = count * (data + code);
    // Closed at the end: a sandbox closes descriptors behind everybody's back.
    const UniqueFd file(::memfd_create("vivarium-code", MFD_CLOEXEC));
    if (!file || ::ftruncate(file.get(), static_cast<off_t>(allCode)) != 0)
        return systemError(errno, "create the code cache");
    void* regions = ::mmap(nullptr, allBytes, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (regions == MAP_FAILED)
        return systemError(errno, "reserve the code cache");
    void* writable = ::mmap(nullptr, allCode, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (writable == MAP_FAILED) {
        const Error error = systemError(errno, "map the code cache for writing");
        ::munmap(regions, allBytes);
        return error;
    }
    std::vector<std::unique_ptr<CodeCache>> caches; // each unmaps its own parts
    for (unsigned i = 0; i < count; ++i) {
        std::unique_ptr<CodeCache> cache(new CodeCache);
        cache->m_dataBytes = data;
        cache->m_codeBytes = code;
        cache->m_region = static_cast<uint8_t*>(regions) + i * (data + code);
        cache->m_writable = static_cast<uint8_t*>(writable) + i * code;
        caches.push_back(std::move(cache));
    }
    for (unsigned i = 0; i < count; ++i)
        if (::mmap(caches[i]->executable(0), code, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED,
                   file.get(), static_cast<off_t>(i * code)) == MAP_FAILED)
            return systemError(errno, "map the code cache for execution");
    return caches;
}

CodeCache::~CodeCache() {
    ::munmap(m_region, m_dataBytes + m_codeBytes);
    ::munmap(m_writable, m_codeBytes);
}

void CodeCache::commit(size_t sizeBytes) {
    m_used = std::min((m_used + sizeBytes + 15) & ~size_t{15}, m_codeBytes);
}

} // namespace vivarium::softcpu
