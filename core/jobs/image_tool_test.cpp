#include "core/jobs/image_tool.h"

#include "core/jobs/image_jobs.h"
#include "core/jobs/when_done.h"
#include "tests/support/test_main.h"

#include <QDir>
#include <QFile>
#include <QProcess>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <csignal>

#include <fcntl.h>

namespace vivarium::test {

using namespace Qt::StringLiterals;
using control::DiskFormat;
using control::ImageKind;
using control::ImageShape;

namespace {

constexpr uint64_t kMiB = 1 << 20;

// Counts reports; cancels after so many.
class TestProgress : public Progress {
public:
    explicit TestProgress(int cancelAfter = -1) : m_cancelAfter(cancelAfter) {}
    bool cancelled() const override { return m_cancelAfter >= 0 && m_reports >= m_cancelAfter; }
    void report(qint64 done, qint64 total) override {
        ++m_reports;
        m_sane = m_sane && 0 <= done && done <= total;
    }
    int reports() const { return m_reports; }
    bool sane() const { return m_sane; }

private:
    int m_cancelAfter;
    int m_reports = 0;
    bool m_sane = true;
};

QString program() {
    return qEnvironmentVariable("VIVARIUM_BIN_DIR") + u"/vivarium-image"_s;
}

ImageShape qcow2(uint64_t diskBytes) {
    ImageShape shape;
    shape.diskBytes = diskBytes;
    return shape;
}
ImageShape raw(uint64_t diskBytes) {
    ImageShape shape;
    shape.format = DiskFormat::Raw;
    shape.diskBytes = diskBytes;
    return shape;
}

} // namespace

class ImageToolTest : public QObject {
    Q_OBJECT
    std::unique_ptr<QTemporaryDir> m_folder;
    ImageTool m_tool{program()};
    TestProgress m_progress;

    QString path(const QString& name) const { return m_folder->filePath(name); }
    QStringList entries() const {
        return QDir(m_folder->path())
            .entryList(QDir::Files | QDir::Hidden | QDir::NoDotAndDotDot, QDir::Name);
    }
    // Patterns that differ everywhere, `bytes` of them from `offset` on.
    void fill(const QString& name, qint64 offset, qint64 bytes, char seed) {
        QFile file(path(name));
        QVERIFY(file.open(QIODevice::ReadWrite));
        QByteArray block(static_cast<qsizetype>(kMiB), seed);
        file.seek(offset);
        for (qint64 done = 0; done < bytes; done += block.size()) {
            const QByteArray mark = QByteArray::number(offset + done);
            block.replace(0, mark.size(), mark);
            file.write(block.left(std::min<qint64>(block.size(), bytes - done)));
        }
    }
    DiskFile rawFile(const QString& name) const { return {path(name), DiskFormat::Raw}; }
    DiskFile qcow2File(const QString& name) const { return {path(name), DiskFormat::Qcow2}; }
    void verify(const Result<void>& result) {
        QVERIFY2(result, result ? "" : result.error().detail.c_str());
    }
    void verifyEqual(const DiskSource& a, const DiskSource& b) {
        const auto compared = m_tool.compare(a, b, control::ImageSizes::Compare, m_progress);
        QVERIFY2(compared, compared ? "" : compared.error().detail.c_str());
        QVERIFY(compared->equal);
    }

private Q_SLOTS:
    void init() { m_folder = std::make_unique<QTemporaryDir>(); }

    void createsAndTells() {
        verify(m_tool.create(path(u"a.qcow2"_s), qcow2(64 * kMiB), m_progress));
        const auto info = m_tool.info(path(u"a.qcow2"_s), ImageKind::Detect, m_progress);
        QVERIFY(info);
        QCOMPARE(info->kind, ImageKind::Qcow2);
        QCOMPARE(info->diskBytes, 64 * kMiB);
        QCOMPARE(info->version, 3u);
        QCOMPARE(info->clusterBytes, 65536u);
        verify(m_tool.create(path(u"a.img"_s), raw(kMiB), m_progress));
        QCOMPARE(QFile(path(u"a.img"_s)).size(), qint64{kMiB});
        QCOMPARE(entries(), (QStringList{u"a.img"_s, u"a.qcow2"_s}));
        const auto again = m_tool.create(path(u"a.img"_s), raw(kMiB), m_progress);
        QCOMPARE(again.error().code, ErrorCode::AlreadyExists);
        const auto odd = m_tool.create(path(u"odd"_s), qcow2(1000), m_progress);
        QCOMPARE(odd.error().code, ErrorCode::InvalidArgument);
        QVERIFY(odd.error().detail.starts_with("The disk image "));
        QCOMPARE(entries().size(), 2);
    }

