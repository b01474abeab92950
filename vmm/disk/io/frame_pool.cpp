#include "vmm/disk/io/frame_pool.h"

#include <array>
#include <new>

namespace vivarium {

namespace {

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define VIVARIUM_ADDRESS_SANITIZER
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define VIVARIUM_ADDRESS_SANITIZER
#endif

#ifdef VIVARIUM_ADDRESS_SANITIZER
constexpr size_t kMaxKept = 0; // it has to see what is used after its end
#else
constexpr size_t kMaxKept = 256; // of each size
#endif
constexpr size_t kStepBytes = 64;
constexpr size_t kSizes = 16; // larger frames are rare ones

class KeptFrames {
public:
    KeptFrames() = default;
    KeptFrames(const KeptFrames&) = delete;
    KeptFrames& operator=(const KeptFrames&) = delete;
    ~KeptFrames() {
        for (List& list : m_lists)
            while (void* frame = list.take())
                ::operator delete(frame);
    }

    // Null: there is none.
    void* take(size_t size) { return size < kSizes ? m_lists[size].take() : nullptr; }
    // False: there are enough.
    bool keep(void* frame, size_t size) { return size < kSizes && m_lists[size].keep(frame); }

private:
    struct Frame {
        Frame* next;
    };
    struct List {
        void* take() {
            Frame* frame = first;
            if (frame) {
                first = frame->next;
                --count;
            }
            return frame;
        }
        bool keep(void* memory) {
            if (count == kMaxKept)
                return false;
            first = new (memory) Frame{first};
            ++count;
            return true;
        }
        Frame* first = nullptr;
        size_t count = 0;
    };
    std::array<List, kSizes> m_lists;
};

thread_local KeptFrames keptFrames;

size_t sizeOf(size_t bytes) {
    return (bytes - 1) / kStepBytes;
}

} // namespace

void* FramePool::allocate(size_t bytes) {
    const size_t size = sizeOf(bytes);
    void* kept = keptFrames.take(size);
    return kept ? kept : ::operator new((size + 1) * kStepBytes);
}

void FramePool::release(void* frame, size_t bytes) noexcept {
    if (!keptFrames.keep(frame, sizeOf(bytes)))
        ::operator delete(frame);
}

} // namespace vivarium
