#pragma once

#include <QThread>

#include <algorithm>
#include <chrono>
#include <functional>

namespace vivarium {

// Waits for what another process is about to end: a lock that it holds while it tidies up, or
// itself. The kernel tells only those of a free lock who block for it, and such a wait can be
// neither bounded nor cancelled; so this looks again after pauses that grow from 2 to 50 ms.
// Returns what `look` said last: true, or false after `patience` or when `cancelled` says so. For
// threads that may block.
template <class Look>
bool waitUntil(Look look, std::chrono::milliseconds patience,
               const std::function<bool()>& cancelled = {}) {
    using Clock = std::chrono::steady_clock;
    constexpr std::chrono::milliseconds kFirstPause(2), kLongestPause(50);
    const auto end = Clock::now() + patience;
    for (auto pause = kFirstPause;; pause = std::min(pause * 2, kLongestPause)) {
        if (look())
            return true;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
        if (left.count() <= 0 || (cancelled && cancelled()))
            return false;
        QThread::msleep(static_cast<unsigned long>(std::min(pause, left).count()));
    }
}

} // namespace vivarium
