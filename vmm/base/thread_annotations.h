#pragma once

// Names for clang's thread-safety analysis (-Wthread-safety); empty elsewhere. Mutex and
// MutexLocker carry the attributes that std::mutex lacks in libstdc++.

#include <mutex>

#if defined(__clang__)
#define VIVARIUM_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define VIVARIUM_THREAD_ATTRIBUTE(x)
#endif

#define GUARDED_BY(x) VIVARIUM_THREAD_ATTRIBUTE(guarded_by(x))
#define REQUIRES(...) VIVARIUM_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) VIVARIUM_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))

namespace vivarium {

class VIVARIUM_THREAD_ATTRIBUTE(capability("mutex")) Mutex {
public:
    void lock() VIVARIUM_THREAD_ATTRIBUTE(acquire_capability()) { m_mutex.lock(); }
    void unlock() VIVARIUM_THREAD_ATTRIBUTE(release_capability()) { m_mutex.unlock(); }
    bool try_lock() VIVARIUM_THREAD_ATTRIBUTE(try_acquire_capability(true)) {
        return m_mutex.try_lock();
    }

private:
    std::mutex m_mutex;
};

class VIVARIUM_THREAD_ATTRIBUTE(scoped_lockable) MutexLocker {
public:
    explicit MutexLocker(Mutex& mutex) VIVARIUM_THREAD_ATTRIBUTE(acquire_capability(mutex))
        : m_mutex(mutex) {
        m_mutex.lock();
    }
    ~MutexLocker() VIVARIUM_THREAD_ATTRIBUTE(release_capability()) { m_mutex.unlock(); }
    MutexLocker(const MutexLocker&) = delete;
    MutexLocker& operator=(const MutexLocker&) = delete;

private:
    Mutex& m_mutex;
};

} // namespace vivarium