    void convertsThereAndBack() {
        verify(m_tool.create(path(u"a.img"_s), raw(40 * kMiB), m_progress));
        fill(u"a.img"_s, 3 * kMiB, 5 * kMiB, 'x');
        ImageTool::ConvertOptions options;
        options.shape.clusterBytes = 4096;
        verify(m_tool.convert(rawFile(u"a.img"_s), path(u"b.qcow2"_s), options, m_progress));
        options.shape = raw(0);
        verify(m_tool.convert(qcow2File(u"b.qcow2"_s), path(u"c.img"_s), options, m_progress));
        QFile a(path(u"a.img"_s));
        QFile c(path(u"c.img"_s));
        QVERIFY(a.open(QIODevice::ReadOnly) && c.open(QIODevice::ReadOnly));
        QCOMPARE(a.readAll(), c.readAll());
        verifyEqual(rawFile(u"a.img"_s), qcow2File(u"b.qcow2"_s));
        QVERIFY(m_progress.sane());
    }

    // One life of a chain: overlay, map, resize, commit, rebase, compact, check.
    void worksOnChains() {
        verify(m_tool.create(path(u"base.img"_s), raw(8 * kMiB), m_progress));
        fill(u"base.img"_s, 0, 2 * kMiB, 'b');
        ImageShape overlay = qcow2(0);
        overlay.backingName = "base.img";
        overlay.backingFormat = "raw";
        verify(m_tool.create(path(u"top.qcow2"_s), overlay, m_progress));
        const auto chain = m_tool.chain(qcow2File(u"top.qcow2"_s), m_progress);
        QVERIFY(chain);
        QCOMPARE(chain->size(), 2);
        QCOMPARE(chain->first().file, rawFile(u"base.img"_s));
        QCOMPARE(chain->last().info.diskBytes, 8 * kMiB);
        verifyEqual(qcow2File(u"top.qcow2"_s), rawFile(u"base.img"_s));

        const auto map = m_tool.map(qcow2File(u"top.qcow2"_s), m_progress);
        QVERIFY(map);
        uint64_t end = 0;
        for (const control::ImageExtent& extent : *map) {
            QCOMPARE(extent.offsetBytes, end);
            end += extent.lengthBytes;
        }
        QCOMPARE(end, 8 * kMiB);
        QCOMPARE(map->front().kind, control::ImageExtentKind::Data);
        QCOMPARE(map->front().hostOffset, int64_t{0});

        verify(m_tool.resize(qcow2File(u"top.qcow2"_s), 16 * kMiB, control::ImageShrink::Refuse,
                             m_progress));
        const auto refused = m_tool.resize(qcow2File(u"top.qcow2"_s), 4 * kMiB,
                                           control::ImageShrink::Refuse, m_progress);
        QCOMPARE(refused.error().code, ErrorCode::InvalidArgument);
        verify(m_tool.commit(qcow2File(u"top.qcow2"_s), m_progress));
        QCOMPARE(QFile(path(u"base.img"_s)).size(), qint64{16 * kMiB});

        verify(m_tool.rebase(qcow2File(u"top.qcow2"_s), {}, m_progress)); // onto nothing
        QCOMPARE(m_tool.chain(qcow2File(u"top.qcow2"_s), m_progress)->size(), 1);
        verifyEqual(qcow2File(u"top.qcow2"_s), rawFile(u"base.img"_s));
        const auto compacted = m_tool.compact(qcow2File(u"top.qcow2"_s), m_progress);
        QVERIFY(compacted);
        verifyEqual(qcow2File(u"top.qcow2"_s), rawFile(u"base.img"_s));
        const auto check =
            m_tool.check(path(u"top.qcow2"_s), control::ImageRepair::None, m_progress);
        QVERIFY(check);
        QVERIFY(check->clean());
        QCOMPARE(entries(), (QStringList{u"base.img"_s, u"top.qcow2"_s}));
    }

