// A program that is killed while it works on a machine's snapshots: does one operation and kills
// itself before the N-th step; exits with 0 when the operation had fewer steps. With
// VIVARIUM_CRASH_POINTS whichever program comes to the N-th boundary ends
// (vmm/base/crash_points.h). Usage: crashing_program FOLDER MACHINE STEP OPERATION [SNAPSHOT|IMAGE]

#include "core/disks/no_progress.h"
#include "core/jobs/image_tool.h"
#include "core/snapshots/snapshot_service.h"
#include "vmm/base/crash_points.h"
#include "vmm/base/unique_fd.h"

#include <QCoreApplication>
#include <QEventLoop>
#include <QFutureWatcher>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <unistd.h>

using namespace vivarium;

namespace {

template <class T>
int wait(const QFuture<T>& future) {
    QFutureWatcher<T> watcher;
    QEventLoop loop;
    QObject::connect(&watcher, &QFutureWatcherBase::finished, &loop, &QEventLoop::quit);
    watcher.setFuture(future);
    if (!future.isFinished())
        loop.exec();
    if (future.resultCount() == 0)
        return 1;
    const T result = future.result();
    if (!result)
        std::fprintf(stderr, "%s\n", result.error().detail.c_str());
    return result ? 0 : 1;
}

// Blocks; nothing else happens here meanwhile.
int compact(const QString& imageProgram, const QString& path) {
    NoProgress progress;
    const auto result =
        ImageTool(imageProgram).compact(DiskFile{path, control::DiskFormat::Qcow2}, progress);
    if (!result)
        std::fprintf(stderr, "%s\n", result.error().detail.c_str());
    return result ? 0 : 1;
}

// From now on.
void armCrashPoints(uint64_t last) {
    const UniqueFd file(::open(qgetenv("VIVARIUM_CRASH_POINTS").constData(), O_WRONLY | O_CLOEXEC));
    const uint64_t numbers[] = {0, last};
    if (::pwrite(file.get(), numbers, sizeof numbers, 0) != sizeof numbers)
        std::abort();
}

} // namespace

int main(int argc, char** argv) {
    openCrashPoints();
    QCoreApplication application(argc, argv);
    if (argc < 5)
        return 2;
    const QString folder = QString::fromLocal8Bit(argv[1]);
    const int lastStep = std::atoi(argv[3]);
    const QString operation = QString::fromLocal8Bit(argv[4]);
    auto library = Library::open(folder + QStringLiteral("/library"));
    if (!library)
        return 2;
    const auto machine = (*library)->resolve(QString::fromLocal8Bit(argv[2]));
    if (!machine)
        return 2;
    Supervisor supervisor(
        **library,
        qEnvironmentVariable("VIVARIUM_TEST_WORKER", QCoreApplication::applicationDirPath() +
                                                         QStringLiteral("/fake_worker")),
        nullptr, folder + QStringLiteral("/run"));
    QEventLoop settling;
    QFutureWatcher<void> settled;
    QObject::connect(&settled, &QFutureWatcherBase::finished, &settling, &QEventLoop::quit);
    settled.setFuture(supervisor.settled());
    if (!supervisor.settled().isFinished())
        settling.exec();

    std::atomic<int> steps = 0;
    std::atomic<bool> armed = false;
    SnapshotService::Options options;
    options.imageProgram =
        qEnvironmentVariable("VIVARIUM_BIN_DIR") + QStringLiteral("/vivarium-image");
    options.beforeStep = [&] {
        if (armed && ++steps == lastStep)
            ::raise(SIGKILL);
    };
    SnapshotService service(**library, supervisor, options);
    QEventLoop recovering;
    QFutureWatcher<void> recovered;
    QObject::connect(&recovered, &QFutureWatcherBase::finished, &recovering, &QEventLoop::quit);
    recovered.setFuture(service.recovered());
    if (!service.recovered().isFinished())
        recovering.exec();
    if (qEnvironmentVariableIsSet("VIVARIUM_CRASH_POINTS"))
        armCrashPoints(static_cast<uint64_t>(lastStep));
    else
        armed = true;

    SnapshotId snapshot;
    if (argc > 5 && operation != QStringLiteral("compact"))
        if (const auto found = service.resolve(*machine, QString::fromLocal8Bit(argv[5])))
            snapshot = *found;
    int status = 2;
    if (operation == QStringLiteral("take"))
        status = wait(service.take(*machine, QStringLiteral("taken"), {}));
    else if (operation == QStringLiteral("restore"))
        status = wait(service.restore(*machine, snapshot));
    else if (operation == QStringLiteral("remove"))
        status = wait(service.remove(*machine, snapshot));
    else if (operation == QStringLiteral("save"))
        status = wait(service.saveState(*machine));
    else if (operation == QStringLiteral("clone"))
        status = wait(service.cloneFull({*machine, snapshot}, QStringLiteral("copy")));
    else if (operation == QStringLiteral("link"))
        status = wait(service.cloneLinked({*machine, snapshot}, QStringLiteral("copy")));
    else if (operation == QStringLiteral("fork"))
        status = wait(service.fork(*machine, 2));
    else if (operation == QStringLiteral("compact") && argc > 5)
        status = compact(options.imageProgram, QString::fromLocal8Bit(argv[5]));
    armed = false;
    return status;
}
