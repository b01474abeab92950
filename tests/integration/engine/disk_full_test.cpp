#include "tests/integration/engine/worker_process.h"
#include "tests/support/test_main.h"

#include <QTest>

#include <cerrno>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace vivarium;
using namespace vivarium::control;
using namespace vivarium::test;

namespace {

constexpr off_t kDiskBytes = 8 << 20;
constexpr uint8_t kAllWritten = 1;

// A boot sector that writes 2 MiB to the disk it came from, 32 KiB at a time by the BIOS's extended
// write, then tells the exit device 1, or the BIOS's error code.
constexpr uint8_t kBootCode[] = {
    0x31, 0xC0,                                // 00 xor ax, ax
    0x8E, 0xD8,                                // 02 mov ds, ax
    0xBE, 0x30,        0x7C,                   // 04 mov si, packet
    0xB8, 0x00,        0x43,                   // 07 mov ax, 0x4300
    0xCD, 0x13,                                // 0A int 0x13
    0x72, 0x13,                                // 0C jc 21
    0x83, 0x06,        0x38, 0x7C, 0x40,       // 0E add word [packet + 8], 64
    0x81, 0x3E,        0x38, 0x7C, 0x40, 0x10, // 13 cmp word [packet + 8], 64 + 4096
    0x72, 0xE9,                                // 19 jb 04
    0xB0, kAllWritten, 0xE6, 0xF4,             // 1B mov al, 1; out 0xF4, al
    0xEB, 0xFE,                                // 1F jmp $
    0x88, 0xE0,        0xE6, 0xF4, 0xEB, 0xFE, // 21 mov al, ah; out 0xF4, al; jmp $
};
// The packet at 7C30: 64 sectors from 0000:8000 to sector 64.
constexpr uint8_t kPacket[] = {0x10, 0, 64, 0, 0, 0x80, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0};

struct SmallFileSystem {
    UniqueFd disk;   // sparse, bootable
    UniqueFd filler; // what to truncate to make room
};

void sendDescriptors(int socket, int first, int second) {
    auto channel = LineChannel::create(UniqueFd(socket));
    std::vector<UniqueFd> descriptors;
    descriptors.emplace_back(first);
    descriptors.emplace_back(second);
    if (channel)
        channel->send("files", std::move(descriptors));
}

// A file system of 3 MiB with 2.5 MiB of filler, in a mount namespace that only lives on in the two
// descriptors. Invalid ones where the host does not allow it.
SmallFileSystem makeSmallFileSystem() {
    int sockets[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
        return {};
    const pid_t child = ::fork();
    if (child == 0) {
        // Root needs no user namespace and in some containers is not allowed one.
        if ((::geteuid() != 0 && ::unshare(CLONE_NEWUSER) != 0) || ::unshare(CLONE_NEWNS) != 0 ||
            ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("none", "/tmp", "tmpfs", 0, "size=3m") != 0)
            ::_exit(1);
        const int disk = ::open("/tmp/disk", O_RDWR | O_CREAT, 0600);
        const int filler = ::open("/tmp/filler", O_RDWR | O_CREAT, 0600);
        if (disk < 0 || filler < 0 || ::ftruncate(disk, kDiskBytes) != 0 ||
            ::posix_fallocate(filler, 0, 5 << 19) != 0)
            ::_exit(1);
        sendDescriptors(sockets[1], disk, filler);
        ::_exit(0);
    }
    ::close(sockets[1]);
    ::waitpid(child, nullptr, 0);
    auto channel = LineChannel::create(UniqueFd(sockets[0]));
    static_cast<void>(channel->readAvailable());
    if (!channel->nextLine())
        return {};
    auto taken = channel->takeDescriptors(2);
    if (!taken)
        return {};
    return {std::move((*taken)[0]), std::move((*taken)[1])};
}

} // namespace

// A disk image on a full file system stops the guest instead of failing its writes.
class DiskFullTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void theGuestWaitsForSpace_data() {
        QTest::addColumn<int>("bus");
        QTest::newRow("SATA") << int(DriveBus::Sata);
        QTest::newRow("virtio") << int(DriveBus::Virtio);
        QTest::newRow("NVMe") << int(DriveBus::Nvme);
    }
    void theGuestWaitsForSpace() {
        QFETCH(int, bus);
        if (const std::string reason = whyNoGuests(); !reason.empty())
            QSKIP(reason.c_str());
        const UniqueFd firmware(::open("/usr/share/seabios/bios-256k.bin", O_RDONLY | O_CLOEXEC));
        if (!firmware)
            QSKIP("the package seabios is not installed");
        SmallFileSystem files = makeSmallFileSystem();
        if (!files.disk)
            QSKIP("this host does not allow a file system of one's own");
        uint8_t sector[512] = {};
        std::memcpy(sector, kBootCode, sizeof kBootCode);
        std::memcpy(sector + 0x30, kPacket, sizeof kPacket);
        sector[510] = 0x55;
        sector[511] = 0xAA;
        QCOMPARE(::pwrite(files.disk.get(), sector, sizeof sector, 0), ssize_t(sizeof sector));

        MachineConfig config;
        config.name = "disk full";
        config.memoryBytes = 32 << 20;
        config.accelerator = control::AcceleratorChoice::Kvm;
        config.firmware.romFd = 0;
        config.exitDevice = true;
        DriveConfig drive;
        drive.id = "drive0";
        drive.bus = static_cast<DriveBus>(bus);
        drive.images = {{1}};
        drive.bootIndex = 0;
        config.drives.push_back(drive);
        WorkerProcess worker;
        ControlClient& client = worker.client();
        std::vector<UniqueFd> descriptors;
        descriptors.push_back(*firmware.duplicate());
        descriptors.push_back(std::move(files.disk));
        QVERIFY(client.call(Configure{config}, std::move(descriptors)));
        QVERIFY(client.call(Start{}));

        const auto paused = client.waitForState(MachineState::Paused);
        QVERIFY(paused);
        QCOMPARE(paused->reason, StopReason::DiskFull);
        QVERIFY(paused->detail.find("drive0") != std::string::npos);
        // Still full: the same again.
        QVERIFY(client.call(Resume{}));
        QCOMPARE(client.waitForState(MachineState::Paused)->reason, StopReason::DiskFull);

        QCOMPARE(::ftruncate(files.filler.get(), 0), 0);
        QVERIFY(client.call(Resume{}));
        const auto exiting = client.waitFor<Exiting>();
        QVERIFY(exiting);
        QCOMPARE(exiting->guestExitValue, int(kAllWritten));
    }
};
VIVARIUM_TEST(DiskFullTest)

#include "disk_full_test.moc"
