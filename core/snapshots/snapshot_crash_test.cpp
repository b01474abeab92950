#include "core/snapshots/snapshot_test_machine.h"
#include "tests/support/test_main.h"

#include <QCoreApplication>
#include <QProcess>
#include <QTest>

namespace vivarium::test {

using namespace Qt::StringLiterals;

// A program is killed before every step of an operation; whoever opens the library next finds every
// snapshot as it was, and no file that nobody needs.
class SnapshotCrashTest : public QObject {
    Q_OBJECT

    using Program = SnapshotTestFolder::Program;

    template <class T>
    static Result<T> wait(const QFuture<Result<T>>& future) {
        return SnapshotTestFolder::wait(future);
    }
    // True when the program was killed on its way.
    static bool killed(const SnapshotTestFolder& folder, int step, const QString& operation,
                       const QString& snapshot) {
        QProcess process;
        process.setProcessChannelMode(QProcess::ForwardedErrorChannel);
        process.start(QCoreApplication::applicationDirPath() + u"/crashing_program"_s,
                      {folder.path(), u"one"_s, QString::number(step), operation, snapshot});
        process.waitForFinished(60'000);
        return process.exitStatus() == QProcess::CrashExit;
    }

private Q_SLOTS:
    void initTestCase() {
        if (const QString reason = SnapshotTestFolder::missing(); !reason.isEmpty())
            QSKIP(qPrintable(reason));
    }

    void everythingIsThereAfterACrash_data() {
        QTest::addColumn<QString>("operation");
        QTest::addColumn<bool>("running");
        QTest::newRow("take") << u"take"_s << false;
        QTest::newRow("restore") << u"restore"_s << false;
        QTest::newRow("remove") << u"remove"_s << false;
        QTest::newRow("clone") << u"clone"_s << false;
        QTest::newRow("link") << u"link"_s << false;
        QTest::newRow("take, running") << u"take"_s << true;
        QTest::newRow("save, running") << u"save"_s << true;
    }

    void everythingIsThereAfterACrash() {
        QFETCH(QString, operation);
        QFETCH(bool, running);
        constexpr int kMostSteps = 200;
        // Each round starts from what the last has left, as a library in use does.
        const SnapshotTestFolder folder;
        MachineId id;
        QHash<SnapshotId, QByteArray> contents;
        {
            Program program = folder.open();
            id = folder.add(program, u"one"_s);
        }
        int step = 1;
        for (; step <= kMostSteps; ++step) {
            QString snapshot;
            {
                Program program = folder.open();
                SnapshotTestFolder::write(program, id, step % 256, (step % 100) * 64);
                if (operation != u"save"_s && !(operation == u"take"_s && running)) {
                    const QByteArray now = SnapshotTestFolder::contents(program, id);
                    const auto taken = wait(program.service->take(id, u"S%1"_s.arg(step), {}));
                    QVERIFY2(taken, taken ? "" : taken.error().detail.c_str());
                    contents.insert(*taken, now);
                    snapshot = taken->toString();
                    SnapshotTestFolder::write(program, id, 255, (step % 100) * 64);
                }
                if (running) {
                    const auto started = wait(program.supervisor->start(id));
                    QVERIFY2(started, started ? "" : started.error().detail.c_str());
                }
            }
            const bool crashed = killed(folder, step, operation, snapshot);
            Program program = folder.open();
            if (running && program.supervisor->connection(id)) {
                const auto off = wait(program.supervisor->powerOff(id));
                QVERIFY2(off || off.error().code == ErrorCode::WrongState, "");
            }
            // Whatever was under way is over, one way or the other.
            const auto after = wait(program.service->take(id, u"after"_s, {}));
            QVERIFY2(after, after ? "" : after.error().detail.c_str());
            const auto removedAfter = wait(program.service->remove(id, *after));
            QVERIFY2(removedAfter, removedAfter ? "" : removedAfter.error().detail.c_str());
            const QStringList complaints = SnapshotTestFolder::complaints(program, id);
            QVERIFY2(complaints.isEmpty(),
                     qPrintable(u"step %1:\n"_s.arg(step) + complaints.join(u'\n')));
            for (auto it = contents.begin(); it != contents.end();) {
                if (!program.service->find(id, it.key())) {
                    QCOMPARE(operation, u"remove"_s);
                    it = contents.erase(it);
                    continue;
                }
                const auto settings = wait(program.service->settings(it.key()));
                QVERIFY(settings);
                QCOMPARE(SnapshotTestFolder::contentsOf(settings->drives.first()), it.value());
                ++it;
            }
            for (const Machine& machine : program.library->machines())
                if (machine.id != id) {
                    const auto removed =
                        wait(program.library->remove(machine.id, Library::Files::Delete));
                    QVERIFY2(removed, removed ? "" : removed.error().detail.c_str());
                }
            // So that the tree does not grow with every round.
            for (const Snapshot& old : program.service->snapshots(id)) {
                const auto removed = wait(program.service->remove(id, old.id));
                QVERIFY2(removed, removed ? "" : removed.error().detail.c_str());
                contents.remove(old.id);
            }
            if (program.service->isSaved(id))
                QVERIFY(wait(program.service->discardSavedState(id)));
            if (!crashed)
                break;
        }
        QVERIFY(step > 3);
        QVERIFY(step <= kMostSteps);
    }
};

} // namespace vivarium::test

using vivarium::test::SnapshotCrashTest;
VIVARIUM_TEST(SnapshotCrashTest)
#include "snapshot_crash_test.moc"
