#pragma once

#include "vmm/base/scanout.h"
#include "vmm/control/envelope.h"
#include "vmm/control/line_channel.h"
#include "vmm/control/messages.h"
#include "vmm/control/server/control_handler.h"

#include <cstdint>
#include <string>
#include <vector>

namespace vivarium::control {

// The picture that clients were told last.
struct PublishedScanout {
    ScanoutInfo info;
    UniqueFd memory;
};

// One client of a ControlServer as data: its connection, what it subscribed to, and what waits to
// be sent. The server decides, this class keeps the bounds. The loop's thread.
class ClientSession {
public:
    static constexpr size_t kMaxPendingRequests = 64;
    static constexpr size_t kMaxQueuedBytes = 1 << 20;      // past that the client is given up
    static constexpr size_t kPauseReadingBytes = 256 << 10; // no new requests while more waits
    static constexpr size_t kMaxDamageRectangles = 16;      // more are united into one

    ClientSession(ClientId id, LineChannel channel) : m_id(id), m_channel(std::move(channel)) {}

    ClientId id() const { return m_id; }
    LineChannel& channel() { return m_channel; }

    // Queues and sends. False: the client does not read and has to go.
    [[nodiscard]] bool send(const std::string& line, std::vector<UniqueFd> descriptors = {});

    const Subscribe& subscription() const { return m_subscription; }
    void setSubscription(const Subscribe& wanted) { m_subscription = wanted; }

    // Damage waits, merged, while earlier messages have not been taken; a new scanout replaces it.
    void noteScanout();
    void noteDamage(uint64_t generation, const std::vector<Rect>& rectangles);
    void noteActivity(const Activity& activity);
    // Sends what has been noted if the client keeps up. False: as send().
    [[nodiscard]] bool sendNoted(const PublishedScanout& scanout);

    size_t pendingRequests = 0;
    bool gone = false; // no longer served, to be removed
    uint32_t watchedEvents = 0;

private:
    ClientId m_id;
    LineChannel m_channel;
    Subscribe m_subscription;
    bool m_scanoutNoted = false;
    Damage m_damage;
    Activity m_activity;
    bool m_activityNoted = false;
};

} // namespace vivarium::control
