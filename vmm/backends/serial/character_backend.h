#pragma once

#include "vmm/base/bytes.h"

#include <functional>

namespace vivarium {

// The host's end of a serial line. `write` is called with the device lock held and never blocks:
// what does not fit is dropped or buffered within a bound. Received bytes arrive by `setReceiver`
// on the device thread with the device lock held.
class CharacterBackend {
public:
    virtual ~CharacterBackend() = default;
    virtual void write(ConstByteSpan bytes) = 0;
    using Receiver = std::function<void(ConstByteSpan bytes)>;
    virtual void setReceiver(Receiver receiver) = 0;
    // How many bytes the device can take now; the backend reads no more than that. The device
    // calls it again when room was made.
    virtual void setReceiveRoom(size_t byteCount) = 0;
};

} // namespace vivarium
