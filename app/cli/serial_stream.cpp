#include "app/cli/serial_stream.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>

namespace vivarium::cli {

SerialStream::SerialStream(UniqueFd stream, std::function<void(const QByteArray&)> received)
    : m_stream(std::move(stream)), m_received(std::move(received)),
      m_readable(m_stream.get(), QSocketNotifier::Read),
      m_writable(m_stream.get(), QSocketNotifier::Write) {
    // Only a socket is ours alone: the mode of a terminal is shared with the shell.
    struct stat status {};
    if (::fstat(m_stream.get(), &status) == 0 && S_ISSOCK(status.st_mode))
        ::fcntl(m_stream.get(), F_SETFL, ::fcntl(m_stream.get(), F_GETFL) | O_NONBLOCK);
    m_writable.setEnabled(false);
    QObject::connect(&m_writable, &QSocketNotifier::activated, [this] { writeSome(); });
    QObject::connect(&m_readable, &QSocketNotifier::activated, [this] { readSome(); });
}

bool SerialStream::readSome() {
    char buffer[4096];
    const ssize_t count = ::read(m_stream.get(), buffer, sizeof buffer);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (count <= 0)
        m_readable.setEnabled(false);
    m_received(QByteArray(buffer, count > 0 ? count : 0));
    return count > 0;
}

void SerialStream::readRest() {
    while (readSome()) {
    }
}

void SerialStream::write(const QByteArray& bytes) {
    m_unwritten += bytes;
    writeSome();
}

void SerialStream::writeSome() {
    while (!m_unwritten.isEmpty()) {
        const ssize_t count = ::write(m_stream.get(), m_unwritten.constData(),
                                      static_cast<size_t>(m_unwritten.size()));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno == EAGAIN)
            break;
        m_unwritten.remove(0, count > 0 ? count : m_unwritten.size());
    }
    m_writable.setEnabled(!m_unwritten.isEmpty());
}

struct RawTerminal::Saved {
    termios attributes;
};

RawTerminal::RawTerminal() {
    Saved saved{};
    if (::tcgetattr(STDIN_FILENO, &saved.attributes) != 0)
        return;
    m_saved = std::make_unique<Saved>(saved);
    ::cfmakeraw(&saved.attributes);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &saved.attributes);
}

RawTerminal::~RawTerminal() {
    if (m_saved)
        ::tcsetattr(STDIN_FILENO, TCSANOW, &m_saved->attributes);
}

} // namespace vivarium::cli
