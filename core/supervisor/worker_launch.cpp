#include "core/supervisor/worker_launch.h"

#include "core/jobs/when_done.h"
#include "core/supervisor/worker_log.h"

#include <QMetaObject>

#include <cerrno>

#include <sys/socket.h>

namespace vivarium {

using namespace Qt::StringLiterals;

WorkerLaunch::~WorkerLaunch() {
    if (m_process && !m_finished)
        m_process->kill();
}

Result<void> WorkerLaunch::spawn(const QString& program, const UniqueFd& log) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return systemError(errno, "The machine's worker cannot be connected");
    UniqueFd ours(ends[0]);
    const UniqueFd theirs(ends[1]);
    m_process = TRY(WorkerProcess::spawn(program, theirs, log));
    m_connection = std::make_unique<WorkerConnection>(std::move(ours));
    return {};
}

void WorkerLaunch::begin(const QString& program, WorkerConfiguration configuration,
                         const UniqueFd& log, std::function<Result<void>()> entering) {
    if (const auto spawned = spawn(program, log); !spawned) {
        QMetaObject::invokeMethod(
            this, [this, error = spawned.error()] { finish(error); }, Qt::QueuedConnection);
        return;
    }
    if (auto copy = log.duplicate())
        m_log = std::move(*copy);
    connect(m_connection.get(), &WorkerConnection::stateChanged, this,
            [this](const control::StateChanged& event) { m_state = event; });
    connect(m_connection.get(), &WorkerConnection::exiting, this,
            [this](const control::Exiting& event) { m_exiting = event; });
    // The requests in flight fail with the connection; that is how a dying worker is noticed.
    const auto configured = m_connection->send(control::Configure{std::move(configuration.config)},
                                               std::move(configuration.descriptors));
    whenDone(this, configured, [this, entering = std::move(entering)](const auto& reply) {
        if (!reply) {
            finish(reply.error());
            return;
        }
        if (entering)
            if (const auto entered = entering(); !entered) {
                finish(entered.error());
                return;
            }
        whenDone(this, m_connection->send(control::Start{}), [this](const auto& started) {
            finish(started ? Result<void>() : Result<void>(started.error()));
        });
    });
}

void WorkerLaunch::finish(Result<void> result) {
    if (m_finished)
        return;
    if (!result && result.error().code == ErrorCode::Disconnected && m_process) {
        // It said nothing on the connection; how it ended and its log say more, perhaps in a
        // moment.
        if (m_process->ended()) {
            explainEnd();
            return;
        }
        connect(m_process.get(), &WorkerProcess::finished, this, [this] { explainEnd(); });
        m_process->kill();
        return;
    }
    if (!result && m_process)
        m_process->kill();
    m_finished = true; // events are noted until the connection is taken
    Q_EMIT
    finished(result);
}

void WorkerLaunch::explainEnd() {
    const QString words = worker_log::lastWords(m_log.get());
    QString detail = u"The machine's worker %1 while it started"_s.arg(m_process->howItEnded());
    detail += words.isEmpty() ? u"."_s : u"; its last words: "_s + words.section(u'\n', -1);
    finish(fail(ErrorCode::Internal, detail.toStdString()));
}

} // namespace vivarium
