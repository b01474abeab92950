#pragma once

#include "core/supervisor/config_translator.h"
#include "core/supervisor/worker_connection.h"
#include "core/supervisor/worker_process.h"

#include <QObject>

#include <functional>
#include <memory>
#include <optional>

namespace vivarium {

// One start of a worker: spawn, configure, enter the guest. Main thread. When it fails or is
// destroyed before it has finished, the worker is killed.
class WorkerLaunch : public QObject {
    Q_OBJECT
public:
    explicit WorkerLaunch(QObject* parent = nullptr) : QObject(parent) {}
    ~WorkerLaunch() override;

    // Begins; `finished` follows, at the earliest in the event loop. Once.
    // `entering` is called right before the guest is entered; its error ends the start.
    void begin(const QString& program, WorkerConfiguration configuration, const UniqueFd& log,
               std::function<Result<void>()> entering = {});

    // After success, for whoever watches the machine from now on.
    std::unique_ptr<WorkerProcess> takeProcess() { return std::move(m_process); }
    std::unique_ptr<WorkerConnection> takeConnection() { return std::move(m_connection); }
    // The last state that the worker announced meanwhile.
    const control::StateChanged& announcedState() const { return m_state; }
    // Its good-bye, when the guest has ended meanwhile.
    const std::optional<control::Exiting>& announcedExit() const { return m_exiting; }

Q_SIGNALS:
    // The guest runs, or why not.
    void finished(const vivarium::Result<void>& result);

private:
    Result<void> spawn(const QString& program, const UniqueFd& log);
    void finish(Result<void> result);
    void explainEnd();

    std::unique_ptr<WorkerProcess> m_process;
    std::unique_ptr<WorkerConnection> m_connection;
    UniqueFd m_log;
    control::StateChanged m_state{control::MachineState::Running, control::StopReason::None, {}};
    std::optional<control::Exiting> m_exiting;
    bool m_finished = false;
};

} // namespace vivarium
