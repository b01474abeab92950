#include "tests/integration/engine/worker_process.h"
#include "tests/support/test_main.h"
#include "vmm/disk/test_support/disk_test_tools.h"

#include <QStandardPaths>
#include <QTemporaryDir>
#include <QTest>

#include <cstring>
#include <string>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace vivarium;
using namespace vivarium::control;
using namespace vivarium::test;

namespace {

constexpr uint64_t kSectorBytes = 512;
constexpr uint64_t kDiskSectors = 16384;
constexpr uint64_t kFrom = 64, kTo = 128, kCount = 64; // sectors that the guest copies
constexpr uint8_t kCopied = 1, kWrongDisk = 2;

// A boot sector that copies 32 KiB within the disk it came from, by the BIOS's extended read and
// write, with the first byte inverted, then tells the exit device 1, or the BIOS's error code.
constexpr uint8_t kBootCode[] = {
    0x31, 0xC0,                           // 00 xor ax, ax
    0x8E, 0xD8,                           // 02 mov ds, ax
    0xBE, 0x30,    0x7C,                  // 04 mov si, packet
    0xB8, 0x00,    0x42,                  // 07 mov ax, 0x4200
    0xCD, 0x13,                           // 0A int 0x13
    0x72, 0x17,                           // 0C jc 25
    0xF6, 0x16,    0x00, 0x80,            // 0E not byte [0x8000]
    0xC7, 0x06,    0x38, 0x7C, kTo, 0x00, // 12 mov word [packet + 8], 128
    0xB8, 0x00,    0x43,                  // 18 mov ax, 0x4300
    0xCD, 0x13,                           // 1B int 0x13
    0x72, 0x06,                           // 1D jc 25
    0xB0, kCopied,                        // 1F mov al, 1
    0xE6, 0xF4,                           // 21 out 0xF4, al
    0xEB, 0xFE,                           // 23 jmp $
    0x88, 0xE0,                           // 25 mov al, ah
    0xE6, 0xF4,                           // 27 out 0xF4, al
    0xEB, 0xFE,                           // 29 jmp $
};
// The packet at 7C30: 64 sectors at 0000:8000, from sector 64.
constexpr uint8_t kPacket[] = {0x10, 0, kCount, 0, 0, 0x80, 0, 0, kFrom, 0, 0, 0, 0, 0, 0, 0};
constexpr uint8_t kWrongDiskCode[] = {0xB0, kWrongDisk, 0xE6, 0xF4, 0xEB, 0xFE};

std::vector<uint8_t> bootableDisk(const uint8_t* code, size_t codeBytes) {
    std::vector<uint8_t> bytes(kDiskSectors * kSectorBytes);
    std::memcpy(bytes.data(), code, codeBytes);
    std::memcpy(bytes.data() + 0x30, kPacket, sizeof kPacket);
    bytes[510] = 0x55;
    bytes[511] = 0xAA;
    for (size_t i = kFrom * kSectorBytes; i < (kFrom + kCount) * kSectorBytes; ++i)
        bytes[i] = static_cast<uint8_t>(i * 7 + i / 512);
    return bytes;
}

} // namespace

