#include "core/supervisor/worker_process.h"

#include "core/jobs/background.h"

#include <QCoreApplication>
#include <QFile>
#include <QFileInfo>
#include <QSocketNotifier>

#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

constexpr int kControlFd = 3;

// What posix_spawn does in the child, freed with its scope.
class SpawnPlan {
public:
    SpawnPlan() {
        ::posix_spawn_file_actions_init(&m_actions);
        ::posix_spawnattr_init(&m_attributes);
        sigset_t none, all;
        ::sigemptyset(&none);
        ::sigfillset(&all);
        ::posix_spawnattr_setsigmask(&m_attributes, &none);
        ::posix_spawnattr_setsigdefault(&m_attributes, &all);
        // A session of its own: neither Ctrl-C nor a closing terminal reaches the guest.
        ::posix_spawnattr_setflags(&m_attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                                      POSIX_SPAWN_SETSIGDEF);
    }
    ~SpawnPlan() {
        ::posix_spawn_file_actions_destroy(&m_actions);
        ::posix_spawnattr_destroy(&m_attributes);
    }
    SpawnPlan(const SpawnPlan&) = delete;
    SpawnPlan& operator=(const SpawnPlan&) = delete;

    void connect(int control, int log) {
        ::posix_spawn_file_actions_addopen(&m_actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        ::posix_spawn_file_actions_addopen(&m_actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
        ::posix_spawn_file_actions_adddup2(&m_actions, log, STDERR_FILENO);
        ::posix_spawn_file_actions_adddup2(&m_actions, control, kControlFd);
    }
    // The errno of the failure, or 0.
    int run(pid_t& pid, const QByteArray& program) const {
        QByteArray name = QFileInfo(QFile::decodeName(program)).fileName().toLocal8Bit();
        QByteArray option = "--control-fd";
        QByteArray number = QByteArray::number(kControlFd);
        char* const arguments[] = {name.data(), option.data(), number.data(), nullptr};
        return ::posix_spawn(&pid, program.constData(), &m_actions, &m_attributes, arguments,
                             environ);
    }

private:
    posix_spawn_file_actions_t m_actions;
    posix_spawnattr_t m_attributes;
};

} // namespace

QString WorkerProcess::defaultProgram() {
    const QString name = u"/vivarium-vmm"_s;
    const QString beside = QCoreApplication::applicationDirPath() + name;
    for (const QString& candidate :
         {beside, QCoreApplication::applicationDirPath() + u"/../libexec/vivarium"_s + name,
          QString::fromUtf8(VIVARIUM_LIBEXEC_DIR) + name})
        if (QFileInfo(candidate).isExecutable())
            return candidate;
    return beside;
}

Result<std::unique_ptr<WorkerProcess>>
WorkerProcess::spawn(const QString& program, const UniqueFd& control, const UniqueFd& log) {
    SpawnPlan plan;
    plan.connect(control.get(), log.get());
    pid_t pid = -1;
    if (const int number = plan.run(pid, QFile::encodeName(program)); number != 0)
        return systemError(
            number,
            u"The program %1, which runs machines, cannot be started"_s.arg(program).toStdString());
    // glibc 2.36 declares pidfd_open() without C linkage.
    UniqueFd handle(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    return std::unique_ptr<WorkerProcess>(
        new WorkerProcess(pid, std::move(handle))); // private constructor
}

WorkerProcess::WorkerProcess(pid_t pid, UniqueFd handle) : m_pid(pid), m_handle(std::move(handle)) {
    if (!m_handle)
        return; // the control connection tells of the end as well
    m_notifier = std::make_unique<QSocketNotifier>(m_handle.get(), QSocketNotifier::Read);
    connect(m_notifier.get(), &QSocketNotifier::activated, this, &WorkerProcess::reap);
}

WorkerProcess::~WorkerProcess() {
    if (m_notifier)
        m_notifier->setEnabled(false);
    if (m_ended || ::waitpid(m_pid, nullptr, WNOHANG) == m_pid || !m_killed)
        return;
    runOnPool([pid = m_pid] { ::waitpid(pid, nullptr, 0); }); // soon over
}

void WorkerProcess::kill() {
    if (m_ended)
        return;
    m_killed = true;
    ::kill(m_pid, SIGKILL); // not yet reaped, so the number is still its own
}

void WorkerProcess::reap() {
    int status = 0;
    if (m_ended || ::waitpid(m_pid, &status, WNOHANG) != m_pid)
        return;
    m_ended = true;
    m_notifier->setEnabled(false);
    if (WIFSIGNALED(status))
        m_how = u"was killed by signal %1 (%2)"_s.arg(WTERMSIG(status))
                    .arg(QString::fromLocal8Bit(::strsignal(WTERMSIG(status))));
    else
        m_how = u"ended with status %1"_s.arg(WEXITSTATUS(status));
    Q_EMIT
    finished();
}

} // namespace vivarium
