#pragma once

#include "vmm/backends/serial/character_backend.h"

namespace vivarium {

// A serial line with nothing at its end.
class NullBackend final : public CharacterBackend {
public:
    void write(ConstByteSpan) override {}
    void setReceiver(Receiver) override {}
    void setReceiveRoom(size_t) override {}
};

} // namespace vivarium