// SeaBIOS finds, boots from, reads and writes disks on every kind of controller.
class BootDiskTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void bootsFrom_data() {
        QTest::addColumn<int>("bus");
        QTest::addColumn<uint>("port");
        QTest::addColumn<uint>("cpuCount");
        QTest::newRow("SATA") << int(DriveBus::Sata) << 3u << 1u;
        QTest::newRow("virtio") << int(DriveBus::Virtio) << 0u << 1u;
        QTest::newRow("NVMe") << int(DriveBus::Nvme) << 2u << 1u;
        QTest::newRow("virtio with several queues") << int(DriveBus::Virtio) << 5u << 2u;
    }
    void bootsFrom() {
        QFETCH(int, bus);
        QFETCH(uint, port);
        QFETCH(uint, cpuCount);
        if (const std::string reason = whyNoGuests(); !reason.empty())
            QSKIP(reason.c_str());
        UniqueFd firmware(::open("/usr/share/seabios/bios-256k.bin", O_RDONLY | O_CLOEXEC));
        if (!firmware)
            QSKIP("the package seabios is not installed");
        const UniqueFd disk = fileOf("disk", bootableDisk(kBootCode, sizeof kBootCode));
        MachineConfig config;
        config.name = "boot disk";
        config.memoryBytes = 32 << 20;
        config.accelerator = control::AcceleratorChoice::Kvm;
        config.cpuCount = cpuCount;
        config.firmware.romFd = 0;
        config.exitDevice = true;
        DriveConfig other; // found first if nobody says otherwise
        other.id = "other";
        other.images = {{1}};
        other.bootIndex = 1;
        DriveConfig drive;
        drive.id = "boot";
        drive.bus = static_cast<DriveBus>(bus);
        drive.port = port;
        drive.images = {{2}};
        drive.bootIndex = 0;
        config.drives = {other, drive};
        config.networkCards = {{0, "52:54:00:12:34:56"}}; // nothing to boot from
        WorkerProcess worker;
        ControlClient& client = worker.client();
        std::vector<UniqueFd> descriptors;
        descriptors.push_back(std::move(firmware));
        descriptors.push_back(fileOf("other", bootableDisk(kWrongDiskCode, sizeof kWrongDiskCode)));
        descriptors.push_back(*disk.duplicate());
        auto configured = client.call(Configure{config}, std::move(descriptors));
        QVERIFY2(configured, configured ? "" : configured.error().detail.c_str());
        QVERIFY(client.call(Start{}));
        const auto exiting = client.waitFor<Exiting>();
        QVERIFY2(exiting, worker.log().c_str());
        QCOMPARE(exiting->guestExitValue, int(kCopied));

        std::vector<uint8_t> expected = bootableDisk(kBootCode, sizeof kBootCode);
        std::copy_n(expected.begin() + kFrom * kSectorBytes, kCount * kSectorBytes,
                    expected.begin() + kTo * kSectorBytes);
        expected[kTo * kSectorBytes] ^= 0xFF;
        std::vector<uint8_t> bytes(expected.size());
        QCOMPARE(::pread(disk.get(), bytes.data(), bytes.size(), 0), ssize_t(bytes.size()));
        QVERIFY(bytes == expected);
    }

    // A raw base, a qcow2 file that hides a part of it, an empty one on top.
    void bootsFromAChain_data() {
        QTest::addColumn<int>("bus");
        QTest::newRow("SATA") << int(DriveBus::Sata);
        QTest::newRow("virtio") << int(DriveBus::Virtio);
        QTest::newRow("NVMe") << int(DriveBus::Nvme);
    }
    void bootsFromAChain() {
        QFETCH(int, bus);
        if (const std::string reason = whyNoGuests(); !reason.empty())
            QSKIP(reason.c_str());
        UniqueFd firmware(::open("/usr/share/seabios/bios-256k.bin", O_RDONLY | O_CLOEXEC));
        if (!firmware)
            QSKIP("the package seabios is not installed");
        if (QStandardPaths::findExecutable(QStringLiteral("qemu-io")).isEmpty())
            QSKIP("the package qemu-utils is not installed");
        const QTemporaryDir folder;
        const QString base = folder.filePath(QStringLiteral("base.img"));
        const QString middle = folder.filePath(QStringLiteral("middle.qcow2"));
        const QString top = folder.filePath(QStringLiteral("top.qcow2"));
        const std::vector<uint8_t> disk = bootableDisk(kBootCode, sizeof kBootCode);
        QFile file(base);
        QVERIFY(file.open(QIODevice::WriteOnly));
        QCOMPARE(file.write(reinterpret_cast<const char*>(disk.data()), qint64(disk.size())),
                 qint64(disk.size()));
        file.close();
        const auto overlay = [](const QString& below, const QString& format, const QString& image) {
            return qemuImg({QStringLiteral("create"), QStringLiteral("-q"), QStringLiteral("-f"),
                            QStringLiteral("qcow2"), QStringLiteral("-b"), below,
                            QStringLiteral("-F"), format, image});
        };
        const auto qemuIo = [](const QString& command, const QString& image) {
            return runTool(QStringLiteral("qemu-io"),
                           {QStringLiteral("-f"), QStringLiteral("qcow2"), QStringLiteral("-c"),
                            command, image});
        };
        QCOMPARE(overlay(base, QStringLiteral("raw"), middle), 0);
        QCOMPARE(qemuIo(QStringLiteral("write -P 0x5a 32768 32768"), middle), 0);
        QCOMPARE(overlay(middle, QStringLiteral("qcow2"), top), 0);
        const std::vector<uint8_t> middleBefore = fileBytes(middle);

        MachineConfig config;
        config.name = "boot chain";
        config.memoryBytes = 32 << 20;
        config.accelerator = control::AcceleratorChoice::Kvm;
        config.firmware.romFd = 0;
        config.exitDevice = true;
        DriveConfig drive;
        drive.id = "boot";
        drive.bus = static_cast<DriveBus>(bus);
        drive.images = {{1, DiskFormat::Raw}, {2, DiskFormat::Qcow2}, {3, DiskFormat::Qcow2}};
        drive.bootIndex = 0;
        config.drives = {drive};
        WorkerProcess worker;
        ControlClient& client = worker.client();
        std::vector<UniqueFd> descriptors;
        descriptors.push_back(std::move(firmware));
        descriptors.push_back(openFile(base, O_RDONLY));
        descriptors.push_back(openFile(middle, O_RDONLY));
        descriptors.push_back(openFile(top));
        auto configured = client.call(Configure{config}, std::move(descriptors));
        QVERIFY2(configured, configured ? "" : configured.error().detail.c_str());
        QVERIFY(client.call(Start{}));
        const auto exiting = client.waitFor<Exiting>();
        QVERIFY2(exiting, worker.log().c_str());
        QCOMPARE(exiting->guestExitValue, int(kCopied));
        QVERIFY(worker.waitForExit());

        QVERIFY(fileBytes(base) == disk);
        QVERIFY(fileBytes(middle) == middleBefore);
        QCOMPARE(qemuImg({QStringLiteral("check"), QStringLiteral("-q"), top}), 0);
        QCOMPARE(qemuIo(QStringLiteral("read -P 0xa5 65536 1"), top), 0);
        QCOMPARE(qemuIo(QStringLiteral("read -P 0x5a 65537 32767"), top), 0);
    }
};
VIVARIUM_TEST(BootDiskTest)

#include "boot_disk_test.moc"
