#pragma once

#include "vmm/backends/network/network_port.h"

namespace vivarium {

// The port of a card whose cable is not plugged in.
class UnattachedPort final : public NetworkPort {
public:
    void setCard(Card*) override {}
    LinkState link() const override { return LinkState::Down; }
    void send(std::span<const iovec>) override {}
    void roomMade() override {}
};

} // namespace vivarium
