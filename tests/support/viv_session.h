#pragma once

#include <QByteArray>
#include <QProcess>
#include <QString>
#include <QStringList>
#include <QTemporaryDir>

namespace vivarium::test {

// A throw-away library ($VIVARIUM_HOME in a temporary folder) and the real `viv` driving it. What
// still runs is powered off when it goes.
class VivSession {
public:
    struct Output {
        int status = -1;
        QByteArray standardOutput;
        QByteArray standardError;
    };

    VivSession();
    ~VivSession();

    // Runs viv to its end; a status of -1 means that it did not end within `timeoutMs`.
    Output run(const QStringList& arguments, int timeoutMs = 60'000) const;
    // True when it exits with 0; the message tells what it printed otherwise.
    bool succeeds(const QStringList& arguments, int timeoutMs = 60'000);
    const QByteArray& lastError() const { return m_lastError; }

    // One key, such as "ctrl+b", for a machine that runs.
    bool press(const QString& machine, const QString& key);
    // True once its screen, in text mode, has what the regular expression matches.
    bool waitForScreen(const QString& machine, const QString& pattern, int timeoutMs);

    QString home() const { return m_home.path(); }
    QString path(const QString& name) const { return m_home.filePath(name); }
    QProcessEnvironment environment() const;
    static QString program(const QString& name); // in $VIVARIUM_BIN_DIR

    // The port of the VNC server that a machine was created with (127.0.0.1); 0 when there is none.
    uint16_t vncPort(const QString& machine) const;

    // Why guests cannot run here; empty when they can.
    static QString missingKvm();

private:
    QTemporaryDir m_home;
    QByteArray m_lastError;
};

// The first of the package files that is missing, as a reason to skip; empty when all are there.
QString missingFile(const QStringList& paths);
// A whole file; empty when it cannot be read.
QByteArray contentsOf(const QString& path);

// A CD of what is in the folder `root`, beside it, that starts with `loader` (a path in it) without
// emulation. Empty when it could not be made.
QString makeBootCd(const QString& root, const QString& loader);
// A GRUB Legacy CD that starts grub-invaders, made in `folder`. Empty when it could not be made.
QString makeInvadersCd(const QString& folder);

} // namespace vivarium::test