    void refusesWithSentences() {
        const auto missing = m_tool.info(path(u"none"_s), ImageKind::Detect, m_progress);
        QCOMPARE(missing.error().code, ErrorCode::NotFound);
        const auto folder = m_tool.info(m_folder->path(), ImageKind::Detect, m_progress);
        QCOMPARE(folder.error().code, ErrorCode::InvalidArgument);
        QVERIFY(folder.error().detail.find("is a folder") != std::string::npos);

        ImageShape overlay = qcow2(kMiB);
        overlay.backingName = "b.qcow2";
        overlay.backingFormat = "qcow2";
        verify(m_tool.create(path(u"a.qcow2"_s), overlay, m_progress));
        const auto incomplete = m_tool.chain(qcow2File(u"a.qcow2"_s), m_progress);
        QCOMPARE(incomplete.error().code, ErrorCode::NotFound);
        QVERIFY(incomplete.error().detail.find("b.qcow2") != std::string::npos);
        overlay.backingName = "a.qcow2";
        verify(m_tool.create(path(u"b.qcow2"_s), overlay, m_progress));
        const auto loop = m_tool.chain(qcow2File(u"a.qcow2"_s), m_progress);
        QCOMPARE(loop.error().code, ErrorCode::Corrupt);
        QVERIFY(loop.error().detail.find("loop") != std::string::npos);

        overlay.backingName = "nbd://host/disk";
        verify(m_tool.create(path(u"n.qcow2"_s), overlay, m_progress));
        QCOMPARE(m_tool.chain(qcow2File(u"n.qcow2"_s), m_progress).error().code,
                 ErrorCode::Unsupported);

        fill(u"text"_s, 0, 100, 't');
        QCOMPARE(m_tool.info(path(u"text"_s), ImageKind::Qcow2, m_progress).error().code,
                 ErrorCode::Corrupt);
        verify(m_tool.create(path(u"cut.qcow2"_s), qcow2(kMiB), m_progress));
        QVERIFY(QFile::resize(path(u"cut.qcow2"_s), 100));
        QCOMPARE(m_tool.info(path(u"cut.qcow2"_s), ImageKind::Qcow2, m_progress).error().code,
                 ErrorCode::Corrupt);
    }

    void namesWhoUsesAFile() {
        verify(m_tool.create(path(u"a.qcow2"_s), qcow2(kMiB), m_progress));
        const UniqueFd held(::open(QFile::encodeName(path(u"a.qcow2"_s)).constData(), O_RDWR));
        struct flock lock {};
        lock.l_type = F_WRLCK;
        lock.l_whence = SEEK_SET;
        QCOMPARE(::fcntl(held.get(), F_OFD_SETLK, &lock), 0);
        const ImageTool tool(program(), [](const QString&) { return u"Build server"_s; });
        QVERIFY(tool.info(path(u"a.qcow2"_s), ImageKind::Qcow2, m_progress));
        const auto busy = tool.resize(qcow2File(u"a.qcow2"_s), 2 * kMiB,
                                      control::ImageShrink::Refuse, m_progress);
        QCOMPARE(busy.error().code, ErrorCode::Busy);
        QVERIFY(busy.error().detail.find("Build server") != std::string::npos);
        verify(tool.resize(qcow2File(u"a.qcow2"_s), 2 * kMiB, control::ImageShrink::Refuse,
                           m_progress, FileLocks::AlreadyHeld));
    }

