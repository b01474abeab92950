#include "vmm/control/server/client_session.h"

#include "vmm/control/message_json.h"

#include <utility>

namespace vivarium::control {

bool ClientSession::send(const std::string& line, std::vector<UniqueFd> descriptors) {
    m_channel.send(line, std::move(descriptors));
    return m_channel.queuedBytes() <= kMaxQueuedBytes;
}

void ClientSession::noteScanout() {
    m_scanoutNoted = true;
    m_damage.rectangles.clear(); // a new scanout counts as all damaged
}

void ClientSession::noteDamage(uint64_t generation, const std::vector<Rect>& rectangles) {
    if (m_scanoutNoted)
        return;
    if (generation != m_damage.generation)
        m_damage = {generation, {}};
    m_damage.rectangles.insert(m_damage.rectangles.end(), rectangles.begin(), rectangles.end());
    if (m_damage.rectangles.size() > kMaxDamageRectangles) {
        Rect all;
        for (const Rect& rectangle : m_damage.rectangles)
            all = all.united(rectangle);
        m_damage.rectangles = {all};
    }
}

void ClientSession::noteActivity(const Activity& activity) {
    m_activity = activity; // counters only grow: the latest says all
    m_activityNoted = true;
}

bool ClientSession::sendNoted(const PublishedScanout& scanout) {
    if (m_channel.wantsWrite())
        return true;
    if (m_scanoutNoted && scanout.memory.valid()) {
        auto memory = scanout.memory.duplicate();
        if (!memory)
            return true; // out of descriptors: tried again with the next change
        m_scanoutNoted = false;
        std::vector<UniqueFd> descriptors;
        descriptors.push_back(std::move(*memory));
        if (!send(
                notificationLine(ScanoutChanged::kMethod, toJson(ScanoutChanged{scanout.info}), 1),
                std::move(descriptors)))
            return false;
    }
    if (!m_damage.rectangles.empty()) {
        const std::string line = notificationLine(Damage::kMethod, toJson(m_damage));
        m_damage.rectangles.clear();
        if (!send(line))
            return false;
    }
    if (std::exchange(m_activityNoted, false))
        return send(notificationLine(Activity::kMethod, toJson(m_activity)));
    return true;
}

} // namespace vivarium::control
