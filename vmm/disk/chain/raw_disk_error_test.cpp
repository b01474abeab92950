#include "vmm/disk/chain/disk_chain.h"

#include "tests/support/test_main.h"
#include "vmm/disk/test_support/faulty_block_device.h"
#include "vmm/disk/test_support/memory_block_device.h"
#include "vmm/disk/test_support/raw_disk.h"
#include "vmm/disk/test_support/request_runner.h"

#include <QTemporaryDir>
#include <QTest>

#include <csignal>

#include <fcntl.h>
#include <seccomp.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace vivarium;

class RawDiskErrorTest : public QObject {
    Q_OBJECT

private:
    QTemporaryDir m_dir;

    UniqueFd openFile(int flags, uint64_t sizeBytes) {
        QByteArray path = m_dir.filePath(QStringLiteral("disk.img")).toLocal8Bit();
        UniqueFd made(::open(path.constData(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        if (::ftruncate(made.get(), static_cast<off_t>(sizeBytes)) != 0)
            return {};
        return UniqueFd(::open(path.constData(), flags | O_CLOEXEC));
    }
    DiskChainOptions options(DiskAccess access = DiskAccess::ReadWrite) {
        QFETCH_GLOBAL(IoEngine::Kind, engine);
        return {.access = access, .engine = engine};
    }

private Q_SLOTS:
    void initTestCase_data() {
        QTest::addColumn<IoEngine::Kind>("engine");
        if (IoLoop::create(IoEngine::Kind::IoUring))
            QTest::newRow("io_uring") << IoEngine::Kind::IoUring;
        QTest::newRow("threads") << IoEngine::Kind::ThreadPool;
    }

    void unusableFilesAreRefused() {
        auto folder = openRawDisk(UniqueFd(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
                                  options(DiskAccess::ReadOnly));
        QVERIFY(!folder);
        QCOMPARE(folder.error().code, ErrorCode::InvalidArgument);
        auto character = openRawDisk(UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)), options());
        QVERIFY(!character);
        auto empty = openRawDisk(openFile(O_RDWR, 0), options());
        QVERIFY(!empty);
        QCOMPARE(empty.error().code, ErrorCode::InvalidArgument);
        auto readOnly = openRawDisk(openFile(O_RDONLY, 512), options());
        QVERIFY(!readOnly);
        QCOMPARE(readOnly.error().code, ErrorCode::PermissionDenied);
        auto writeOnly = openRawDisk(openFile(O_WRONLY, 512), options());
        QVERIFY(!writeOnly);
        auto closed = openRawDisk(UniqueFd(), options());
        QVERIFY(!closed);
    }

    void anAppendingDescriptorIsTamed() {
        auto image = openRawDisk(openFile(O_RDWR | O_APPEND, 4096), options());
        QVERIFY(image);
        QCOMPARE(writeBytes(**image, 0, std::vector<uint8_t>(512, 7)), 0);
        std::vector<uint8_t> back(512);
        QCOMPARE(readBytes(**image, 0, back), 0);
        QCOMPARE(back, std::vector<uint8_t>(512, 7));
    }

    void readOnlyImagesRefuseWrites() {
        auto image = openRawDisk(openFile(O_RDONLY, 4096), options(DiskAccess::ReadOnly));
        QVERIFY(image);
        QVERIFY((*image)->readOnly());
        std::vector<uint8_t> back(512);
        QCOMPARE(readBytes(**image, 0, back), 0);
        QCOMPARE(writeBytes(**image, 0, back), EROFS);
        QCOMPARE(runSimple(**image, BlockRequest::Kind::Discard, 0, 512), EROFS);
        QCOMPARE(runSimple(**image, BlockRequest::Kind::WriteZeroes, 0, 512), EROFS);
        QCOMPARE(runSimple(**image, BlockRequest::Kind::Flush), 0);
    }

    void rangesAreChecked() {
        auto image = openRawDisk(openFile(O_RDWR, 4096), options());
        QVERIFY(image);
        std::vector<uint8_t> buffer(1024);
        QCOMPARE(readBytes(**image, 3584, buffer), EINVAL);
        QCOMPARE(readBytes(**image, ~uint64_t{511}, buffer), EINVAL);
        QCOMPARE(readBytes(**image, 100, buffer), EINVAL);
        QCOMPARE(writeBytes(**image, 4096, buffer), EINVAL);
        QCOMPARE(runSimple(**image, BlockRequest::Kind::Discard, 0, ~uint64_t{511}), EINVAL);
        QCOMPARE(runSimple(**image, BlockRequest::Kind::WriteZeroes, 512, 4096), EINVAL);
        BlockRequest wrongSum{BlockRequest::Kind::Read, 0, 512, {{buffer.data(), 1024}}, {}};
        QCOMPARE(runRequest(**image, wrongSum), EINVAL);
        BlockRequest overflow{BlockRequest::Kind::Read,
                              0,
                              512,
                              {{buffer.data(), ~size_t{0}}, {buffer.data(), 513}},
                              {}};
        QCOMPARE(runRequest(**image, overflow), EINVAL);
        BlockRequest nothing{BlockRequest::Kind::Read, 0, 0, {}, {}};
        QCOMPARE(runRequest(**image, nothing), 0);
    }

    void fallsBackWhereIoUringIsForbidden() {
        pid_t child = ::fork();
        QVERIFY(child >= 0);
        if (child == 0) { // as in a container whose filter knows no io_uring
            scmp_filter_ctx filter = ::seccomp_init(SCMP_ACT_ALLOW);
            bool ready = filter &&
                         ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(io_uring_setup),
                                            0) == 0 &&
                         ::seccomp_load(filter) == 0;
            auto image = openRawDisk(openFile(O_RDWR, 4096));
            bool works = ready && image && (*image)->engineKind() == IoEngine::Kind::ThreadPool &&
                         writeBytes(**image, 0, std::vector<uint8_t>(512, 7)) == 0;
            ::_exit(works ? 0 : 1);
        }
        int status = -1;
        QCOMPARE(::waitpid(child, &status, 0), child);
        QCOMPARE(status, 0);
    }

    void aFullHostIsReported() {
        auto image = openRawDisk(openFile(O_RDWR, 1 << 20), options());
        QVERIFY(image);
        // A size limit stands in for the full file system: the same path, no mount needed.
        std::signal(SIGXFSZ, SIG_IGN);
        rlimit old{};
        QCOMPARE(::getrlimit(RLIMIT_FSIZE, &old), 0);
        rlimit small{4096, old.rlim_max};
        QCOMPARE(::setrlimit(RLIMIT_FSIZE, &small), 0);
        int error = writeBytes(**image, 8192, std::vector<uint8_t>(512, 1));
        int inside = writeBytes(**image, 0, std::vector<uint8_t>(512, 1));
        // Half of it fits: the rest is tried and fails.
        int across = writeBytes(**image, 2048, std::vector<uint8_t>(4096, 1));
        QCOMPARE(::setrlimit(RLIMIT_FSIZE, &old), 0);
        QCOMPARE(error, EFBIG);
        QCOMPARE(inside, 0);
        QCOMPARE(across, EFBIG);
        QCOMPARE(writeBytes(**image, 8192, std::vector<uint8_t>(512, 1)), 0);
    }

    void aFullDeviceIsReported() {
        // /dev/full is no block device; the wrapper tests what devices do with ENOSPC.
        auto raw = openRawDisk(openFile(O_RDWR, 1 << 20), options());
        QVERIFY(raw);
        FaultyBlockDevice image(std::move(*raw));
        image.injectFault(BlockRequest::Kind::Write, ENOSPC, 1, 4096, 512);
        QCOMPARE(writeBytes(image, 0, std::vector<uint8_t>(512, 1)), 0);
        QCOMPARE(writeBytes(image, 4096, std::vector<uint8_t>(512, 1)), ENOSPC);
        QCOMPARE(writeBytes(image, 4096, std::vector<uint8_t>(512, 1)), 0);
        image.injectFault(BlockRequest::Kind::Flush, EIO);
        QCOMPARE(runSimple(image, BlockRequest::Kind::Flush), EIO);
        QCOMPARE(runSimple(image, BlockRequest::Kind::Flush), 0);
    }
};

VIVARIUM_TEST(RawDiskErrorTest)
#include "raw_disk_error_test.moc"
