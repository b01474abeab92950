#pragma once

#include <algorithm>
#include <chrono>

namespace vivarium {

// Whether a file's writes go into the page cache without waiting. One that took long shows that
// they do not (dirty pages are throttled, the journal is full): they may wait elsewhere for a
// while, and for twice as long each time it happens again soon.
class PageCachePace {
public:
    using Clock = std::chrono::steady_clock;
    // Copying 256 KiB takes 0.1 ms.
    static constexpr Clock::duration kLongWrite = std::chrono::milliseconds(5);
    static constexpr Clock::duration kFirstPause = std::chrono::milliseconds(250);
    static constexpr Clock::duration kLongestPause = std::chrono::seconds(8);

    bool isQuick(Clock::time_point now) const { return now >= m_pauseEnd; }
    // A write was made from `begin` to `end`.
    void wrote(Clock::time_point begin, Clock::time_point end) {
        if (end - begin > kLongWrite) {
            m_pauseEnd = end + m_pause;
            m_pause = std::min(m_pause * 2, kLongestPause);
        } else if (end > m_pauseEnd + m_pause) {
            m_pause = kFirstPause;
        }
    }

private:
    Clock::time_point m_pauseEnd;
    Clock::duration m_pause = kFirstPause; // the next one's
};

} // namespace vivarium
