#include "tests/integration/engine/guest_code.h"
#include "tests/integration/engine/worker_process.h"
#include "tests/support/test_main.h"

#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

#include <array>
#include <memory>

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace vivarium;
using namespace vivarium::control;
using namespace vivarium::test;

namespace {

constexpr uint64_t kMiB = 1 << 20;

// Each byte on the serial line is answered with the next number, which a word of memory keeps.
Code countingGuest() {
    return {0xBA, 0xFD, 0x03, 0x00, 0x00,       // again: mov edx, 0x3FD (line status)
            0xEC, 0xA8, 0x01,                   // in al, dx; test al, 1
            0x74, 0xFB,                         // jz to the in
            0xB2, 0xF8, 0xEC,                   // mov dl, 0xF8; in al, dx
            0xFE, 0x05, 0x00, 0x00, 0x30, 0x00, // inc byte [0x300000]
            0xA0, 0x00, 0x00, 0x30, 0x00,       // mov al, [0x300000]
            0xEE, 0xEB, 0xE5};                  // out dx, al; jmp again
}

// Descriptors beside a request, by index.
class Descriptors {
public:
    int add(UniqueFd fd) {
        m_list.push_back(std::move(fd));
        return static_cast<int>(m_list.size()) - 1;
    }
    std::vector<UniqueFd> take() { return std::move(m_list); }

private:
    std::vector<UniqueFd> m_list;
};

} // namespace

// Snapshots, saved states and forks through a sandboxed worker.
class SnapshotJobTest : public QObject {
    Q_OBJECT
    QTemporaryDir m_folder;

    QString path(const QString& name) const { return m_folder.filePath(name); }
    UniqueFd openFile(const QString& name, int mode) const {
        return UniqueFd(::open(qPrintable(path(name)), mode | O_CREAT | O_CLOEXEC, 0600));
    }

    struct Taken {
        QStringList ram; // as the index counts them
        QString state, index;
        QStringList disk; // base first, frozen
    };

