#include "vmm/backends/serial/stream_backend.h"

namespace vivarium {

Result<std::unique_ptr<StreamBackend>>
StreamBackend::create(EventLoop& loop, DeviceLock& deviceLock, UniqueFd input, UniqueFd output) {
    std::unique_ptr<StreamBackend> backend(new StreamBackend);
    backend->m_connection = TRY(
        SerialConnection::create(loop, deviceLock, std::move(input), std::move(output), *backend));
    return backend;
}

void StreamBackend::received(SerialConnection&, ConstByteSpan bytes) {
    if (m_receiver)
        m_receiver(bytes);
}

} // namespace vivarium
