#include "core/database/machine_lock.h"
#include "core/snapshots/snapshot_test_machine.h"
#include "tests/support/test_main.h"

#include <QCoreApplication>
#include <QProcess>
#include <QTest>

namespace vivarium::test {

using namespace Qt::StringLiterals;

// Some program (the worker, a copy of it that writes memory, vivarium-image, or whoever asked) ends
// just before it writes, syncs, names or removes something: at one boundary after another, until an
// operation gets through. Whoever opens the library next finds every snapshot as it was.
class IoCrashTest : public QObject {
    Q_OBJECT

    using Program = SnapshotTestFolder::Program;
    CrashCounters m_counters;

    template <class T>
    static Result<T> wait(const QFuture<Result<T>>& future) {
        return SnapshotTestFolder::wait(future);
    }
    static bool isFull() { return qEnvironmentVariableIsSet("VIVARIUM_CRASH_FULL"); }

    // Turns off and removes every machine but `id`; some may just be found to run.
    static bool removeCopies(Program& program, const MachineId& id) {
        const auto removeOne = [&] {
            for (const Machine& machine : program.library->machines()) {
                if (machine.id == id)
                    continue;
                if (program.supervisor->connection(machine.id))
                    static_cast<void>(wait(program.supervisor->powerOff(machine.id)).has_value());
                const auto removed =
                    wait(program.library->remove(machine.id, Library::Files::Delete));
                if (!removed)
                    qInfo("%s", removed.error().detail.c_str());
                return false;
            }
            return true;
        };
        return QTest::qWaitFor(removeOne, 20'000);
    }
    // Turns the machine off, also when its worker is only just found.
    static bool turnOff(Program& program, const MachineId& id) {
        const QString folder = program.library->find(id)->folder;
        const auto isOff = [&] {
            if (program.supervisor->connection(id))
                static_cast<void>(wait(program.supervisor->powerOff(id)).has_value());
            return MachineLock::inspect(folder).holder == MachineLock::Holder::Nobody;
        };
        return QTest::qWaitFor(isOff, 20'000);
    }
    // What settles in the background may just move the snapshot to another file.
    static bool isAsBefore(Program& program, const SnapshotId& snapshot,
                           const QByteArray& contents) {
        const auto look = [&] {
            const auto settings = wait(program.service->settings(snapshot));
            return settings && SnapshotTestFolder::contentsOf(settings->drives.first()) == contents;
        };
        return QTest::qWaitFor(look, 20'000);
    }
    static QStringList lastingComplaints(Program& program, const MachineId& id) {
        QStringList complaints;
        static_cast<void>(QTest::qWaitFor(
            [&] {
                complaints = SnapshotTestFolder::complaints(program, id);
                return complaints.isEmpty();
            },
            20'000));
        return complaints;
    }
    // The guest goes on from the snapshot.
    static bool restores(Program& program, const MachineId& id, const SnapshotId& snapshot) {
        const auto restored = wait(program.service->restore(id, snapshot));
        const auto started =
            restored ? wait(program.supervisor->start(id)) : Result<void>(restored.error());
        if (!started) {
            qWarning("%s", started.error().detail.c_str());
            return false;
        }
        const auto off = wait(program.supervisor->powerOff(id));
        if (!off)
            qWarning("%s", off.error().detail.c_str());
        return off.has_value();
    }

private Q_SLOTS:
    void initTestCase() {
        if (const QString reason = SnapshotTestFolder::useRealWorker(); !reason.isEmpty())
            QSKIP(qPrintable(reason));
        m_counters.reset();
        qputenv("VIVARIUM_CRASH_POINTS", m_counters.path().toLocal8Bit());
    }
    void cleanupTestCase() {
        qunsetenv("VIVARIUM_TEST_WORKER");
        qunsetenv("VIVARIUM_CRASH_POINTS");
    }

    void nothingIsLost_data() {
        QTest::addColumn<QString>("operation");
        QTest::addColumn<bool>("running");
        QTest::newRow("take, running") << u"take"_s << true;
        QTest::newRow("save") << u"save"_s << true;
        QTest::newRow("remove, running") << u"remove"_s << true;
        QTest::newRow("fork") << u"fork"_s << true;
        QTest::newRow("restore, running") << u"restore"_s << true;
        QTest::newRow("take") << u"take"_s << false;
        QTest::newRow("remove") << u"remove"_s << false;
        QTest::newRow("restore") << u"restore"_s << false;
        QTest::newRow("clone") << u"clone"_s << false;
        QTest::newRow("link") << u"link"_s << false;
    }

    // VIVARIUM_CRASH_FULL: at every boundary; else at a few of them.
    void nothingIsLost() {
        QFETCH(QString, operation);
        QFETCH(bool, running);
        constexpr uint64_t kMost = 2000;
        const uint64_t stride =
            isFull() ? qMax(1, qEnvironmentVariableIntValue("VIVARIUM_CRASH_FULL")) : 9;
        uint64_t rounds = 0, crashes = 0, at = 1;
        const SnapshotTestFolder folder;
        MachineId id;
        {
            Program program = folder.open();
            id = folder.add(program, u"one"_s);
        }
        for (; at <= kMost; at += stride, ++rounds) {
            QHash<SnapshotId, QByteArray> contents;
            QString subject;
            {
                Program program = folder.open();
                const int place = static_cast<int>(rounds % 100) * 64;
                QVERIFY(SnapshotTestFolder::write(program, id, static_cast<int>(at % 256), place));
                for (const char* name : {"lower", "upper"}) {
                    const QByteArray now = SnapshotTestFolder::contents(program, id);
                    const auto taken =
                        wait(program.service->take(id, QString::fromLatin1(name), {}));
                    QVERIFY2(taken, taken ? "" : taken.error().detail.c_str());
                    contents.insert(*taken, now);
                    if (subject.isEmpty())
                        subject = taken->toString();
                    QVERIFY(SnapshotTestFolder::write(program, id, 255, place));
                }
                if (running) {
                    const auto started = wait(program.supervisor->start(id));
                    QVERIFY2(started, started ? "" : started.error().detail.c_str());
                }
            }
            QProcess process;
            process.setProcessChannelMode(QProcess::ForwardedErrorChannel);
            process.start(QCoreApplication::applicationDirPath() + u"/crashing_program"_s,
                          {folder.path(), u"one"_s, QString::number(at), operation, subject});
            QVERIFY(process.waitForFinished(60'000));
            const uint64_t boundaries = m_counters.met();
            const bool crashed = boundaries >= at;
            m_counters.reset();
            crashes += crashed ? 1 : 0;
            if (!crashed)
                QCOMPARE(process.exitCode(), 0);

            Program program = folder.open();
            QVERIFY(turnOff(program, id));
            QVERIFY(removeCopies(program, id));
            const QByteArray where = (u"at %1 of %2"_s.arg(at).arg(boundaries)).toUtf8();
            // Whatever was under way is over, one way or the other.
            const auto after = wait(program.service->take(id, u"after"_s, {}));
            QVERIFY2(after, after ? "" : (where + ": " + after.error().detail.c_str()).constData());
            const QStringList complaints = lastingComplaints(program, id);
            QVERIFY2(complaints.isEmpty(), (where + ": " + complaints.join(u'\n').toUtf8()));
            for (auto it = contents.cbegin(); it != contents.cend(); ++it) {
                if (!program.service->find(id, it.key())) {
                    QVERIFY2(operation == u"remove"_s, where);
                    continue;
                }
                QVERIFY2(isAsBefore(program, it.key(), it.value()), where);
            }
            for (const Snapshot& snapshot : program.service->snapshots(id))
                if (snapshot.name == u"taken"_s)
                    QVERIFY2(restores(program, id, snapshot.id), where);
            if (program.service->isSaved(id))
                QVERIFY(wait(program.service->discardSavedState(id)));
            for (const Snapshot& old : program.service->snapshots(id)) { // the tree stays small
                const auto removed = wait(program.service->remove(id, old.id));
                const char* why = removed ? "" : removed.error().detail.c_str();
                QVERIFY2(removed, (where + ": " + why).constData());
            }
            const QStringList left = lastingComplaints(program, id);
            QVERIFY2(left.isEmpty(), (where + ": " + left.join(u'\n').toUtf8()));
            if (!crashed) {
                qInfo("%s: %llu crashes in %llu boundaries", qPrintable(operation),
                      static_cast<unsigned long long>(crashes),
                      static_cast<unsigned long long>(boundaries));
                break;
            }
        }
        QVERIFY(at <= kMost);
        QVERIFY(crashes > 0);
    }
};

} // namespace vivarium::test

using vivarium::test::IoCrashTest;
VIVARIUM_TEST(IoCrashTest)
#include "io_crash_test.moc"
