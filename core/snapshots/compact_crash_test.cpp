#include "core/disks/no_progress.h"
#include "core/jobs/image_tool.h"
#include "core/snapshots/snapshot_test_machine.h"
#include "tests/support/test_main.h"

#include <QCoreApplication>
#include <QFile>

namespace vivarium::test {

using namespace Qt::StringLiterals;

// vivarium-image, or the program that asked it to compact a disk image, ends just before it writes,
// syncs, names or removes something, at every such boundary: the image reads as before, and the
// next one who compacts it finds nothing in the way and leaves nothing behind.
class CompactCrashTest : public QObject {
    Q_OBJECT

    static bool qemu(const QString& program, const QStringList& arguments) {
        int status = -1;
        const QByteArray output = SnapshotTestFolder::run(program, arguments, &status);
        if (status != 0)
            qWarning("%s", output.constData());
        return status == 0;
    }
    static QStringList filesIn(const QString& folder) {
        return QDir(folder).entryList(QDir::Files | QDir::Hidden, QDir::Name);
    }

private Q_SLOTS:
    void initTestCase() {
        if (const QString reason = SnapshotTestFolder::missing(); !reason.isEmpty())
            QSKIP(qPrintable(reason));
    }

    void theImageStaysWhole() {
        const SnapshotTestFolder library;
        {
            SnapshotTestFolder::Program program = library.open();
            QVERIFY(!library.add(program, u"one"_s).toString().isEmpty());
        }
        const QTemporaryDir folder;
        const QString image = folder.filePath(u"disk.qcow2"_s);
        const QTemporaryDir others;
        const QString original = others.filePath(u"original.qcow2"_s);
        const CrashCounters counters;
        QVERIFY(qemu(u"qemu-img"_s, {u"create"_s, u"-f"_s, u"qcow2"_s, original, u"8M"_s}));
        QVERIFY(qemu(u"qemu-io"_s,
                     {u"-f"_s, u"qcow2"_s, u"-c"_s, u"write -P 7 0 1M"_s, u"-c"_s,
                      u"write -P 9 3M 192k"_s, u"-c"_s, u"write -z 128k 512k"_s, original}));
        const QString program = qEnvironmentVariable("VIVARIUM_BIN_DIR") + u"/vivarium-image"_s;
        NoProgress progress;
        uint64_t crashes = 0;
        for (uint64_t at = 1;; ++at) {
            QVERIFY(at < 1000);
            QFile::remove(image);
            QVERIFY(QFile::copy(original, image));
            counters.reset();
            qputenv("VIVARIUM_CRASH_POINTS", counters.path().toLocal8Bit());
            int status = -1;
            const QByteArray output = SnapshotTestFolder::run(
                QCoreApplication::applicationDirPath() + u"/crashing_program"_s,
                {library.path(), u"one"_s, QString::number(at), u"compact"_s, image}, &status);
            qunsetenv("VIVARIUM_CRASH_POINTS");
            const bool crashed = counters.met() >= at;
            QVERIFY2(crashed || status == 0, output);

            QVERIFY(qemu(u"qemu-img"_s, {u"check"_s, image}));
            QVERIFY(qemu(u"qemu-img"_s, {u"compare"_s, original, image}));
            const auto again =
                ImageTool(program).compact(DiskFile{image, control::DiskFormat::Qcow2}, progress);
            QVERIFY2(again, again ? "" : again.error().detail.c_str());
            QCOMPARE(filesIn(folder.path()), QStringList{u"disk.qcow2"_s});
            QVERIFY(qemu(u"qemu-img"_s, {u"compare"_s, original, image}));
            if (!crashed)
                break;
            ++crashes;
        }
        qInfo("compact: %llu crashes", static_cast<unsigned long long>(crashes));
        QVERIFY(crashes > 5);
    }
};

} // namespace vivarium::test

using vivarium::test::CompactCrashTest;
VIVARIUM_TEST(CompactCrashTest)
#include "compact_crash_test.moc"
