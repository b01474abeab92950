#include "core/snapshots/timeline_follower.h"

#include "core/database/lock_file.h"

#include <QCoreApplication>
#include <QFile>
#include <QFileInfo>
#include <QProcess>

#include <csignal>

#include <fcntl.h>

namespace vivarium::timeline {

using namespace Qt::StringLiterals;

QString FollowerLock::path(const QString& folder) {
    return folder + u"/timeline.lock"_s;
}

Result<FollowerLock> FollowerLock::acquire(const QString& folder) {
    return FollowerLock(TRY(acquireLock({.path = path(folder),
                                         .name = "The timeline's lock file",
                                         .busy = "The machine's timeline is followed already."})));
}

bool FollowerLock::isHeld(const QString& folder) {
    const UniqueFd fd(
        ::open(QFile::encodeName(path(folder)).constData(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    return fd && isLockHeld(fd.get());
}

QString followerProgram() {
    const QString program = QCoreApplication::applicationDirPath() + u"/viv"_s;
    return QFileInfo(program).isExecutable() ? program : QString();
}

Result<void> startFollower(const QString& program, const MachineId& machine) {
    QProcess process;
    process.setProgram(program);
    process.setArguments({u"snapshot"_s, u"timeline"_s, machine.toString(), u"--follow"_s});
    process.setWorkingDirectory(u"/"_s);
    process.setStandardInputFile(QProcess::nullDevice());
    process.setStandardOutputFile(QProcess::nullDevice());
    process.setStandardErrorFile(QProcess::nullDevice());
    // viv itself takes its signals from a descriptor; what it starts gets them as they are.
    process.setChildProcessModifier([] {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, nullptr);
    });
    if (!process.startDetached())
        return fail(ErrorCode::NotFound,
                    "The program " + program.toStdString() +
                        ", which takes automatic snapshots, cannot be started.");
    return {};
}

} // namespace vivarium::timeline
