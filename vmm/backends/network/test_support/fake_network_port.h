#pragma once

#include "vmm/backends/network/network_port.h"

#include <cstdint>
#include <deque>
#include <vector>

namespace vivarium::test {

// A network that a test plays: it remembers what was sent, or sends it back, and keeps what the
// card has no room for. Device lock for everything.
class FakeNetworkPort final : public NetworkPort {
public:
    using Frame = std::vector<uint8_t>;

    void setCard(Card* card) override { m_card = card; }
    LinkState link() const override { return m_link; }
    void send(std::span<const iovec> frame) override {
        Frame bytes;
        for (const iovec& piece : frame) {
            const auto* data = static_cast<const uint8_t*>(piece.iov_base);
            bytes.insert(bytes.end(), data, data + piece.iov_len);
        }
        if (loops)
            give(bytes);
        if (sent.size() < kMaxFrames)
            sent.push_back(std::move(bytes));
    }
    void roomMade() override {
        ++roomsMade;
        m_full = false;
        offer();
    }

    // A frame for the card, behind those that wait.
    void give(Frame frame) {
        if (m_waiting.size() < kMaxFrames)
            m_waiting.push_back(std::move(frame));
        offer();
    }
    void setLink(LinkState link) {
        m_link = link;
        if (m_card)
            m_card->linkChanged();
    }
    bool hasCard() const { return m_card != nullptr; }
    size_t waiting() const { return m_waiting.size(); }

    std::vector<Frame> sent;
    unsigned roomsMade = 0;
    bool loops = false;

private:
    static constexpr size_t kMaxFrames = 1000;
    void offer() {
        while (m_card && !m_full && !m_waiting.empty()) {
            m_full = m_card->receive(m_waiting.front()) == Delivery::NoRoom;
            if (!m_full)
                m_waiting.pop_front();
        }
    }

    Card* m_card = nullptr;
    LinkState m_link = LinkState::Up;
    bool m_full = false;
    std::deque<Frame> m_waiting;
};

} // namespace vivarium::test
