#include "core/database/machine_lock.h"

#include "tests/support/test_main.h"

#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <sys/wait.h>
#include <unistd.h>

namespace vivarium::test {

class MachineLockTest : public QObject {
    Q_OBJECT
    using Holder = MachineLock::Holder;
private Q_SLOTS:
    void init() { m_folder = std::make_unique<QTemporaryDir>(); }

    void aFolderWithoutLockFileIsFree() {
        const auto inspection = MachineLock::inspect(m_folder->path());
        QCOMPARE(inspection.holder, Holder::Nobody);
        QVERIFY(!inspection.record.unfinished());
    }

    void onlyOneHolds() {
        auto lock = MachineLock::acquire(m_folder->path());
        QVERIFY(lock);
        QCOMPARE(MachineLock::inspect(m_folder->path()).holder, Holder::Worker);
        const auto second = MachineLock::acquire(m_folder->path());
        QVERIFY(!second);
        QCOMPARE(second.error().code, ErrorCode::Busy);
    }

    void recordTellsACrashFromAnEnd() {
        {
            auto lock = MachineLock::acquire(m_folder->path());
            QVERIFY(lock->recordStart(QStringLiteral("127.0.0.1:5903")));
            lock->handedOver();
        }
        auto inspection = MachineLock::inspect(m_folder->path());
        QCOMPARE(inspection.holder, Holder::Nobody);
        QVERIFY(inspection.record.unfinished());
        QCOMPARE(inspection.record.vncAddress, QStringLiteral("127.0.0.1:5903"));
        {
            auto lock = MachineLock::acquire(m_folder->path());
            QVERIFY(MachineLock::inspect(m_folder->path())
                        .record.unfinished()); // taking it keeps the record
            QVERIFY(lock->recordStart({}));
            QVERIFY(lock->recordExit(QStringLiteral("guest-shutdown")));
        }
        inspection = MachineLock::inspect(m_folder->path());
        QVERIFY(!inspection.record.unfinished());
        QCOMPARE(inspection.record.exitReason, QStringLiteral("guest-shutdown"));
        QVERIFY(inspection.record.vncAddress.isEmpty());
    }

    void aRunThatNoWorkerGotHasFailed() {
        {
            auto lock = MachineLock::acquire(m_folder->path());
            QVERIFY(lock->recordStart({}));
        }
        const auto inspection = MachineLock::inspect(m_folder->path());
        QVERIFY(!inspection.record.unfinished());
        QCOMPARE(inspection.record.exitReason, QStringLiteral("failed"));
    }

    void theLockPassesToAChildAndDiesWithIt() {
        int gate[2];
        QVERIFY(::pipe(gate) == 0);
        auto lock =
            std::make_unique<MachineLock>(std::move(*MachineLock::acquire(m_folder->path())));
        const pid_t child = ::fork();
        if (child == 0) {
            char byte;
            ::close(gate[1]);
            static_cast<void>(::read(gate[0], &byte, 1) == 0);
            ::_exit(0);
        }
        lock.reset(); // our copy is gone, the child's holds
        QCOMPARE(MachineLock::inspect(m_folder->path()).holder, Holder::Worker);
        QVERIFY(::kill(child, SIGKILL) == 0);
        QCOMPARE(::waitpid(child, nullptr, 0), child);
        QCOMPARE(MachineLock::inspect(m_folder->path()).holder, Holder::Nobody);
        ::close(gate[0]);
        ::close(gate[1]);
    }

    void aSymbolicLinkIsNotFollowed() {
        const QString target = m_folder->path() + QStringLiteral("/elsewhere");
        QVERIFY(QFile::link(target, MachineLock::path(m_folder->path())));
        QVERIFY(!MachineLock::acquire(m_folder->path()));
        QVERIFY(!QFile::exists(target));
    }

private:
    std::unique_ptr<QTemporaryDir> m_folder;
};

} // namespace vivarium::test

using vivarium::test::MachineLockTest;
VIVARIUM_TEST(MachineLockTest)
#include "machine_lock_test.moc"
