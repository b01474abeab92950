#pragma once

#include "core/snapshots/snapshot_service.h"

#include <QByteArray>
#include <QDir>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

#include <memory>

namespace vivarium::test {

// Programs with a throw-away library, the worker without a guest, and a machine with one disk.
class SnapshotTestFolder {
public:
    struct Program {
        std::unique_ptr<Library> library;
        std::unique_ptr<Supervisor> supervisor;
        std::unique_ptr<SnapshotService> service;
        Program() = default;
        Program(Program&&) = default;
        ~Program() {
            service.reset();
            supervisor.reset();
        }
    };

    // Why the tests cannot run here; empty when they can.
    static QString missing();
    // The same for tests with real guests, which VIVARIUM_TEST_WORKER then gets.
    static QString useRealWorker();

    explicit SnapshotTestFolder(const QString& base = {});
    QString path() const { return m_folder.path(); }
    Program open() const;
    // A powered-off machine with an 8 MiB raw disk of `fill` bytes.
    MachineId add(Program& program, const QString& name, char fill = 'a') const;

    // The disk's present contents as a guest would see them, as a checksum; empty on failure.
    static QByteArray contents(Program& program, const MachineId& id);
    static QByteArray contentsOf(const DriveSettings& drive);
    // Overwrites 64 KiB of the top layer.
    static bool write(Program& program, const MachineId& id, int value, int offsetKiB);
    // What of the machine's files no row names, and what is wrong with the images; empty: all is
    // well.
    static QStringList complaints(Program& program, const MachineId& id);

    template <class T>
    static Result<T> wait(const QFuture<Result<T>>& future) {
        if (!QTest::qWaitFor([&] { return future.isFinished(); }, 60'000))
            return fail(ErrorCode::Timeout, "the test waited in vain");
        QCoreApplication::processEvents();
        return future.resultCount() ? future.result()
                                    : Result<T>(fail(ErrorCode::Cancelled, "cancelled"));
    }
    static QByteArray run(const QString& program, const QStringList& arguments,
                          int* status = nullptr);

private:
    QTemporaryDir m_folder;
};

// The counters that programs started with VIVARIUM_CRASH_POINTS share (vmm/base/crash_points.h).
class CrashCounters {
public:
    QString path() const { return m_folder.filePath(QStringLiteral("crash-points")); }
    // Nothing met so far, and no crash until a program is told when.
    void reset() const;
    // Boundaries that programs have come to.
    uint64_t met() const;

private:
    QTemporaryDir m_folder;
};

} // namespace vivarium::test
