#include "app/gui/running_instance.h"

#include "core/supervisor/unix_socket.h"
#include "core/supervisor/worker_sockets.h"
#include "vmm/control/line_channel.h"

#include <QCryptographicHash>
#include <QDir>
#include <QFileInfo>
#include <QJsonDocument>
#include <QJsonObject>
#include <QSocketNotifier>

#include <optional>
#include <string>
#include <string_view>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

constexpr int kAnswerMs = 2000;
constexpr std::string_view kTaken = "taken";
// The desktop's permission to come to the front (freedesktop.org, xdg-activation).
constexpr char kActivationToken[] = "XDG_ACTIVATION_TOKEN";

std::string encode(const CommandLine& commands) {
    return QJsonDocument(
               QJsonObject{{u"start"_s, commands.startMachine},
                           {u"show"_s, commands.showMachine},
                           {u"add"_s, commands.addedFile},
                           {u"activationToken"_s, qEnvironmentVariable(kActivationToken)}})
        .toJson(QJsonDocument::Compact)
        .toStdString();
}

// One other application's connection; ends itself.
class Request : public QObject {
public:
    Request(control::LineChannel channel, RunningInstance& instance)
        : QObject(&instance), m_channel(std::move(channel)), m_instance(instance),
          m_notifier(m_channel.fd(), QSocketNotifier::Read) {
        connect(&m_notifier, &QSocketNotifier::activated, this, [this] { read(); });
    }

private:
    void read() {
        const bool open = m_channel.readAvailable().has_value();
        const std::optional<std::string> line = m_channel.nextLine();
        if (!line && open)
            return;
        m_notifier.setEnabled(false);
        deleteLater();
        const QJsonObject request =
            QJsonDocument::fromJson(QByteArray::fromStdString(line.value_or(std::string())))
                .object();
        if (request.isEmpty())
            return;
        m_channel.send(kTaken);
        if (!m_channel.flush())
            return;
        qputenv(kActivationToken, request.value(u"activationToken").toString().toUtf8());
        CommandLine commands;
        commands.startMachine = request.value(u"start").toString();
        commands.showMachine = request.value(u"show").toString();
        commands.addedFile = request.value(u"add").toString();
        Q_EMIT
        m_instance.commandsArrived(commands);
    }

    control::LineChannel m_channel;
    RunningInstance& m_instance;
    QSocketNotifier m_notifier;
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
    Result<UniqueFd> socket = connectToPath(m_path);
    if (!socket)
        return false;
    Result<control::LineChannel> channel = control::LineChannel::create(std::move(*socket));
    if (!channel)
        return false;
    channel->send(encode(commands));
    if (!channel->flush())
        return false;
    pollfd wait{channel->fd(), POLLIN, 0};
    if (::poll(&wait, 1, kAnswerMs) != 1)
        return false;
    static_cast<void>(channel->readAvailable().has_value()); // it answers and hangs up
    return channel->nextLine() == kTaken;
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
    Result<control::LineChannel> channel = control::LineChannel::create(std::move(socket));
    if (channel)
        new Request(std::move(*channel), *this); // goes when it is done, or with us
}

} // namespace vivarium
