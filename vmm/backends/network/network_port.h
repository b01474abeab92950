#pragma once

#include "vmm/base/bytes.h"

#include <cstdint>
#include <span>

#include <sys/uio.h>

namespace vivarium {

enum class LinkState : uint8_t { Down, Up };

// What a network card's cable is plugged into: the network as that card sees it. A frame is
// Ethernet's from the destination address to the end of the data, without the checksum (IEEE
// 802.3-2018, 3.1.1). Device lock for everything.
class NetworkPort {
public:
    // What became of a frame for the card. NoRoom: the driver has no buffers just now.
    enum class Delivery { Done /* also: not wanted */, NoRoom };

    // The card's side.
    class Card {
    public:
        virtual ~Card() = default;
        // After NoRoom the port gives nothing more until roomMade(). It may keep the frame for
        // then, within a bound of its own, or drop it.
        virtual Delivery receive(ConstByteSpan frame) = 0;
        virtual void linkChanged() = 0;
    };

    virtual ~NetworkPort() = default;

    // Borrowed; null: there is none.
    virtual void setCard(Card* card) = 0;
    virtual LinkState link() const = 0;
    // Returns at once and keeps no pointer; what there is no room for is dropped. The pieces are
    // guest memory, which can change all the time: read each byte once.
    virtual void send(std::span<const iovec> frame) = 0;
    // The card can receive again. May call it before it returns, with a bounded number of frames.
    virtual void roomMade() = 0;
};

} // namespace vivarium
