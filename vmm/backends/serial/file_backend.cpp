#include "vmm/backends/serial/file_backend.h"

#include "vmm/base/log.h"

#include <algorithm>
#include <cerrno>

namespace vivarium {

void FileBackend::write(ConstByteSpan bytes) {
    bytes = bytes.first(std::min(bytes.size(), kMaxQueuedBytes - m_queue.size()));
    m_queue.insert(m_queue.end(), bytes.begin(), bytes.end());
    if (m_flushScheduled)
        return;
    m_flushScheduled = true;
    m_loop.post([this, alive = std::weak_ptr(m_alive)] {
        if (!alive.expired())
            flush();
    });
}

void FileBackend::flush() {
    std::vector<uint8_t> bytes;
    {
        MutexLocker lock(m_deviceLock);
        bytes.swap(m_queue);
        m_flushScheduled = false;
    }
    size_t written = 0;
    while (written < bytes.size()) {
        ssize_t count = ::write(m_file.get(), bytes.data() + written, bytes.size() - written);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0) {
            if (!std::exchange(m_complained, true))
                logError("serial", systemError(errno, "write serial output").detail);
            return;
        }
        m_complained = false;
        written += static_cast<size_t>(count);
    }
}

} // namespace vivarium
