#include "tests/integration/engine/guest_code.h"
#include "tests/integration/engine/worker_process.h"
#include "tests/support/test_main.h"

#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>

#include <fcntl.h>
#include <unistd.h>

using namespace vivarium;
using namespace vivarium::control;
using namespace vivarium::test;

// Drives that come, go and grow under a sandboxed worker whose guest runs.
class HotPlugTest : public QObject {
    Q_OBJECT
    QTemporaryDir m_folder;

    QString path(const char* name) const { return m_folder.filePath(QString::fromLatin1(name)); }
    UniqueFd open(const char* name, int mode) const {
        return UniqueFd(::open(qPrintable(path(name)), mode | O_CLOEXEC, 0600));
    }
    bool makeQcow2(const char* name, const char* size) const {
        return QProcess::execute(QStringLiteral("qemu-img"),
                                 {QStringLiteral("create"), QStringLiteral("-qf"),
                                  QStringLiteral("qcow2"), path(name),
                                  QString::fromLatin1(size)}) == 0;
    }
    // Whether another open file can have the lock.
    bool lockable(const char* name, short type) const {
        const UniqueFd fd = open(name, O_RDWR);
        struct flock lock {};
        lock.l_type = type;
        lock.l_whence = SEEK_SET;
        return ::fcntl(fd.get(), F_OFD_SETLK, &lock) == 0;
    }

    static DriveConfig drive(const std::string& id, uint32_t port, int fd, DiskFormat format) {
        DriveConfig config;
        config.id = id;
        config.port = port;
        config.images = {{fd, format}};
        config.mediumName = id + ".img";
        return config;
    }
    static Result<void> attach(ControlClient& client, DriveConfig config, UniqueFd file) {
        std::vector<UniqueFd> descriptors;
        descriptors.push_back(std::move(file));
        TRY(client.call(AttachDrive{std::move(config)}, std::move(descriptors)));
        return {};
    }
    static std::optional<DriveStatus> status(ControlClient& client, const std::string& id) {
        const auto reply = client.call(Status{});
        if (!reply)
            return std::nullopt;
        const auto found = std::find_if(reply->drives.begin(), reply->drives.end(),
                                        [&id](const DriveStatus& d) { return d.id == id; });
        return found == reply->drives.end() ? std::nullopt : std::optional(*found);
    }
    Result<void> begin(WorkerProcess& worker, std::vector<DriveConfig> drives = {},
                       std::vector<UniqueFd> files = {}) const {
        MachineConfig machine = kernelConfig();
        machine.memoryBytes = 32 << 20;
        machine.drives = std::move(drives);
        files.insert(files.begin(), multibootGuest({0xEB, 0xFE})); // jmp $
        TRY(worker.client().call(Configure{machine}, std::move(files)));
        TRY(worker.client().call(Start{}));
        return {};
    }

private Q_SLOTS:
    void init() {
        if (const std::string reason = whyNoGuests(); !reason.empty())
            QSKIP(reason.c_str());
        if (!makeQcow2("disk.qcow2", "64M"))
            QSKIP("qemu-img is not installed");
        QFile raw(path("disk.raw"));
        QVERIFY(raw.open(QIODevice::ReadWrite) && raw.resize(1 << 20));
    }

    void drivesComeAndGo() {
        WorkerProcess worker;
        QVERIFY(begin(worker));
        ControlClient& client = worker.client();
        QVERIFY(
            attach(client, drive("sata0", 0, 0, DiskFormat::Qcow2), open("disk.qcow2", O_RDWR)));
        DriveConfig disc = drive("sata3", 3, 0, DiskFormat::Raw);
        disc.kind = DriveKind::Optical;
        disc.readOnly = true;
        QVERIFY(attach(client, disc, open("disk.raw", O_RDONLY)));
        QCOMPARE(status(client, "sata0")->sizeBytes, uint64_t{64} << 20);
        QCOMPARE(status(client, "sata0")->mediumName, std::string("sata0.img"));
        QCOMPARE(int(status(client, "sata3")->kind), int(DriveKind::Optical));

        const auto taken =
            attach(client, drive("other", 0, 0, DiskFormat::Raw), open("disk.raw", O_RDWR));
        QCOMPARE(taken.error().code, ErrorCode::InvalidArgument);
        const auto twice =
            attach(client, drive("sata0", 1, 0, DiskFormat::Raw), open("disk.raw", O_RDWR));
        QCOMPARE(twice.error().code, ErrorCode::InvalidArgument);
        DriveConfig nvme = drive("nvme0", 0, 0, DiskFormat::Raw);
        nvme.bus = DriveBus::Nvme;
        QCOMPARE(attach(client, nvme, open("disk.raw", O_RDWR)).error().code,
                 ErrorCode::Unsupported);
        const auto broken =
            attach(client, drive("sata1", 1, 0, DiskFormat::Qcow2), open("disk.raw", O_RDWR));
        QCOMPARE(broken.error().code, ErrorCode::Corrupt);

        QVERIFY(client.call(DetachDrive{"sata0"}));
        QVERIFY(!status(client, "sata0"));
        QCOMPARE(client.call(DetachDrive{"sata0"}).error().code, ErrorCode::NotFound);
        QVERIFY(client.call(DetachDrive{"sata3"}));
        // Closed properly: nobody has to repair it.
        QCOMPARE(
            QProcess::execute(QStringLiteral("qemu-img"),
                              {QStringLiteral("check"), QStringLiteral("-q"), path("disk.qcow2")}),
            0);
        QVERIFY(
            attach(client, drive("sata0", 0, 0, DiskFormat::Qcow2), open("disk.qcow2", O_RDWR)));
        QVERIFY(client.call(PowerOff{}));
        QCOMPARE(worker.waitForExit(), std::optional<int>(0));
    }