    MachineConfig config(Descriptors& files, const QStringList& disk) const {
        MachineConfig config = kernelConfig();
        config.serialPorts.push_back({});
        DriveConfig drive;
        drive.id = "sata0";
        for (const QString& name : disk)
            drive.images.push_back(
                {files.add(openFile(name, name == disk.last() ? O_RDWR : O_RDONLY)),
                 name.endsWith(QStringLiteral(".raw")) ? DiskFormat::Raw : DiskFormat::Qcow2});
        config.drives.push_back(drive);
        return config;
    }
    static UniqueFd serial(ControlClient& client) {
        client.descriptors().clear();
        if (!client.call(AttachSerial{0}) || client.descriptors().empty())
            return {};
        return std::move(client.descriptors().front());
    }
    static int ask(const UniqueFd& serial) {
        pollfd wait{serial.get(), POLLIN, 0};
        uint8_t number = 0;
        if (::write(serial.get(), "?", 1) != 1 || ::poll(&wait, 1, 20'000) != 1 ||
            ::read(serial.get(), &number, 1) != 1)
            return -1;
        return number;
    }
    Result<void> begin(WorkerProcess& worker, const QStringList& disk, uint64_t memoryMiB = 32) {
        Descriptors files;
        files.add(multibootGuest(countingGuest()));
        MachineConfig machine = config(files, disk);
        machine.memoryBytes = memoryMiB * kMiB;
        TRY(worker.client().call(Configure{machine}, files.take()));
        TRY(worker.client().call(Start{}));
        return {};
    }
    // Adds a snapshot's empty files and the drive's new layer to the request.
    TakeSnapshot request(const QString& name, Descriptors& files, const QString& below,
                         const Taken* parent = nullptr) const {
        TakeSnapshot take;
        take.stateFd = files.add(openFile(name + QStringLiteral(".state"), O_RDWR));
        take.ramFd = files.add(openFile(name + QStringLiteral(".ram"), O_RDWR));
        take.ramIndexFd = files.add(openFile(name + QStringLiteral(".index"), O_RDWR));
        if (parent) {
            take.parentRam.indexFd = files.add(openFile(parent->index, O_RDONLY));
            for (const QString& ram : parent->ram)
                take.parentRam.files.push_back({files.add(openFile(ram, O_RDONLY))});
        }
        if (!below.isEmpty()) {
            OverlayConfig overlay;
            overlay.drive = "sata0";
            overlay.fd = files.add(openFile(name + QStringLiteral(".qcow2"), O_RDWR));
            overlay.backingName = below.toStdString();
            overlay.backingFormat =
                below.endsWith(QStringLiteral(".raw")) ? DiskFormat::Raw : DiskFormat::Qcow2;
            take.overlays.push_back(overlay);
        }
        return take;
    }
    Result<TakeSnapshotReply> take(WorkerProcess& worker, const QString& name, const QString& below,
                                   const Taken* parent = nullptr) {
        Descriptors files;
        const TakeSnapshot wanted = request(name, files, below, parent);
        return worker.client().call(wanted, files.take());
    }
    // A machine that goes on from `taken`; its disk gets the layer `top`.
    Result<void> restore(WorkerProcess& worker, const Taken& taken, const QString& top) {
        if (QProcess::execute(QStringLiteral("qemu-img"),
                              {QStringLiteral("create"), QStringLiteral("-q"), QStringLiteral("-f"),
                               QStringLiteral("qcow2"), QStringLiteral("-F"),
                               taken.disk.last().endsWith(QStringLiteral(".raw"))
                                   ? QStringLiteral("raw")
                                   : QStringLiteral("qcow2"),
                               QStringLiteral("-b"), path(taken.disk.last()), path(top)}) != 0)
            return fail(ErrorCode::Internal, "qemu-img create failed");
        Descriptors files;
        files.add(multibootGuest(countingGuest()));
        MachineConfig machine = config(files, taken.disk + QStringList{top});
        machine.memoryBytes = 32 * kMiB;
        machine.restore.stateFd = files.add(openFile(taken.state, O_RDONLY));
        machine.restore.ram.indexFd = files.add(openFile(taken.index, O_RDONLY));
        for (const QString& ram : taken.ram)
            machine.restore.ram.files.push_back({files.add(openFile(ram, O_RDONLY))});
        TRY(worker.client().call(Configure{machine}, files.take()));
        TRY(worker.client().call(Start{}));
        return {};
    }
    void makeDisk(const QString& name) const {
        QVERIFY(::ftruncate(openFile(name, O_RDWR).get(), 4 * kMiB) == 0);
    }
    int check(const QString& name) const {
        return QProcess::execute(QStringLiteral("qemu-img"),
                                 {QStringLiteral("check"), QStringLiteral("-q"), path(name)});
    }

private Q_SLOTS:
    void initTestCase() {
        if (const std::string reason = whyNoGuests(); !reason.empty())
            QSKIP(reason.c_str());
        QVERIFY(m_folder.isValid());
    }

    void aSnapshotIsRestoredAgainAndAgain() {
        makeDisk(QStringLiteral("a.raw"));
        WorkerProcess worker;
        QVERIFY(begin(worker, {QStringLiteral("a.raw")}));
        const UniqueFd line = serial(worker.client());
        QCOMPARE(ask(line), 1);
        QCOMPARE(ask(line), 2);
        const auto first = take(worker, QStringLiteral("a1"), QStringLiteral("a.raw"));
        QVERIFY2(first, first ? "" : first.error().detail.c_str());
        QVERIFY(first->writtenRamBytes > 0 && first->writtenRamBytes < 4 * kMiB);
        QCOMPARE(ask(line), 3); // the guest goes on
        const Taken one{{QStringLiteral("a1.ram")},
                        QStringLiteral("a1.state"),
                        QStringLiteral("a1.index"),
                        {QStringLiteral("a.raw")}};
        const auto second = take(worker, QStringLiteral("a2"), QStringLiteral("a1.qcow2"), &one);
        QVERIFY2(second, second ? "" : second.error().detail.c_str());
        QVERIFY(second->writtenRamBytes <= first->writtenRamBytes);
        QCOMPARE(ask(line), 4);
        const Taken two{{QStringLiteral("a2.ram"), QStringLiteral("a1.ram")},
                        QStringLiteral("a2.state"),
                        QStringLiteral("a2.index"),
                        {QStringLiteral("a.raw"), QStringLiteral("a1.qcow2")}};
        QVERIFY(worker.client().call(PowerOff{}));
        QCOMPARE(worker.waitForExit(), 0);
        QCOMPARE(check(QStringLiteral("a1.qcow2")), 0);
        QCOMPARE(check(QStringLiteral("a2.qcow2")), 0);

        for (int round = 0; round < 2; ++round) {
            WorkerProcess again;
            const auto restored = restore(again, one, QStringLiteral("one%1.qcow2").arg(round));
            QVERIFY2(restored, restored ? "" : restored.error().detail.c_str());
            const UniqueFd restoredLine = serial(again.client());
            QCOMPARE(ask(restoredLine), 3);
            WorkerProcess other;
            QVERIFY(restore(other, two, QStringLiteral("two%1.qcow2").arg(round)));
            const UniqueFd otherLine = serial(other.client());
            QCOMPARE(ask(otherLine), 4);
            QCOMPARE(ask(restoredLine), 4);
            // A restored machine is one like any other.
            QVERIFY(take(again, QStringLiteral("again%1").arg(round),
                         QStringLiteral("one%1.qcow2").arg(round), &one));
        }
    }

    void aDamagedSnapshotIsRefusedByName() {
        makeDisk(QStringLiteral("d.raw"));
        WorkerProcess worker;
        QVERIFY(begin(worker, {QStringLiteral("d.raw")}));
        QVERIFY(take(worker, QStringLiteral("d1"), QStringLiteral("d.raw")));
        const Taken taken{{QStringLiteral("d1.ram")},
                          QStringLiteral("d1.state"),
                          QStringLiteral("d1.index"),
                          {QStringLiteral("d.raw")}};
        const UniqueFd state = openFile(taken.state, O_RDWR);
        QCOMPARE(::pwrite(state.get(), "XXXX", 4, 600), ssize_t(4));
        WorkerProcess again;
        const auto restored = restore(again, taken, QStringLiteral("d2.qcow2"));
        QVERIFY(!restored);
        QCOMPARE(restored.error().code, ErrorCode::Corrupt);
        QVERIFY2(restored.error().detail.find("section") != std::string::npos,
                 restored.error().detail.c_str());
    }

    void aCancelledSnapshotLeavesTheGuestRunning() {
        makeDisk(QStringLiteral("c.raw"));
        WorkerProcess worker;
        QVERIFY(begin(worker, {QStringLiteral("c.raw")}, 1024));
        const UniqueFd line = serial(worker.client());
        QCOMPARE(ask(line), 1);
        Descriptors files;
        const TakeSnapshot wanted = request(QStringLiteral("c1"), files, {});
        const int64_t number = worker.client().send(wanted, files.take());
        QVERIFY(worker.client().waitFor<JobProgress>()); // of a gigabyte
        Descriptors others;
        const TakeSnapshot meanwhile = request(QStringLiteral("c2"), others, {});
        const auto busy = worker.client().call(meanwhile, others.take());
        QVERIFY(!busy);
        QCOMPARE(busy.error().code, ErrorCode::Busy);
        QVERIFY(worker.client().call(CancelJob{}));
        const auto cancelled = worker.client().reply<TakeSnapshot>(number);
        QVERIFY(!cancelled);
        QCOMPARE(cancelled.error().code, ErrorCode::Cancelled);
        QCOMPARE(ask(line), 2);
        QVERIFY(take(worker, QStringLiteral("c3"), QStringLiteral("c.raw")));
        QCOMPARE(ask(line), 3);
    }

    void whatCannotBeWrittenIsSaid() {
        makeDisk(QStringLiteral("w.raw"));
        WorkerProcess worker;
        QVERIFY(begin(worker, {QStringLiteral("w.raw")}));
        const UniqueFd line = serial(worker.client());
        Descriptors files;
        TakeSnapshot wanted = request(QStringLiteral("w1"), files, {});
        UniqueFd full(::memfd_create("full", MFD_CLOEXEC | MFD_ALLOW_SEALING));
        QCOMPARE(::fcntl(full.get(), F_ADD_SEALS, F_SEAL_GROW), 0);
        wanted.ramFd = files.add(std::move(full));
        const auto taken = worker.client().call(wanted, files.take());
        QVERIFY(!taken);
        QVERIFY(!taken.error().detail.empty());
        QCOMPARE(ask(line), 1);
        TakeSnapshot without;
        QVERIFY(!worker.client().call(without)); // no files at all
        QCOMPARE(ask(line), 2);
    }

    void aSavedMachineEndsAndGoesOn() {
        makeDisk(QStringLiteral("s.raw"));
        WorkerProcess worker;
        QVERIFY(begin(worker, {QStringLiteral("s.raw")}));
        {
            const UniqueFd line = serial(worker.client());
            QCOMPARE(ask(line), 1);
        }
        Descriptors files;
        TakeSnapshot wanted = request(QStringLiteral("s1"), files, {});
        wanted.thenPowerOff = true;
        const auto saved = worker.client().call(wanted, files.take());
        QVERIFY2(saved, saved ? "" : saved.error().detail.c_str());
        const auto exiting = worker.client().waitFor<Exiting>();
        QVERIFY(exiting);
        QCOMPARE(exiting->reason, StopReason::Saved);
        QCOMPARE(worker.waitForExit(), 0);
        WorkerProcess again;
        QVERIFY(restore(again,
                        {{QStringLiteral("s1.ram")},
                         QStringLiteral("s1.state"),
                         QStringLiteral("s1.index"),
                         {QStringLiteral("s.raw")}},
                        QStringLiteral("s2.qcow2")));
        const UniqueFd line = serial(again.client());
        QCOMPARE(ask(line), 2);
    }

    void forksGoOnByThemselves() {
        constexpr int kCount = 5;
        makeDisk(QStringLiteral("f.raw"));
        WorkerProcess worker;
        QVERIFY(begin(worker, {QStringLiteral("f.raw")}));
        const UniqueFd line = serial(worker.client());
        for (int number = 1; number <= 3; ++number)
            QCOMPARE(ask(line), number);
        for (int round = 0; round < 2; ++round) { // a fork can be forked
            const QString frozen =
                round == 0 ? QStringLiteral("f.raw") : QStringLiteral("f-own0.qcow2");
            const QStringList below =
                round == 0 ? QStringList{frozen} : QStringList{QStringLiteral("f.raw"), frozen};
            Descriptors files;
            Fork fork;
            const auto layer = [&](int fd) {
                return OverlayConfig{"sata0", fd, frozen.toStdString(),
                                     round == 0 ? DiskFormat::Raw : DiskFormat::Qcow2};
            };
            const QString own = QStringLiteral("f-own%1.qcow2").arg(round);
            fork.overlays.push_back(layer(files.add(openFile(own, O_RDWR))));
            std::vector<std::unique_ptr<ControlClient>> clients;
            for (int i = 0; i < kCount; ++i) {
                std::array<int, 2> pair{};
                QCOMPARE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
                clients.push_back(std::make_unique<ControlClient>(UniqueFd(pair[0])));
                CloneConfig clone;
                clone.controlFd = files.add(UniqueFd(pair[1]));
                const QString top = QStringLiteral("f%1-%2.qcow2").arg(round).arg(i);
                clone.config = config(files, below + QStringList{top});
                clone.config.kernel.kernelFd = files.add(multibootGuest(countingGuest()));
                clone.config.memoryBytes = 32 * kMiB;
                clone.config.name = "clone " + std::to_string(i);
                clone.overlays.push_back(layer(clone.config.drives.front().images.back().fd));
                fork.clones.push_back(clone);
            }
            const auto forked = worker.client().call(fork, files.take());
            QVERIFY2(forked, forked ? "" : forked.error().detail.c_str());
            const int next = 4 + round;
            for (int i = 0; i < kCount; ++i) {
                const auto hello = clients[size_t(i)]->waitFor<Hello>();
                QVERIFY(hello);
                QCOMPARE(hello->machineName, "clone " + std::to_string(i));
                QCOMPARE(hello->state, MachineState::Running);
                const UniqueFd clonesLine = serial(*clients[size_t(i)]);
                for (int more = 0; more <= i; ++more) // each at its own pace
                    QCOMPARE(ask(clonesLine), next + more);
            }
            QCOMPARE(ask(line), next);
            for (auto& client : clients) {
                QVERIFY(client->call(PowerOff{}));
                QVERIFY(client->waitFor<Exiting>());
                QVERIFY(client->waitForEnd());
            }
        }
        QCOMPARE(ask(line), 6);
        // qemu-img wants no locks of others on the layers below.
        QVERIFY(worker.client().call(PowerOff{}));
        QCOMPARE(worker.waitForExit(), 0);
        for (int round = 0; round < 2; ++round)
            for (int i = 0; i < kCount; ++i)
                QCOMPARE(check(QStringLiteral("f%1-%2.qcow2").arg(round).arg(i)), 0);
    }

    void aMergedLayerIsGoneWhileTheGuestRuns() {
        makeDisk(QStringLiteral("m.raw"));
        WorkerProcess worker;
        QVERIFY(begin(worker, {QStringLiteral("m.raw")}));
        const UniqueFd line = serial(worker.client());
        QVERIFY(take(worker, QStringLiteral("m1"), QStringLiteral("m.raw")));
        QVERIFY(take(worker, QStringLiteral("m2"), QStringLiteral("m1.qcow2")));
        Descriptors files;
        MergeLayers merge;
        merge.drive = "sata0";
        merge.kind = MergeKind::Stream; // m1 goes into m2
        merge.upper = 2;
        merge.backingName = path(QStringLiteral("m.raw")).toStdString();
        const auto streamed = worker.client().call(merge, files.take());
        QVERIFY2(streamed, streamed ? "" : streamed.error().detail.c_str());
        merge.kind = MergeKind::Commit; // m2 goes into m.raw
        merge.upper = 1;
        merge.backingName.clear();
        merge.targetFd = files.add(openFile(QStringLiteral("m.raw"), O_RDWR));
        const auto committed = worker.client().call(merge, files.take());
        QVERIFY2(committed, committed ? "" : committed.error().detail.c_str());
        merge.targetFd = -1;
        QVERIFY(!worker.client().call(merge)); // one layer is left
        merge.drive = "sata5";
        QVERIFY(!worker.client().call(merge));
        QCOMPARE(ask(line), 1);
    }
};

VIVARIUM_TEST(SnapshotJobTest)
#include "snapshot_job_test.moc"
