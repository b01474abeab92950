#include "ui/console/local_console_source.h"

#include "ui/widgets/future_reply.h"

#include <algorithm>

#include <unistd.h>

namespace vivarium {

namespace {

constexpr quint64 kMaxScreenshotBytes = 512ull << 20;
// Text is typed in pieces, so that there is progress and any length works.
constexpr qsizetype kTypingPiece = 200;

std::string keyName(KeyCode key) {
    return std::string(keyCodeName(key));
}

} // namespace

LocalConsoleSource::LocalConsoleSource(std::shared_ptr<GuestDisplay> display)
    : m_display(std::move(display)) {
    connect(m_display.get(), &GuestDisplay::pictureReplaced, this, &ConsoleSource::pictureReplaced);
    connect(m_display.get(), &GuestDisplay::damaged, this, &ConsoleSource::damaged);
    connect(m_display.get(), &GuestDisplay::connectionChanged, this, &LocalConsoleSource::attach);
    attach();
}

void LocalConsoleSource::attach() {
    m_pointer.clear();
    WorkerConnection* worker = connection();
    if (!worker)
        return;
    connect(worker, &WorkerConnection::pointerModeChanged, this,
            [this](const control::PointerModeChanged& event) {
                m_absolutePointer = event.absolute;
                Q_EMIT
                pointerModeChanged(event.absolute);
            });
    connect(worker, &WorkerConnection::ledsChanged, this,
            [this](const control::LedsChanged& event) {
                Q_EMIT
                ledsChanged({event.numLock, event.capsLock, event.scrollLock});
            });
    whenReplied(this, worker->send(control::Status{}), [this](const auto& reply) {
        if (!reply || reply->value.absolutePointer == m_absolutePointer)
            return;
        m_absolutePointer = reply->value.absolutePointer;
        Q_EMIT
        pointerModeChanged(m_absolutePointer);
    });
}

void LocalConsoleSource::sendKey(KeyCode key, quint32, KeyDirection direction) {
    if (!connection() || keyCodeName(key) == "unknown")
        return;
    control::Key request;
    request.keys = {keyName(key)};
    request.action =
        direction == KeyDirection::Down ? control::KeyAction::Down : control::KeyAction::Up;
    (void)connection()->send(request);
}

void LocalConsoleSource::sendChord(const std::vector<KeyCode>& keys) {
    if (!connection())
        return;
    control::Key request;
    for (KeyCode key : keys)
        request.keys.push_back(keyName(key));
    (void)connection()->send(request);
}

void LocalConsoleSource::movePointer(QPoint delta, int wheel, quint8 buttons) {
    queuePointer({false, delta, wheel, buttons});
}

void LocalConsoleSource::setPointer(QPoint position, int wheel, quint8 buttons) {
    queuePointer({true, position, wheel, buttons});
}

void LocalConsoleSource::queuePointer(const PointerQueue::Event& event) {
    if (connection() && m_pointer.push(event))
        sendPointer(event);
}

void LocalConsoleSource::sendPointer(const PointerQueue::Event& event) {
    const auto next = [this](const auto&) {
        if (const auto pending = m_pointer.finished(); pending && connection())
            sendPointer(*pending);
    };
    if (event.absolute) {
        control::PointerAbsolute request;
        request.x = static_cast<uint16_t>(event.position.x());
        request.y = static_cast<uint16_t>(event.position.y());
        request.wheel = event.wheel;
        request.buttons = event.buttons;
        whenReplied(this, connection()->send(request), next);
    } else {
        control::PointerRelative request;
        request.dx = event.position.x();
        request.dy = event.position.y();
        request.wheel = event.wheel;
        request.buttons = event.buttons;
        whenReplied(this, connection()->send(request), next);
    }
}

void LocalConsoleSource::typeText(const QString& text) {
    if (!connection() || !m_text.isEmpty() || text.isEmpty())
        return;
    m_text = text;
    m_typed = 0;
    m_skipped.clear();
    typeNextPiece();
}

void LocalConsoleSource::typeNextPiece() {
    if (m_typed >= m_text.size() || !connection()) {
        finishTyping(QString());
        return;
    }
    qsizetype length = std::min(kTypingPiece, m_text.size() - m_typed);
    if (m_typed + length < m_text.size() && m_text.at(m_typed + length - 1).isHighSurrogate())
        --length; // never between the halves of a character
    control::TypeText request;
    request.text = m_text.mid(m_typed, length).toStdString();
    Q_EMIT
    typingProgress(m_typed, m_text.size());
    whenReplied(this, connection()->send(request), [this, length](const auto& reply) {
        if (!reply) {
            const bool cancelled = reply.error().code == ErrorCode::Cancelled;
            finishTyping(cancelled ? QString() : QString::fromStdString(reply.error().detail));
            return;
        }
        m_skipped += QString::fromStdString(reply->value.skipped);
        m_typed += length;
        typeNextPiece();
    });
}

void LocalConsoleSource::finishTyping(const QString& error) {
    m_text.clear();
    Q_EMIT
    typingFinished(m_skipped, error);
}

void LocalConsoleSource::cancelTyping() {
    m_typed = m_text.size();
    if (connection())
        (void)connection()->send(control::CancelTyping{});
}

void LocalConsoleSource::takeScreenshot(std::function<void(const QImage&)> done) {
    if (!connection()) {
        done(QImage());
        return;
    }
    whenReplied(
        this, connection()->send(control::Screenshot{}),
        [done = std::move(done)](const auto& reply) {
            const bool usable = reply && reply->descriptors && !reply->descriptors->empty();
            done(usable ? readScreenshot(reply->descriptors->front().get(), reply->value.sizeBytes)
                        : QImage());
        });
}

QImage readScreenshot(int memoryFd, quint64 sizeBytes) {
    if (sizeBytes == 0 || sizeBytes > kMaxScreenshotBytes)
        return {};
    QByteArray bytes(static_cast<qsizetype>(sizeBytes), Qt::Uninitialized);
    qsizetype position = 0;
    while (position < bytes.size()) {
        const ssize_t count = pread(memoryFd, bytes.data() + position,
                                    static_cast<size_t>(bytes.size() - position), position);
        if (count <= 0)
            return {};
        position += count;
    }
    return QImage::fromData(bytes, "PNG");
}

} // namespace vivarium