    void disksGrow_data() {
        QTest::addColumn<int>("bus");
        QTest::newRow("SATA") << int(DriveBus::Sata);
        QTest::newRow("virtio") << int(DriveBus::Virtio);
        QTest::newRow("NVMe") << int(DriveBus::Nvme);
    }
    void disksGrow() {
        QFETCH(int, bus);
        DriveConfig config = drive("drive0", 0, 1, DiskFormat::Qcow2);
        config.bus = static_cast<DriveBus>(bus);
        std::vector<UniqueFd> files;
        files.push_back(open("disk.qcow2", O_RDWR));
        WorkerProcess worker;
        QVERIFY(begin(worker, {config}, std::move(files)));
        ControlClient& client = worker.client();
        QVERIFY(client.call(ResizeDrive{"drive0", 96 << 20}));
        QCOMPARE(status(client, "drive0")->sizeBytes, uint64_t{96} << 20);
        QCOMPARE(client.call(ResizeDrive{"drive0", 64 << 20}).error().code,
                 ErrorCode::InvalidArgument);
        QCOMPARE(client.call(ResizeDrive{"drive0", (96 << 20) + 1}).error().code,
                 ErrorCode::InvalidArgument);
        QCOMPARE(client.call(ResizeDrive{"none", 96 << 20}).error().code, ErrorCode::NotFound);
        if (bus != int(DriveBus::Sata)) {
            QCOMPARE(client.call(DetachDrive{"drive0"}).error().code, ErrorCode::Unsupported);
        }
        QVERIFY(client.call(PowerOff{}));
        QCOMPARE(worker.waitForExit(), std::optional<int>(0));
    }

    // Once a layer is frozen, others may stand on it, but nobody may write to it.
    void aFrozenLayerIsShared() {
        UniqueFd disk = open("disk.qcow2", O_RDWR);
        struct flock exclusive {};
        exclusive.l_type = F_WRLCK;
        exclusive.l_whence = SEEK_SET;
        QCOMPARE(::fcntl(disk.get(), F_OFD_SETLK, &exclusive), 0);
        std::vector<UniqueFd> files;
        files.push_back(std::move(disk));
        WorkerProcess worker;
        QVERIFY(begin(worker, {drive("sata0", 0, 1, DiskFormat::Qcow2)}, std::move(files)));
        ControlClient& client = worker.client();
        QVERIFY(!lockable("disk.qcow2", F_RDLCK));

        TakeSnapshot take;
        std::vector<UniqueFd> created;
        for (const char* name : {"state", "ram", "index", "top.qcow2"})
            created.push_back(open(name, O_RDWR | O_CREAT | O_TRUNC));
        take.stateFd = 0;
        take.ramFd = 1;
        take.ramIndexFd = 2;
        take.overlays = {{"sata0", 3, "disk.qcow2", DiskFormat::Qcow2}};
        QVERIFY(client.call(take, std::move(created)));
        QVERIFY(lockable("disk.qcow2", F_RDLCK));
        QVERIFY(!lockable("disk.qcow2", F_WRLCK));
        QVERIFY(client.call(PowerOff{}));
        QCOMPARE(worker.waitForExit(), std::optional<int>(0));
    }

    void directDisksWork() {
        DriveConfig config = drive("sata0", 0, 1, DiskFormat::Qcow2);
        config.cacheMode = DriveCacheMode::Direct;
        std::vector<UniqueFd> files;
        files.push_back(open("disk.qcow2", O_RDWR));
        WorkerProcess worker;
        QVERIFY(begin(worker, {config}, std::move(files)));
        QVERIFY(worker.client().call(ResizeDrive{"sata0", 80 << 20}));
        QVERIFY(worker.client().call(PowerOff{}));
        QCOMPARE(worker.waitForExit(), std::optional<int>(0));
        QCOMPARE(
            QProcess::execute(QStringLiteral("qemu-img"),
                              {QStringLiteral("check"), QStringLiteral("-q"), path("disk.qcow2")}),
            0);
    }
};
VIVARIUM_TEST(HotPlugTest)

#include "hot_plug_test.moc"
