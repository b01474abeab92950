#include "vmm/backends/display/display.h"

#include <algorithm>
#include <utility>

namespace vivarium {

namespace {

// How much faster than the last idle interval the next one may be: 60 Hz fades to 5 in a second.
constexpr uint64_t kBackOffNumerator = 5;
constexpr uint64_t kBackOffDenominator = 4;

uint64_t area(const Rect& rect) {
    return uint64_t{rect.width} * rect.height;
}

Rect clipped(const Rect& rect, const ScanoutInfo& info) {
    if (rect.x >= info.width || rect.y >= info.height)
        return {};
    return {rect.x, rect.y, std::min(rect.width, info.width - rect.x),
            std::min(rect.height, info.height - rect.y)};
}

} // namespace

Display::Display(TimerQueue& timers)
    : m_clock(timers.clock()), m_timer(timers, [this] { tick(); }) {}

void Display::setSource(DisplaySource* source) {
    m_source = source;
    m_updates = Updates::Announced;
    m_refreshAtNs.reset();
    if (!source) { // its memory goes with it
        m_scanout = {};
        m_damage.clear();
    }
    wake();
}

// A viewer may leave when it is told something, even another one than itself.
template <class Call>
void Display::forEachViewer(Call call) {
    auto viewers = m_viewers;
    for (DisplayViewer* viewer : viewers)
        if (std::find(m_viewers.begin(), m_viewers.end(), viewer) != m_viewers.end())
            call(*viewer);
}

void Display::addViewer(DisplayViewer& viewer) {
    if (std::find(m_viewers.begin(), m_viewers.end(), &viewer) != m_viewers.end())
        return;
    refreshNow(); // nobody may have looked for long
    m_viewers.push_back(&viewer);
    if (m_scanout.info.width != 0) {
        viewer.scanoutChanged(m_scanout);
        viewer.damaged({{0, 0, m_scanout.info.width, m_scanout.info.height}});
    }
    m_intervalNs = kFrameNs;
    schedule();
}

void Display::removeViewer(DisplayViewer& viewer) {
    std::erase(m_viewers, &viewer);
    schedule();
}

void Display::refreshNow() {
    if (!m_source || m_refreshing)
        return;
    m_woken = false;
    m_refreshAtNs.reset();
    m_refreshing = true;
    bool drawing = m_source->refresh();
    m_refreshing = false;
    m_lastTickNs = m_clock.nowNs();
    m_intervalNs =
        drawing ? kFrameNs
                : std::min(m_intervalNs * kBackOffNumerator / kBackOffDenominator, kMaxIdleNs);
    flushDamage();
    schedule();
}

std::optional<TextScreen> Display::textScreen() {
    return m_source ? m_source->textScreen() : std::nullopt;
}

void Display::expectChange() {
    if (m_updates == Updates::Polled && m_intervalNs > kFrameNs) {
        m_intervalNs = kFrameNs;
        schedule();
    }
}

void Display::setScanout(const Scanout& scanout) {
    m_scanout = scanout;
    m_damage.clear();
    forEachViewer([&](DisplayViewer& viewer) { viewer.scanoutChanged(m_scanout); });
    addDamage({0, 0, scanout.info.width, scanout.info.height});
}

void Display::addDamage(const Rect& rectangle) {
    Rect added = clipped(rectangle, m_scanout.info);
    if (added.empty() || m_viewers.empty())
        return;
    // Rectangles whose union wastes nothing are one: neighbours, and a part with its whole.
    for (size_t i = 0; i < m_damage.size();) {
        Rect both = m_damage[i].united(added);
        if (area(both) > area(m_damage[i]) + area(added)) {
            ++i;
            continue;
        }
        added = both;
        m_damage.erase(m_damage.begin() + static_cast<ptrdiff_t>(i));
        i = 0; // the larger one may touch those already passed
    }
    m_damage.push_back(added);
    if (m_damage.size() > kMaxDamageRectangles) {
        Rect all;
        for (const Rect& rect : m_damage)
            all = all.united(rect);
        m_damage.assign(1, all);
    }
}

void Display::wake() {
    if (std::exchange(m_woken, true))
        return;
    m_intervalNs = kFrameNs;
    schedule();
}

void Display::refreshAt(uint64_t deadlineNs) {
    m_refreshAtNs = m_refreshAtNs ? std::min(*m_refreshAtNs, deadlineNs) : deadlineNs;
    schedule();
}

void Display::setUpdates(Updates updates) {
    if (updates == m_updates)
        return;
    m_updates = updates;
    m_intervalNs = kFrameNs;
    schedule();
}

void Display::tick() {
    m_armedNs.reset();
    if (!m_viewers.empty())
        refreshNow();
}

void Display::flushDamage() {
    if (m_damage.empty())
        return;
    auto damage = std::exchange(m_damage, {});
    forEachViewer([&](DisplayViewer& viewer) { viewer.damaged(damage); });
}

void Display::schedule() {
    if (m_refreshing)
        return; // the end of the refresh does
    std::optional<uint64_t> deadlineNs;
    if (m_source && !m_viewers.empty()) {
        deadlineNs = m_refreshAtNs;
        auto atMost = [&](uint64_t ns) {
            deadlineNs = deadlineNs ? std::min(*deadlineNs, ns) : ns;
        };
        if (m_updates == Updates::Polled)
            atMost(m_lastTickNs + m_intervalNs);
        if (m_woken)
            atMost(m_lastTickNs + kFrameNs);
    }
    if (deadlineNs == m_armedNs)
        return;
    m_armedNs = deadlineNs;
    if (deadlineNs)
        m_timer.arm(*deadlineNs);
    else
        m_timer.cancel();
}

} // namespace vivarium
