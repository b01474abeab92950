#include "core/supervisor/supervisor.h"

#include "core/database/lock_file.h"
#include "core/database/machine_lock.h"
#include "core/database/operation_lock.h"
#include "core/provision/host_checks.h"
#include "core/supervisor/worker_log.h"
#include "tests/support/test_main.h"

#include <QCoreApplication>
#include <QDir>
#include <QFile>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <csignal>

#include <fcntl.h>
#include <unistd.h>

namespace vivarium::test {

// The supervisor with a worker that has no guest (test_support/fake_worker.cpp).
class SupervisorTest : public QObject {
    Q_OBJECT

    // One program: its own view of the library and its own supervisor.
    struct Program {
        std::unique_ptr<Library> library;
        std::unique_ptr<Supervisor> supervisor;
    };
    Program open() const {
        Program program;
        auto library = Library::open(m_folder->path() + QStringLiteral("/library"));
        if (!library)
            return program;
        program.library = std::move(*library);
        program.supervisor = std::make_unique<Supervisor>(
            *program.library,
            QCoreApplication::applicationDirPath() + QStringLiteral("/fake_worker"), nullptr,
            m_folder->path() + QStringLiteral("/run"));
        return program;
    }
    // Adds a machine without firmware needs: a kernel starts it.
    MachineId add(Program& program, const QString& name,
                  const std::function<void(Machine&)>& change = {}) {
        Machine machine;
        machine.settings.name = name;
        machine.settings.memoryMiB = 4;
        machine.settings.directBoot.kernelPath = m_folder->path() + QStringLiteral("/kernel");
        if (change)
            change(machine);
        const auto id = program.library->add(machine).result();
        if (!id || !QTest::qWaitFor([&] { return program.library->find(*id) != nullptr; }))
            return {};
        return *id;
    }
    static Result<void> wait(const QFuture<Result<void>>& future) {
        if (!QTest::qWaitFor([&] { return future.isFinished(); }, 20'000))
            return fail(ErrorCode::Timeout, "the test waited in vain");
        return future.resultCount() ? future.result()
                                    : Result<void>(fail(ErrorCode::Cancelled, ""));
    }
    static bool reaches(Program& program, const MachineId& id, MachineState state) {
        return QTest::qWaitFor([&] { return program.supervisor->status(id).state == state; },
                               20'000);
    }
    static qint64 workerPid(Program& program, const MachineId& id) {
        const auto reply = program.supervisor->connection(id)->send(control::Status{});
        if (!QTest::qWaitFor([&] { return reply.isFinished(); }) || !reply.result())
            return 0;
        return reply.result()->value.pid;
    }
    static QList<MachineEvent::Kind> history(Program& program, const MachineId& id) {
        QList<MachineEvent::Kind> kinds;
        for (const MachineEvent& event : program.library->events(id).result())
            kinds << event.kind;
        return kinds;
    }

    using Kind = MachineEvent::Kind;

private Q_SLOTS:
    void init() {
        m_folder = std::make_unique<QTemporaryDir>();
        QFile kernel(m_folder->path() + QStringLiteral("/kernel"));
        QVERIFY(kernel.open(QIODevice::WriteOnly));
        kernel.write("kernel");
    }
    void cleanup() {
        // What a failed test left running.
        Program program = open();
        if (!program.library)
            return;
        for (const Machine& machine : program.library->machines())
            if (program.supervisor->connection(machine.id))
                wait(program.supervisor->powerOff(machine.id)).has_value();
    }

    void aMachineRunsAndIsPoweredOff() {
        Program program = open();
        const auto id = add(program, QStringLiteral("one"));
        QCOMPARE(program.supervisor->status(id).state, MachineState::PoweredOff);
        QSignalSpy spy(program.supervisor.get(), &Supervisor::statusChanged);
        const auto started = wait(program.supervisor->start(id));
        QVERIFY2(started, started ? "" : started.error().detail.c_str());
        QVERIFY(program.supervisor->connection(id));
        QVERIFY(reaches(program, id, MachineState::Running));
        QCOMPARE(MachineLock::inspect(program.library->find(id)->folder).holder,
                 MachineLock::Holder::Worker);

        QVERIFY(wait(program.supervisor->pause(id)));
        QVERIFY(reaches(program, id, MachineState::Paused));
        QVERIFY(wait(program.supervisor->resume(id)));
        QVERIFY(reaches(program, id, MachineState::Running));
        QVERIFY(wait(program.supervisor->powerOff(id)));

        QCOMPARE(program.supervisor->status(id).state, MachineState::PoweredOff);
        QCOMPARE(program.supervisor->status(id).reason, StopReason::User);
        QVERIFY(!program.supervisor->connection(id));
        QCOMPARE(MachineLock::inspect(program.library->find(id)->folder).holder,
                 MachineLock::Holder::Nobody);
        QVERIFY(QDir(m_folder->path() + QStringLiteral("/run"))
                    .entryList(QDir::Files | QDir::System)
                    .isEmpty());
        QCOMPARE(history(program, id), (QList<Kind>{Kind::Created, Kind::Started, Kind::Paused,
                                                    Kind::Resumed, Kind::Stopped}));
        QVERIFY(spy.size() >= 5);
        QTRY_VERIFY(!program.library->find(id)->lastSeenRunning);
    }

    void theGuestsOwnEndIsToldFromACrash() {
        Program program = open();
        const auto id = add(program, QStringLiteral("one"));
        QVERIFY(wait(program.supervisor->start(id)));
        QVERIFY(wait(program.supervisor->powerButton(id)));
        QVERIFY(reaches(program, id, MachineState::PoweredOff));
        QCOMPARE(program.supervisor->status(id).reason, StopReason::GuestShutdown);

        QVERIFY(wait(program.supervisor->start(id)));
        static_cast<void>(program.supervisor->reset(id)); // the fake crashes
        QVERIFY(reaches(program, id, MachineState::Aborted));
        const QString detail = program.supervisor->status(id).detail;
        QVERIFY2(detail.contains(QStringLiteral("signal 9")) &&
                     detail.contains(QStringLiteral("these are my last words")),
                 qPrintable(detail));
        QCOMPARE(history(program, id).last(), Kind::Aborted);
        QTRY_VERIFY(program.library->find(id)->lastSeenRunning);
    }

    void anAbortedMachineStaysSoUntilItStarts() {
        Program program = open();
        const auto id = add(program, QStringLiteral("one"));
        QVERIFY(wait(program.supervisor->start(id)));
        QCOMPARE(::kill(static_cast<pid_t>(workerPid(program, id)), SIGKILL), 0);
        QVERIFY(reaches(program, id, MachineState::Aborted));

        Program later = open();
        QTRY_VERIFY(later.supervisor->settled().isFinished());
        QCOMPARE(later.supervisor->status(id).state, MachineState::Aborted);
        QCOMPARE(history(later, id).count(Kind::Aborted), 1);
        QVERIFY(wait(later.supervisor->start(id)));
        QVERIFY(wait(later.supervisor->powerOff(id)));
        QCOMPARE(later.supervisor->status(id).state, MachineState::PoweredOff);
    }

    void workersOutliveTheirSupervisor() {
        MachineId id;
        {
            Program program = open();
            id = add(program, QStringLiteral("one"));
            QVERIFY(wait(program.supervisor->start(id)));
            QVERIFY(wait(program.supervisor->pause(id)));
        }
        Program program = open();
        QVERIFY(!program.supervisor->connection(id));
        QTRY_VERIFY(program.supervisor->settled().isFinished());
        QVERIFY(program.supervisor->connection(id));
        QCOMPARE(program.supervisor->status(id).state, MachineState::Paused);
        QCOMPARE(program.supervisor->status(id).reason, StopReason::User);
        const auto again = wait(program.supervisor->start(id));
        QVERIFY(!again);
        QCOMPARE(again.error().code, ErrorCode::Busy);
        QVERIFY(wait(program.supervisor->powerOff(id)));
    }

    void whatEndsUnwatchedIsNoCrash() {
        MachineId id;
        {
            Program program = open();
            id = add(program, QStringLiteral("one"));
            QVERIFY(wait(program.supervisor->start(id)));
            // The reply is lost with the supervisor; the worker ends all the same.
            static_cast<void>(program.supervisor->powerButton(id));
        }
        QTRY_COMPARE(
            MachineLock::inspect(m_folder->path() + QStringLiteral("/library/machines/one")).holder,
            MachineLock::Holder::Nobody);
        Program program = open();
        QTRY_VERIFY(program.supervisor->settled().isFinished());
        QCOMPARE(program.supervisor->status(id).state, MachineState::PoweredOff);
        QCOMPARE(program.supervisor->status(id).reason, StopReason::GuestShutdown);
        QTRY_COMPARE(history(program, id).last(), Kind::Stopped);
        QTRY_VERIFY(!program.library->find(id)->lastSeenRunning);
    }

    void twoProgramsSeeTheSame() {
        Program one = open();
        Program two = open();
        const auto id = add(one, QStringLiteral("shared"));
        QVERIFY(wait(one.supervisor->start(id)));
        QVERIFY(reaches(two, id, MachineState::Running));
        QTRY_VERIFY(two.supervisor->connection(id));
        QVERIFY(wait(two.supervisor->pause(id)));
        QVERIFY(reaches(one, id, MachineState::Paused));
        QVERIFY(wait(two.supervisor->powerOff(id)));
        QVERIFY(reaches(one, id, MachineState::PoweredOff));
        QCOMPARE(history(one, id).count(Kind::Stopped), 1); // once, although both noticed
        QVERIFY(wait(two.supervisor->start(id)));
        QVERIFY(reaches(one, id, MachineState::Running));
        QCOMPARE(::kill(static_cast<pid_t>(workerPid(two, id)), SIGKILL), 0);
        QVERIFY(reaches(one, id, MachineState::Aborted));
        QVERIFY(reaches(two, id, MachineState::Aborted));
        QCOMPARE(history(one, id).count(Kind::Aborted), 1);
    }

    void failedStartsSayWhy_data() {
        QTest::addColumn<QString>("name");
        QTest::addColumn<int>("code");
        QTest::addColumn<QString>("words");
        const auto row = [](const char* name, ErrorCode code, const char* words) {
            QTest::newRow(name) << QString::fromLatin1(name) << static_cast<int>(code)
                                << QString::fromLatin1(words);
        };
        row("refuse", ErrorCode::Unavailable, "load the module");
        row("die", ErrorCode::Internal, "I cannot go on");
        row("no kernel", ErrorCode::NotFound, "does not exist");
        row("too much memory", ErrorCode::LimitExceeded, "more than");
        row("no disk", ErrorCode::NotFound, "/no/such/disk");
        row("uefi", ErrorCode::Unsupported, "BIOS machines only");
        row("lost folder", ErrorCode::NotFound, "lock file");
    }
    void failedStartsSayWhy() {
        QFETCH(QString, name);
        QFETCH(int, code);
        QFETCH(QString, words);
        Program program = open();
        const auto id = add(program, name, [&](Machine& machine) {
            MachineSettings& settings = machine.settings;
            if (name == QStringLiteral("no kernel"))
                settings.directBoot.kernelPath = QStringLiteral("/no/such/kernel");
            if (name == QStringLiteral("too much memory"))
                settings.memoryMiB =
                    static_cast<uint32_t>((HostResources::read().memoryBytes >> 20) + 1);
            if (name == QStringLiteral("no disk"))
                settings.drives = {
                    {DriveType::HardDisk, 0, QStringLiteral("/no/such/disk"), false}};
            if (name == QStringLiteral("uefi")) {
                settings.directBoot = {};
                settings.firmware = Firmware::Uefi;
            }
        });
        if (name == QStringLiteral("lost folder"))
            QVERIFY(QDir().rmdir(program.library->find(id)->folder));
        const auto started = wait(program.supervisor->start(id));
        QVERIFY(!started);
        const QString detail = QString::fromStdString(started.error().detail);
        QVERIFY2(detail.contains(words), qPrintable(detail));
        QCOMPARE(static_cast<int>(started.error().code), code);
        QCOMPARE(program.supervisor->status(id).state, MachineState::PoweredOff);
        QCOMPARE(history(program, id).last(), Kind::Failed);
        // The next program tells the same.
        Program later = open();
        QTRY_VERIFY(later.supervisor->settled().isFinished());
        QCOMPARE(later.supervisor->status(id).state, MachineState::PoweredOff);
    }

    // Also when that was noticed and nobody has looked again since.
    void aMachineStartsOnceItsLockIsFree() {
        Program program = open();
        const auto id = add(program, QStringLiteral("one"));
        QVERIFY(wait(program.supervisor->start(id)));
        QVERIFY(wait(program.supervisor->powerOff(id)));
        {
            const auto held = MachineLock::acquire(program.library->find(id)->folder);
            QVERIFY(held);
            program.library->setLastSeenRunning(id, true);
            QTRY_COMPARE(program.supervisor->status(id).state, MachineState::Starting);
            QCOMPARE(wait(program.supervisor->start(id)).error().code, ErrorCode::Busy);
        }
        const auto started = wait(program.supervisor->start(id));
        QVERIFY2(started, started ? "" : started.error().detail.c_str());
    }

    void aStartCanBeCancelled() {
        Program program = open();
        const auto id = add(program, QStringLiteral("hang"));
        auto start = program.supervisor->start(id);
        QTRY_COMPARE(MachineLock::inspect(program.library->find(id)->folder).record.started, true);
        start.cancel();
        QVERIFY(reaches(program, id, MachineState::PoweredOff));
        QTRY_COMPARE(MachineLock::inspect(program.library->find(id)->folder).holder,
                     MachineLock::Holder::Nobody);
        Program later = open();
        QTRY_VERIFY(later.supervisor->settled().isFinished());
        QCOMPARE(later.supervisor->status(id).state, MachineState::PoweredOff);
    }

    void aStartCanBeCancelledWhileItIsPrepared() {
        Program program = open();
        const auto id = add(program, QStringLiteral("hang"));
        program.supervisor->start(id).cancel();
        QVERIFY(reaches(program, id, MachineState::PoweredOff));
        QCOMPARE(MachineLock::inspect(program.library->find(id)->folder).holder,
                 MachineLock::Holder::Nobody);
        QVERIFY(!MachineLock::inspect(program.library->find(id)->folder).record.unfinished());
    }

    void requestsToAMachineThatDoesNotRunAreRefused() {
        Program program = open();
        const auto id = add(program, QStringLiteral("one"));
        for (const auto& future : {program.supervisor->pause(id), program.supervisor->powerOff(id),
                                   program.supervisor->powerButton(id)})
            QCOMPARE(wait(future).error().code, ErrorCode::WrongState);
        QCOMPARE(wait(program.supervisor->start(MachineId::createRandom())).error().code,
                 ErrorCode::NotFound);
    }

    void mediaOfAStoppedMachineAreStored() {
        Program program = open();
        const QString medium = m_folder->path() + QStringLiteral("/a.iso");
        QFile file(medium);
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(QByteArray(4096, 'x'));
        file.close();
        const auto id = add(program, QStringLiteral("one"), [](Machine& machine) {
            machine.settings.drives = {{DriveType::Optical, 2, {}, false}};
        });
        using Eject = Supervisor::Eject;
        QVERIFY(wait(program.supervisor->changeMedium(id, 2, medium, Eject::Ask)));
        QCOMPARE(program.library->find(id)->settings.drives.at(0).path, medium);
        const auto missing = wait(
            program.supervisor->changeMedium(id, 2, QStringLiteral("/no/such.iso"), Eject::Ask));
        QCOMPARE(missing.error().code, ErrorCode::NotFound);
        QCOMPARE(program.library->find(id)->settings.drives.at(0).path, medium);
        QVERIFY(wait(program.supervisor->changeMedium(id, 2, {}, Eject::Ask)));
        QVERIFY(program.library->find(id)->settings.drives.at(0).path.isEmpty());
        QCOMPARE(wait(program.supervisor->changeMedium(id, 0, {}, Eject::Ask)).error().code,
                 ErrorCode::NotFound);
    }

    void drivesComeAndGoWhileTheGuestRuns() {
        const auto file = [this](const char* name) {
            QFile image(m_folder->path() + u'/' + QString::fromLatin1(name));
            if (!image.open(QIODevice::WriteOnly) || !image.resize(1 << 20))
                qFatal("cannot make %s", name);
            return image.fileName();
        };
        const DriveSettings first{DriveType::HardDisk, 0, file("first"), false};
        const DriveSettings second{DriveType::HardDisk, 3, file("second"), false};
        const DriveSettings disc{DriveType::Optical, 1, {}, false};
        Program program = open();
        const auto id = add(program, QStringLiteral("one"));
        const auto drives = [&] { return program.library->find(id)->settings.drives; };
        using Eject = Supervisor::Eject;
        // While it is off only the settings change.
        QVERIFY(wait(program.supervisor->attachDrive(id, first)));
        QCOMPARE(drives(), QList{first});
        QVERIFY(wait(program.supervisor->start(id)));
        QVERIFY(wait(program.supervisor->attachDrive(id, second)));
        QVERIFY(wait(program.supervisor->attachDrive(id, disc)));
        QCOMPARE(drives(), (QList{first, disc, second}));
        // The worker has the file, and its lock.
        const auto locked = [](const QString& path) {
            const UniqueFd fd(::open(qPrintable(path), O_RDWR | O_CLOEXEC));
            struct flock lock {};
            lock.l_type = F_WRLCK;
            lock.l_whence = SEEK_SET;
            return ::fcntl(fd.get(), F_OFD_SETLK, &lock) != 0;
        };
        QVERIFY(locked(second.path));

        DriveSettings taken = second;
        taken.path = file("third");
        QCOMPARE(wait(program.supervisor->attachDrive(id, taken)).error().code,
                 ErrorCode::InvalidArgument);
        taken.port = 5;
        taken.path = m_folder->path() + QStringLiteral("/missing");
        QCOMPARE(wait(program.supervisor->attachDrive(id, taken)).error().code,
                 ErrorCode::NotFound);
        QCOMPARE(drives().size(), 3);
        {
            const auto lock = OperationLock::acquire(program.library->find(id)->folder);
            QVERIFY(lock);
            QCOMPARE(wait(program.supervisor->detachDrive(id, DriveBus::Sata, 3, Eject::Ask))
                         .error()
                         .code,
                     ErrorCode::Busy);
        }
        QVERIFY(wait(program.supervisor->detachDrive(id, DriveBus::Sata, 3, Eject::Ask)));
        QCOMPARE(drives(), (QList{first, disc}));
        QVERIFY(!locked(second.path));
        QCOMPARE(
            wait(program.supervisor->detachDrive(id, DriveBus::Sata, 3, Eject::Ask)).error().code,
            ErrorCode::NotFound);
        QVERIFY(wait(program.supervisor->resizeDrive(id, DriveBus::Sata, 0, 2 << 20)));

        // What a dialog does: all at once.
        DriveSettings loaded = disc;
        loaded.path = m_folder->path() + QStringLiteral("/kernel"); // too small for a medium
        const auto refused =
            wait(program.supervisor->changeDrives(id, {first, disc}, {first, loaded, second}));
        QCOMPARE(refused.error().code, ErrorCode::Corrupt);
        QVERIFY(wait(program.supervisor->changeDrives(id, {first, disc}, {second})));
        QCOMPARE(drives(), QList{second});
        QVERIFY(wait(program.supervisor->powerOff(id)));
        QCOMPARE(wait(program.supervisor->resizeDrive(id, DriveBus::Sata, 3, 2 << 20)).error().code,
                 ErrorCode::WrongState);
        QVERIFY(wait(program.supervisor->detachDrive(id, DriveBus::Sata, 3, Eject::Ask)));
        QVERIFY(drives().isEmpty());
    }

    void aDriveThatCannotBeStoredIsTakenBack() {
        QFile image(m_folder->path() + QStringLiteral("/fourth"));
        QVERIFY(image.open(QIODevice::WriteOnly) && image.resize(1 << 20));
        Program program = open();
        const auto id = add(program, QStringLiteral("one"));
        QVERIFY(wait(program.supervisor->start(id)));
        const DriveSettings drive{DriveType::HardDisk, 5, image.fileName(), false};
        QFuture<Result<void>> attaching;
        {
            const auto lock = OperationLock::acquire(program.library->find(id)->folder);
            QVERIFY(lock);
            attaching = program.supervisor->attachDrive(id, drive); // waits for the lock
            Machine changed = *program.library->find(id);
            changed.settings.drives = {{DriveType::Optical, 5, {}, false}};
            QVERIFY(wait(program.library->update(changed)));
        }
        QCOMPARE(wait(attaching).error().code, ErrorCode::InvalidArgument);
        QCOMPARE(program.library->find(id)->settings.drives.size(), 1);
        const UniqueFd fd(::open(qPrintable(image.fileName()), O_RDWR | O_CLOEXEC));
        QVERIFY(fd && !isLockHeld(fd.get())); // the worker has closed it
        QVERIFY(wait(program.supervisor->powerOff(id)));
    }

    void theVncAddressIsKnownToEveryProgram() {
        Program one = open();
        const auto id = add(one, QStringLiteral("one"),
                            [](Machine& machine) { machine.settings.vnc.enabled = true; });
        QVERIFY(wait(one.supervisor->start(id)));
        const QString address = one.supervisor->vncAddress(id);
        QVERIFY(address.startsWith(QStringLiteral("127.0.0.1:59")));
        Program two = open();
        QTRY_VERIFY(two.supervisor->connection(id));
        QCOMPARE(two.supervisor->vncAddress(id), address);
        QVERIFY(wait(two.supervisor->powerOff(id)));
        QVERIFY(two.supervisor->vncAddress(id).isEmpty());
    }

    void aRemovedMachineIsForgotten() {
        Program program = open();
        const auto id = add(program, QStringLiteral("one"));
        QVERIFY(wait(program.supervisor->start(id)));
        const auto refused = wait(program.library->remove(id, Library::Files::Delete));
        QCOMPARE(refused.error().code, ErrorCode::WrongState);
        QVERIFY(wait(program.supervisor->powerOff(id)));
        const QString folder = program.library->find(id)->folder;
        QVERIFY(QFile::exists(worker_log::path(folder)));
        QVERIFY(wait(program.library->remove(id, Library::Files::Delete)));
        QTRY_COMPARE(program.supervisor->status(id).state, MachineState::PoweredOff);
        QVERIFY(!QDir(folder).exists());
    }

private:
    std::unique_ptr<QTemporaryDir> m_folder;
};

} // namespace vivarium::test

using vivarium::test::SupervisorTest;
VIVARIUM_TEST(SupervisorTest)
#include "supervisor_test.moc"
