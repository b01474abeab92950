#include "vmm/base/crash_points.h"

#ifdef VIVARIUM_CRASH_POINTS

#include "vmm/base/unique_fd.h"

#include <atomic>
#include <cstdint>
#include <cstdlib>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace vivarium {

namespace {

struct Counters {
    std::atomic<uint64_t> met;
    std::atomic<uint64_t> last;
};
static_assert(sizeof(Counters) == 16 && std::atomic<uint64_t>::is_always_lock_free);

constexpr int kCrashed = 86;
Counters* counters = nullptr; // set once, before there are threads; only in debug builds

} // namespace

void openCrashPoints() {
    const char* path = std::getenv("VIVARIUM_CRASH_POINTS");
    if (!path)
        return;
    const UniqueFd fd(::open(path, O_RDWR | O_CLOEXEC));
    if (!fd)
        return;
    void* mapped =
        ::mmap(nullptr, sizeof(Counters), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (mapped != MAP_FAILED)
        counters = static_cast<Counters*>(mapped);
}

void crashPoint() {
    // Ends like a killed program: without destructors, with whatever the kernel still works on.
    if (counters && counters->met.fetch_add(1) + 1 == counters->last.load())
        ::_exit(kCrashed);
}

} // namespace vivarium

#else

namespace vivarium {

void openCrashPoints() {}
void crashPoint() {}

} // namespace vivarium

#endif
