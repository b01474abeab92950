#include "tests/integration/engine/worker_process.h"
#include "tests/support/test_main.h"

#include <QTemporaryDir>
#include <QTest>

#include <array>
#include <csignal>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace vivarium;
using namespace vivarium::control;
using namespace vivarium::test;

// What a copy of a running machine stands on belongs to nobody alone: the original stops to write
// to it, and the copy locks it as soon as it can.
class ForkLockTest : public QObject {
    Q_OBJECT
    QTemporaryDir m_folder;

    UniqueFd openFile(const char* name, int mode) const {
        const QByteArray path = m_folder.filePath(QString::fromLatin1(name)).toLocal8Bit();
        return UniqueFd(::open(path.constData(), mode | O_CREAT | O_CLOEXEC, 0600));
    }
    // Whether somebody's lock keeps others from taking one of `type`.
    bool isLocked(short type) const {
        const UniqueFd file = openFile("disk", O_RDWR);
        struct flock lock {};
        lock.l_type = type;
        lock.l_whence = SEEK_SET;
        return ::fcntl(file.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    }
    static MachineConfig machine(const std::vector<ImageConfig>& images) {
        MachineConfig config = kernelConfig();
        config.memoryBytes = 32 << 20;
        DriveConfig drive;
        drive.id = "sata0";
        drive.images = images;
        config.drives.push_back(drive);
        return config;
    }
    static UniqueFd guest() { return multibootGuest({0xF4, 0xEB, 0xFD}); } // hlt; jmp again

    // As a program does it that starts a machine: the lock is the worker's, too.
    Result<void> begin(ControlClient& client) {
        UniqueFd disk = openFile("disk", O_RDWR);
        struct flock lock {};
        lock.l_type = F_WRLCK;
        lock.l_whence = SEEK_SET;
        if (::ftruncate(disk.get(), 1 << 20) != 0 || ::fcntl(disk.get(), F_OFD_SETLK, &lock) != 0)
            return systemError(errno, "lock the disk");
        std::vector<UniqueFd> files;
        files.push_back(guest());
        files.push_back(std::move(disk));
        TRY(client.call(Configure{machine({{1, DiskFormat::Raw}})}, std::move(files)));
        TRY(client.call(Start{}));
        return {};
    }
    // The connection to a copy that runs.
    Result<std::unique_ptr<ControlClient>> fork(ControlClient& client) {
        std::array<int, 2> pair{};
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0)
            return systemError(errno, "connect the copy");
        auto copy = std::make_unique<ControlClient>(UniqueFd(pair[0]));
        std::vector<UniqueFd> files;
        files.push_back(guest());
        files.push_back(openFile("own", O_RDWR));
        files.push_back(openFile("disk", O_RDONLY));
        files.push_back(openFile("copy", O_RDWR));
        files.push_back(UniqueFd(pair[1]));
        Fork request;
        request.overlays.push_back({"sata0", 1, "disk", DiskFormat::Raw});
        CloneConfig clone;
        clone.config = machine({{2, DiskFormat::Raw}, {3, DiskFormat::Qcow2}});
        clone.overlays.push_back({"sata0", 3, "disk", DiskFormat::Raw});
        clone.controlFd = 4;
        request.clones.push_back(clone);
        TRY(client.call(request, std::move(files)));
        if (!copy->waitFor<Hello>())
            return fail(ErrorCode::Internal, "the copy does not run");
        return copy;
    }

private Q_SLOTS:
    void initTestCase() {
        if (const std::string reason = whyNoGuests(); !reason.empty())
            QSKIP(reason.c_str());
    }

    void theCopyLocksWhatItStandsOn_data() {
        QTest::addColumn<bool>("sharedFirst");
        QTest::newRow("once the original shares it") << true;
        QTest::newRow("once the original is dead") << false;
    }
    void theCopyLocksWhatItStandsOn() {
        QFETCH(bool, sharedFirst);
        for (const char* name : {"own", "copy"})
            QFile::remove(m_folder.filePath(QString::fromLatin1(name)));
        WorkerProcess worker;
        const auto begun = begin(worker.client());
        QVERIFY2(begun, begun ? "" : begun.error().detail.c_str());
        QVERIFY(isLocked(F_RDLCK));
        auto copy = fork(worker.client());
        QVERIFY2(copy, copy ? "" : copy.error().detail.c_str());
        if (sharedFirst)
            QTRY_VERIFY(!isLocked(F_RDLCK));
        ::kill(worker.pid(), SIGKILL);
        QCOMPARE(worker.waitForExit(), -SIGKILL);
        QTRY_VERIFY(isLocked(F_WRLCK));
        QVERIFY(!isLocked(F_RDLCK));
        QVERIFY((*copy)->call(PowerOff{}));
        QVERIFY((*copy)->waitForEnd());
        QTRY_VERIFY(!isLocked(F_WRLCK));
    }
};

VIVARIUM_TEST(ForkLockTest)
#include "fork_lock_test.moc"