    void cancelLeavesNoFile() {
        verify(m_tool.create(path(u"a.img"_s), raw(400 * kMiB), m_progress));
        fill(u"a.img"_s, 0, 400 * kMiB, 'c');
        TestProgress progress(1);
        ImageTool::ConvertOptions options;
        options.shape.compression = control::ImageCompression::Zlib;
        options.pack = true;
        const auto cancelled =
            m_tool.convert(rawFile(u"a.img"_s), path(u"b.qcow2"_s), options, progress);
        QCOMPARE(cancelled.error().code, ErrorCode::Cancelled);
        QCOMPARE(progress.reports(), 1);
        QCOMPARE(entries(), QStringList{u"a.img"_s});
    }

    void futuresShowProgressAndCancel() {
        verify(m_tool.create(path(u"a.img"_s), raw(400 * kMiB), m_progress));
        fill(u"a.img"_s, 0, 400 * kMiB, 'c');
        ImageJobs jobs(m_tool);
        ImageTool::ConvertOptions options;
        options.pack = true;
        auto future = jobs.run<void>([=, this](const ImageTool& tool, Progress& progress) {
            return tool.convert(rawFile(u"a.img"_s), path(u"b.qcow2"_s), options, progress);
        });
        QFutureWatcher<Result<void>> watcher;
        QSignalSpy moved(&watcher, &QFutureWatcherBase::progressValueChanged);
        QSignalSpy finished(&watcher, &QFutureWatcherBase::finished);
        watcher.setFuture(future);
        QTRY_VERIFY(moved.size() >= 2);
        future.cancel();
        QTRY_COMPARE(finished.size(), 1);
        QTRY_COMPARE(entries(), QStringList{u"a.img"_s});
    }

    // kill -9 in the middle, of the job's process and so of what it does.
    void killedJobsLeaveTheSourceAndNoFile() {
        verify(m_tool.create(path(u"a.img"_s), raw(200 * kMiB), m_progress));
        fill(u"a.img"_s, 0, 200 * kMiB, 'k');
        QFile source(path(u"a.img"_s));
        QVERIFY(source.open(QIODevice::ReadOnly));
        const QByteArray before = source.readAll();
        // The program says which process it is before it begins.
        const QString wrapper = path(u"wrapper"_s);
        QFile script(wrapper);
        QVERIFY(script.open(QIODevice::WriteOnly));
        script.write("#!/bin/sh\necho $$ >" + QFile::encodeName(path(u"pid"_s)) + "\nexec " +
                     QFile::encodeName(program()) + " \"$@\"\n");
        script.close();
        script.setPermissions(QFile::ReadOwner | QFile::ExeOwner);
        class KillingProgress : public TestProgress {
        public:
            explicit KillingProgress(QString pidFile) : m_pidFile(std::move(pidFile)) {}
            void report(qint64 done, qint64 total) override {
                TestProgress::report(done, total);
                QFile pid(m_pidFile);
                if (reports() == 1 && pid.open(QIODevice::ReadOnly))
                    ::kill(pid.readAll().trimmed().toInt(), SIGKILL);
            }

        private:
            QString m_pidFile;
        } progress(path(u"pid"_s));
        ImageTool::ConvertOptions options;
        options.pack = true;
        const auto killed =
            ImageTool(wrapper).convert(rawFile(u"a.img"_s), path(u"b.qcow2"_s), options, progress);
        QCOMPARE(killed.error().code, ErrorCode::Internal);
        QVERIFY(killed.error().detail.find("signal 9") != std::string::npos);
        QCOMPARE(entries(), (QStringList{u"a.img"_s, u"pid"_s, u"wrapper"_s}));
        source.seek(0);
        QVERIFY(source.readAll() == before);
    }

    void aMissingProgramIsNamed() {
        const ImageTool tool(path(u"nowhere/vivarium-image"_s));
        const auto result = tool.create(path(u"a"_s), raw(kMiB), m_progress);
        QCOMPARE(result.error().code, ErrorCode::Unavailable);
        QCOMPARE(entries(), QStringList());
    }
};

} // namespace vivarium::test

using vivarium::test::ImageToolTest;
VIVARIUM_TEST(ImageToolTest)
#include "image_tool_test.moc"
