#include "vmm/softcpu/native_reserve.h"

#include "vmm/softcpu/translator/translator.h"

#include <cerrno>
#include <new>

#include <sys/mman.h>

namespace vivarium {

void NativeReserve::Unmap::operator()(std::atomic<uint32_t>* counter) const {
    ::munmap(counter, sizeof *counter);
}

Result<NativeReserve> NativeReserve::create(unsigned count) {
    void* page = ::mmap(nullptr, sizeof(std::atomic<uint32_t>), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return systemError(errno, "map a counter");
    NativeReserve reserve;
    reserve.m_taken.reset(new (page) std::atomic<uint32_t>(0));
    for (auto& native : TRY(softcpu::NativeUnit::createMany(count)))
        reserve.m_units.push_back({std::move(native), nullptr});
    if (auto caches = softcpu::Translator::reserveCaches({}, count))
        for (unsigned i = 0; i < count; ++i)
            reserve.m_units[i].cache = std::move((*caches)[i]);
    return reserve;
}

Result<NativeReserve::Unit> NativeReserve::take() {
    return std::move(*TRY(next()));
}

Result<std::unique_ptr<softcpu::NativeUnit>> NativeReserve::takeNative() {
    return std::move(TRY(next())->native); // the cache stays where it is: to unmap it takes time
}

Result<NativeReserve::Unit*> NativeReserve::next() {
    const uint32_t index = m_taken->fetch_add(1);
    if (index >= m_units.size()) {
        m_taken->fetch_sub(1);
        return fail(ErrorCode::LimitExceeded,
                    "this machine and its forks have more virtual processors than the software "
                    "processor has room for");
    }
    return &m_units[index];
}

} // namespace vivarium
