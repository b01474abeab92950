#include "app/cli/interrupt_watcher.h"

#include <csignal>

#include <sys/signalfd.h>

namespace vivarium::cli {

namespace {

sigset_t interruptSignals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

} // namespace

void blockInterrupts() {
    const sigset_t set = interruptSignals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

InterruptWatcher::InterruptWatcher(std::function<void()> interrupted) {
    const sigset_t set = interruptSignals();
    m_signals.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!m_signals)
        return;
    m_notifier = std::make_unique<QSocketNotifier>(m_signals.get(), QSocketNotifier::Read);
    QObject::connect(m_notifier.get(), &QSocketNotifier::activated,
                     [this, callback = std::move(interrupted)] {
                         signalfd_siginfo info;
                         while (::read(m_signals.get(), &info, sizeof info) == sizeof info) {
                         }
                         callback();
                     });
}

InterruptWatcher::~InterruptWatcher() = default;

} // namespace vivarium::cli
