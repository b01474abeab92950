#include "core/jobs/image_job.h"

#include "vmm/control/envelope.h"
#include "vmm/control/line_channel.h"

#include <QByteArray>
#include <QFile>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

constexpr int kControlFd = 3;
// How soon a cancel is noticed.
constexpr int kPollMs = 50;
constexpr off_t kMaxLastWordsBytes = 1024;

// What posix_spawn does in the child, freed with its scope.
class SpawnPlan {
public:
    SpawnPlan(int control, int log) {
        ::posix_spawn_file_actions_init(&m_actions);
        ::posix_spawnattr_init(&m_attributes);
        sigset_t none;
        sigset_t all;
        ::sigemptyset(&none);
        ::sigfillset(&all);
        ::posix_spawnattr_setsigmask(&m_attributes, &none);
        ::posix_spawnattr_setsigdefault(&m_attributes, &all);
        // A session of its own: Ctrl-C is for this program, which then cancels in good order.
        ::posix_spawnattr_setflags(&m_attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                                      POSIX_SPAWN_SETSIGDEF);
        ::posix_spawn_file_actions_addopen(&m_actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        ::posix_spawn_file_actions_addopen(&m_actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
        ::posix_spawn_file_actions_adddup2(&m_actions, log, STDERR_FILENO);
        ::posix_spawn_file_actions_adddup2(&m_actions, control, kControlFd);
    }
    ~SpawnPlan() {
        ::posix_spawn_file_actions_destroy(&m_actions);
        ::posix_spawnattr_destroy(&m_attributes);
    }
    SpawnPlan(const SpawnPlan&) = delete;
    SpawnPlan& operator=(const SpawnPlan&) = delete;

    // The errno of the failure, or 0.
    int run(pid_t& pid, const QByteArray& program, ImageJob::Kind kind) const {
        QByteArray name = "vivarium-image";
        QByteArray option = "--control-fd";
        QByteArray number = QByteArray::number(kControlFd);
        QByteArray foreign = "--foreign";
        char* const arguments[] = {name.data(), option.data(), number.data(),
                                   kind == ImageJob::Kind::Foreign ? foreign.data() : nullptr,
                                   nullptr};
        return ::posix_spawn(&pid, program.constData(), &m_actions, &m_attributes, arguments,
                             environ);
    }

private:
    posix_spawn_file_actions_t m_actions;
    posix_spawnattr_t m_attributes;
};

std::string lastWords(int log) {
    const off_t end = ::lseek(log, 0, SEEK_END);
    QByteArray text(kMaxLastWordsBytes, Qt::Uninitialized);
    const ssize_t count = ::pread(log, text.data(), static_cast<size_t>(text.size()),
                                  std::max<off_t>(0, end - kMaxLastWordsBytes));
    text.truncate(std::max<ssize_t>(0, count));
    text = text.trimmed();
    return text.mid(text.lastIndexOf('\n') + 1).toStdString();
}

// The process of one job; reaped with its scope. It ends by itself when its connection is closed.
class ImageProcess {
public:
    static Result<ImageProcess> spawn(const QString& program, ImageJob::Kind kind, int control) {
        UniqueFd log(::memfd_create("image-log", MFD_CLOEXEC));
        if (!log)
            return systemError(errno, "A disk image job cannot be started");
        const SpawnPlan plan(control, log.get());
        pid_t pid = -1;
        if (const int number = plan.run(pid, QFile::encodeName(program), kind); number != 0)
            return Error{ErrorCode::Unavailable, number,
                         u"The program %1, which works on disk images, cannot be started: %2."_s
                             .arg(program, QString::fromLocal8Bit(::strerror(number)))
                             .toStdString()};
        return ImageProcess(pid, std::move(log));
    }
    ImageProcess(ImageProcess&& other) noexcept
        : m_pid(std::exchange(other.m_pid, -1)), m_log(std::move(other.m_log)) {}
    ImageProcess& operator=(ImageProcess&&) = delete;
    ~ImageProcess() { reap(); }

    // Waits for its end and says how that came.
    Error explainEnd() {
        const int status = reap();
        std::string how = WIFSIGNALED(status)
                              ? "was killed by signal " + std::to_string(WTERMSIG(status))
                              : "ended with status " + std::to_string(WEXITSTATUS(status));
        const std::string words = lastWords(m_log.get());
        return fail(ErrorCode::Internal, "the job's process " + how +
                                             (words.empty() ? "" : "; its last words: " + words));
    }

private:
    ImageProcess(pid_t pid, UniqueFd log) : m_pid(pid), m_log(std::move(log)) {}
    int reap() {
        int status = 0;
        if (m_pid > 0)
            while (::waitpid(m_pid, &status, 0) < 0 && errno == EINTR) {
            }
        m_pid = -1;
        return status;
    }

    pid_t m_pid;
    UniqueFd m_log;
};

// What came over the connection: the reply, when it is there.
using Reply = std::optional<Result<nlohmann::json>>;
Reply handleLine(const std::string& line, Progress& progress,
                 const ImageJob::ExtentHandler& extents) {
    auto parsed = control::parseEnvelope(line);
    auto* envelope = std::get_if<control::Envelope>(&parsed);
    if (!envelope)
        return Result<nlohmann::json>(fail(ErrorCode::Internal, "the job's process sent nonsense"));
    switch (envelope->kind) {
    case control::Envelope::Kind::Response:
        return Result<nlohmann::json>(std::move(envelope->body));
    case control::Envelope::Kind::Failure:
        return Result<nlohmann::json>(std::move(envelope->error));
    case control::Envelope::Kind::Request:
    case control::Envelope::Kind::Notification:
        break;
    }
    if (envelope->method == control::ImageProgress::kMethod) {
        if (auto event = control::imageMessageFromJson<control::ImageProgress>(envelope->body))
            progress.report(static_cast<qint64>(event->doneBytes),
                            static_cast<qint64>(event->totalBytes));
    } else if (envelope->method == control::ImageExtents::kMethod && extents) {
        if (auto event = control::imageMessageFromJson<control::ImageExtents>(envelope->body))
            extents(*event);
    }
    return std::nullopt;
}

} // namespace

Result<nlohmann::json> ImageJob::runMethod(std::string_view method, const nlohmann::json& params,
                                           std::vector<UniqueFd> descriptors,
                                           Progress& progress) const {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return systemError(errno, "A disk image job cannot be connected");
    UniqueFd ours(ends[0]);
    UniqueFd theirs(ends[1]);
    ImageProcess process = TRY(ImageProcess::spawn(m_program, m_kind, theirs.get()));
    theirs.reset();
    // Destroyed before the process is waited for, which cancels what still runs.
    control::LineChannel channel = TRY(control::LineChannel::create(std::move(ours)));
    const size_t count = descriptors.size();
    channel.send(control::requestLine(int64_t{1}, method, params, count), std::move(descriptors));
    for (;;) {
        if (progress.cancelled())
            return fail(ErrorCode::Cancelled, "The operation was cancelled.");
        pollfd wait{channel.fd(), POLLIN, 0};
        if (channel.wantsWrite())
            wait.events |= POLLOUT;
        if (::poll(&wait, 1, kPollMs) <= 0)
            continue;
        const bool alive = channel.readAvailable().has_value() && channel.flush().has_value();
        while (auto line = channel.nextLine())
            if (auto reply = handleLine(*line, progress, m_extents))
                return std::move(*reply);
        if (!alive)
            return process.explainEnd();
    }
}

} // namespace vivarium
