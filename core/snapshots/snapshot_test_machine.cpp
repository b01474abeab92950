#include "core/snapshots/snapshot_test_machine.h"

#include "core/database/library_store.h"
#include "core/database/machine_lock.h"

#include <QCoreApplication>
#include <QCryptographicHash>
#include <QDirIterator>
#include <QFile>
#include <QStandardPaths>

#include <unistd.h>

namespace vivarium::test {

using namespace Qt::StringLiterals;

namespace {

QString imageProgram() {
    return qEnvironmentVariable("VIVARIUM_BIN_DIR") + u"/vivarium-image"_s;
}

// A multiboot kernel (Multiboot 0.6.96, 3.1) that sleeps for ever: cli, hlt, jmp to the hlt.
QByteArray sleepingGuest() {
    constexpr uint32_t kMagic = 0x1BADB002, kFlags = 1 << 16, kBase = 0x100000;
    const uint32_t header[8] = {kMagic, kFlags,    0 - (kMagic + kFlags), kBase, kBase, 0,
                                0,      kBase + 32};
    return QByteArray(reinterpret_cast<const char*>(header), sizeof header) +
           QByteArray("\xFA\xF4\xEB\xFD");
}

} // namespace

QString SnapshotTestFolder::missing() {
    if (!QFile::exists(imageProgram()))
        return u"vivarium-image is not built"_s;
    for (const QString& tool : {u"qemu-img"_s, u"qemu-io"_s})
        if (QStandardPaths::findExecutable(tool).isEmpty())
            return tool + u" is not installed"_s;
    return {};
}

QString SnapshotTestFolder::useRealWorker() {
    if (const QString reason = missing(); !reason.isEmpty())
        return reason;
    const QString worker = qEnvironmentVariable("VIVARIUM_BIN_DIR") + u"/vivarium-vmm"_s;
    if (!QFile::exists(worker))
        return u"vivarium-vmm is not built"_s;
    if (::access("/dev/kvm", R_OK | W_OK) != 0)
        return u"/dev/kvm cannot be used"_s;
    qputenv("VIVARIUM_TEST_WORKER", worker.toLocal8Bit());
    return {};
}

void CrashCounters::reset() const {
    QFile file(path());
    const uint64_t numbers[] = {0, 0};
    if (!file.open(QIODevice::ReadWrite) ||
        file.write(reinterpret_cast<const char*>(numbers), sizeof numbers) != sizeof numbers)
        qFatal("crash points");
}

uint64_t CrashCounters::met() const {
    QFile file(path());
    uint64_t number = 0;
    if (!file.open(QIODevice::ReadOnly) ||
        file.read(reinterpret_cast<char*>(&number), sizeof number) != sizeof number)
        qFatal("crash points");
    return number;
}

SnapshotTestFolder::SnapshotTestFolder(const QString& base)
    : m_folder(base.isEmpty() ? QDir::tempPath() + u"/snapshots-XXXXXX"_s : base + u"/t-XXXXXX"_s) {
    QFile kernel(path() + u"/kernel"_s);
    if (kernel.open(QIODevice::WriteOnly))
        kernel.write(sleepingGuest());
}

SnapshotTestFolder::Program SnapshotTestFolder::open() const {
    Program program;
    auto library = Library::open(path() + u"/library"_s);
    if (!library)
        return program;
    program.library = std::move(*library);
    program.supervisor = std::make_unique<Supervisor>(
        *program.library,
        qEnvironmentVariable("VIVARIUM_TEST_WORKER",
                             QCoreApplication::applicationDirPath() + u"/fake_worker"_s),
        nullptr, path() + u"/run"_s);
    static_cast<void>(
        QTest::qWaitFor([&] { return program.supervisor->settled().isFinished(); }, 10'000));
    SnapshotService::Options options;
    options.imageProgram = imageProgram();
    program.service =
        std::make_unique<SnapshotService>(*program.library, *program.supervisor, options);
    static_cast<void>(
        QTest::qWaitFor([&] { return program.service->recovered().isFinished(); }, 30'000));
    QCoreApplication::processEvents();
    return program;
}

MachineId SnapshotTestFolder::add(Program& program, const QString& name, char fill) const {
    Machine machine;
    machine.settings.name = name;
    machine.settings.memoryMiB = 4;
    machine.settings.directBoot.kernelPath = path() + u"/kernel"_s;
    const auto id = program.library->add(machine).result();
    if (!id || !QTest::qWaitFor([&] { return program.library->find(*id) != nullptr; }))
        return {};
    machine = *program.library->find(*id);
    QFile disk(machine.folder + u"/disk.img"_s);
    if (!disk.open(QIODevice::WriteOnly))
        return {};
    disk.write(QByteArray(8 << 20, fill));
    disk.close();
    machine.settings.drives = {{DriveType::HardDisk, 0, disk.fileName()}};
    if (!wait(program.library->update(machine)))
        return {};
    return *id;
}

QByteArray SnapshotTestFolder::run(const QString& program, const QStringList& arguments,
                                   int* status) {
    QProcess process;
    process.setProcessChannelMode(QProcess::MergedChannels);
    process.start(program, arguments);
    process.waitForFinished(60'000);
    if (status)
        *status = process.exitStatus() == QProcess::NormalExit ? process.exitCode() : -1;
    return process.readAll();
}

QByteArray SnapshotTestFolder::contentsOf(const DriveSettings& drive) {
    QTemporaryDir folder;
    const QString raw = folder.path() + u"/raw"_s;
    int status = -1;
    const QByteArray output = run(u"qemu-img"_s,
                                  {u"convert"_s, u"-U"_s, u"-f"_s,
                                   drive.format == DiskFormat::Raw ? u"raw"_s : u"qcow2"_s, u"-O"_s,
                                   u"raw"_s, drive.path, raw},
                                  &status);
    QFile file(raw);
    if (status != 0 || !file.open(QIODevice::ReadOnly)) {
        qWarning("%s", output.constData());
        return {};
    }
    return QCryptographicHash::hash(file.readAll(), QCryptographicHash::Md5).toHex();
}

QByteArray SnapshotTestFolder::contents(Program& program, const MachineId& id) {
    const Machine* machine = program.library->find(id);
    return machine && !machine->settings.drives.isEmpty()
               ? contentsOf(machine->settings.drives.first())
               : QByteArray();
}

bool SnapshotTestFolder::write(Program& program, const MachineId& id, int value, int offsetKiB) {
    const DriveSettings drive = program.library->find(id)->settings.drives.first();
    int status = -1;
    run(u"qemu-io"_s,
        {u"-f"_s, drive.format == DiskFormat::Raw ? u"raw"_s : u"qcow2"_s, u"-c"_s,
         u"write -P %1 %2k 64k"_s.arg(value).arg(offsetKiB), drive.path},
        &status);
    return status == 0;
}

QStringList SnapshotTestFolder::complaints(Program& program, const MachineId& id) {
    const Machine* machine = program.library->find(id);
    if (!machine)
        return {u"the machine is gone"_s};
    QStringList files;
    QDirIterator walk(machine->folder, QDir::Files | QDir::Hidden, QDirIterator::Subdirectories);
    while (walk.hasNext())
        files << walk.next();
    const auto find = [&files](LibraryDatabase& database) -> Result<QStringList> {
        SnapshotDatabase rules = database.snapshots();
        QStringList list = TRY(rules.unreferenced(files));
        for (const Intent& intent : TRY(rules.intents()))
            list << u"intent %1"_s.arg(intent.id);
        for (const QString& path : TRY(rules.obsoleteFiles()))
            list << u"obsolete "_s + path;
        return list;
    };
    const auto found = program.library->store().run<Result<QStringList>>(find).result();
    QStringList list;
    for (const QString& path : found.value_or(QStringList{u"the library cannot be asked"_s}))
        if (!path.endsWith(u"/lock"_s) && !path.endsWith(u"/operation.lock"_s) &&
            !path.contains(u"worker.log"_s))
            list << path;
    for (const QString& file : files) {
        if (!file.endsWith(u".qcow2"_s))
            continue;
        int status = -1;
        const QByteArray output = run(u"qemu-img"_s, {u"check"_s, u"-U"_s, file}, &status);
        if (status != 0 && !output.contains("Failed to lock")) // a worker has it
            list << file + u": "_s + QString::fromUtf8(output);
    }
    return list;
}

} // namespace vivarium::test
