#pragma once

#include <cstddef>

namespace vivarium {

// Memory for the frames of coroutines. Every thread keeps what it gives back for the frames that it
// makes next: a disk makes several a request, of few sizes, and many at one time, which the C
// library's own lists of small pieces are too short for. Any thread.
class FramePool {
public:
    static void* allocate(size_t bytes);
    // `bytes` as in allocate(), which another thread may have called.
    static void release(void* frame, size_t bytes) noexcept;
};

// What a coroutine's promise inherits so that its frame comes from the pool.
struct PooledFrame {
    static void* operator new(size_t bytes) { return FramePool::allocate(bytes); }
    static void operator delete(void* frame, size_t bytes) noexcept {
        FramePool::release(frame, bytes);
    }
};

} // namespace vivarium
