#pragma once

#include "vmm/base/unique_fd.h"

#include <QSocketNotifier>

#include <functional>
#include <memory>

namespace vivarium::cli {

// Holds SIGINT and SIGTERM back on this thread and all that it starts; call first in main. Every
// wait of viv goes through an InterruptWatcher, which receives them.
void blockInterrupts();

// While it lives, SIGINT and SIGTERM call back from the event loop instead of ending the process.
// One at a time, on the main thread.
class InterruptWatcher {
public:
    explicit InterruptWatcher(std::function<void()> interrupted);
    ~InterruptWatcher();

private:
    UniqueFd m_signals;
    std::unique_ptr<QSocketNotifier> m_notifier;
};

} // namespace vivarium::cli
