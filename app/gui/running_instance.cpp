#include "app/gui/running_instance.h"

#include "core/supervisor/unix_socket.h"
#include "core/supervisor/worker_sockets.h"

#include <QCryptographicHash>
#include <QDir>
#include <QFileInfo>
#include <QJsonDocument>
#include <QJsonObject>
#include <QSocketNotifier>

#include <cerrno>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

constexpr int kAnswerMs = 2000;
constexpr int kMaxRequestBytes = 64 * 1024;
constexpr char kTaken = '+';
// The desktop's permission to come to the front (freedesktop.org, xdg-activation).
constexpr char kActivationToken[] = "XDG_ACTIVATION_TOKEN";

QByteArray encode(const CommandLine& commands) {
    return QJsonDocument(
               QJsonObject{{u"start"_s, commands.startMachine},
                           {u"show"_s, commands.showMachine},
                           {u"add"_s, commands.addedFile.isEmpty()
                                          ? QString()
                                          : QFileInfo(commands.addedFile).absoluteFilePath()},
                           {u"activationToken"_s, qEnvironmentVariable(kActivationToken)}})
               .toJson(QJsonDocument::Compact) +
           '\n';
}

// One other application's connection; ends itself.
class Request : public QObject {
public:
    Request(UniqueFd socket, RunningInstance& instance)
        : QObject(&instance), m_socket(std::move(socket)), m_instance(instance),
          m_notifier(m_socket.get(), QSocketNotifier::Read) {
        connect(&m_notifier, &QSocketNotifier::activated, this, [this] { read(); });
    }

private:
    void read() {
        char bytes[4096];
        const ssize_t count = ::read(m_socket.get(), bytes, sizeof bytes);
        if (count < 0 && errno == EAGAIN)
            return;
        if (count > 0)
            m_line.append(bytes, count);
        if (count > 0 && !m_line.endsWith('\n') && m_line.size() < kMaxRequestBytes)
            return;
        m_notifier.setEnabled(false);
        deleteLater();
        const QJsonObject request = QJsonDocument::fromJson(m_line).object();
        if (request.isEmpty() || ::send(m_socket.get(), &kTaken, 1, MSG_NOSIGNAL) != 1)
            return;
        qputenv(kActivationToken, request.value(u"activationToken").toString().toUtf8());
        CommandLine commands;
        commands.startMachine = request.value(u"start").toString();
        commands.showMachine = request.value(u"show").toString();
        commands.addedFile = request.value(u"add").toString();
        Q_EMIT
        m_instance.commandsArrived(commands);
    }

    UniqueFd m_socket;
    RunningInstance& m_instance;
    QSocketNotifier m_notifier;
    QByteArray m_line;
};

} // namespace

RunningInstance::RunningInstance(QString runtimeFolder, const QString& libraryFolder)
    : m_folder(std::move(runtimeFolder)) {
    const QByteArray library = QFileInfo(libraryFolder).absoluteFilePath().toUtf8();
    const QByteArray digest =
        QCryptographicHash::hash(library, QCryptographicHash::Sha256).toHex().first(16);
    m_path = QDir(m_folder).filePath(u"application-%1.sock"_s.arg(QString::fromLatin1(digest)));
}

RunningInstance::~RunningInstance() {
    m_notifier.reset();
    if (m_socket)
        ::unlink(QFile::encodeName(m_path).constData());
}

bool RunningInstance::handOver(const CommandLine& commands) const {
    const Result<UniqueFd> socket = connectToPath(m_path);
    if (!socket)
        return false;
    const QByteArray request = encode(commands);
    if (::send(socket->get(), request.constData(), static_cast<size_t>(request.size()),
               MSG_NOSIGNAL) != request.size())
        return false;
    pollfd wait{socket->get(), POLLIN, 0};
    char answer = 0;
    return ::poll(&wait, 1, kAnswerMs) == 1 && ::read(socket->get(), &answer, 1) == 1 &&
           answer == kTaken;
}

Result<void> RunningInstance::listen() {
    TRY(WorkerSockets(m_folder).prepareFolder());
    m_socket = TRY(listenAtPath(m_path));
    m_notifier = std::make_unique<QSocketNotifier>(m_socket.get(), QSocketNotifier::Read);
    connect(m_notifier.get(), &QSocketNotifier::activated, this, &RunningInstance::accept);
    return {};
}

void RunningInstance::accept() {
    UniqueFd socket(::accept4(m_socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket)
        new Request(std::move(socket), *this); // goes when it is done, or with us
}

} // namespace vivarium
