#pragma once

#include "vmm/base/unique_fd.h"

#include <QByteArray>
#include <QSocketNotifier>

#include <functional>
#include <memory>

namespace vivarium::cli {

// One end of a machine's serial line (or of a terminal): bytes as they arrive, and the end.
class SerialStream {
public:
    // `received` gets every piece; an empty one means the other end is gone. Writes wait for room.
    SerialStream(UniqueFd stream, std::function<void(const QByteArray&)> received);
    void write(const QByteArray& bytes);
    // Delivers what has arrived but was not delivered yet.
    void readRest();

private:
    bool readSome(); // false: nothing there
    void writeSome();

    UniqueFd m_stream;
    std::function<void(const QByteArray&)> m_received;
    QByteArray m_unwritten;
    QSocketNotifier m_readable;
    QSocketNotifier m_writable;
};

// While it lives, the terminal at standard input delivers every key at once and unprocessed (raw
// mode).
class RawTerminal {
public:
    RawTerminal();
    ~RawTerminal();
    bool isTerminal() const { return m_saved != nullptr; }

private:
    struct Saved;
    std::unique_ptr<Saved> m_saved;
};

} // namespace vivarium::cli
