#include "core/supervisor/machine_preparation.h"

#include "core/database/short_wait.h"
#include "core/disks/chain_resolver.h"
#include "core/provision/host_checks.h"
#include "core/supervisor/image_files.h"
#include "core/supervisor/unix_socket.h"
#include "core/supervisor/vnc_listener.h"
#include "core/supervisor/worker_log.h"
#include "vmm/control/messages.h"

#include <QFile>

#include <cerrno>

#include <fcntl.h>
#include <sys/socket.h>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

Result<void> checkSettings(const MachineSettings& settings) {
    if (const auto problems = validate(settings); !problems.isEmpty())
        return fail(ErrorCode::InvalidArgument, problems.first().message.toStdString());
    return checkHostLimits(settings, HostResources::read());
}

Result<UniqueFd> openSerialFile(const QString& path) {
    UniqueFd file(::open(QFile::encodeName(path).constData(),
                         O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600));
    if (!file)
        return systemError(
            errno,
            u"The serial port's file %1 cannot be opened for writing"_s.arg(path).toStdString());
    return file;
}

Result<OpenedFiles::Serial> openSerial(const SerialPortSettings& serial) {
    OpenedFiles::Serial files;
    switch (serial.mode) {
    case SerialMode::Disconnected:
    case SerialMode::Console:
        break;
    case SerialMode::File:
        files.file = TRY(openSerialFile(serial.path));
        break;
    case SerialMode::Socket:
        if (connectToPath(serial.path))
            return fail(
                ErrorCode::Busy,
                u"The serial port's socket %1 is in use by another program; choose another path."_s
                    .arg(serial.path)
                    .toStdString());
        files.listen = TRY(listenAtPath(serial.path));
        break;
    }
    return files;
}

Result<std::vector<OpenedImage>> openDrive(const DriveSettings& drive, const ImageFiles& images,
                                           ChainResolver& chains) {
    if (drive.path.isEmpty())
        return std::vector<OpenedImage>();
    if (drive.type == DriveType::HardDisk)
        return images.openDisk(drive, TRY(chains.resolve(drive)));
    std::vector<OpenedImage> disc;
    disc.push_back({TRY(images.openDrive(drive)), DiskFormat::Raw});
    return disc;
}

Result<OpenedFiles> openFiles(const MachineSettings& settings, const ImageFiles& images,
                              ChainResolver& chains) {
    OpenedFiles files;
    const DirectBootSettings& boot = settings.directBoot;
    if (boot.kernelPath.isEmpty()) {
        files.firmware = TRY(FirmwareFiles::open(settings.firmware));
    } else {
        files.firmware.videoRom = FirmwareFiles::openVideoRom();
        files.kernel = TRY(images.openForReading(boot.kernelPath, u"The kernel"_s));
        if (!boot.initrdPath.isEmpty())
            files.initrd = TRY(images.openForReading(boot.initrdPath, u"The initial RAM disk"_s));
        for (const QString& path : boot.modulePaths)
            files.modules.push_back(TRY(images.openForReading(path, u"The kernel module"_s)));
    }
    for (const DriveSettings& drive : settings.drives)
        files.drives.push_back(TRY(openDrive(drive, images, chains)));
    for (const SerialPortSettings& serial : settings.serialPorts)
        files.serialPorts.push_back(TRY(openSerial(serial)));
    return files;
}

Result<UniqueFd> openMemoryFile(const Machine& machine, const QString& path) {
    UniqueFd fd(::open(QFile::encodeName(path).constData(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (fd)
        return fd;
    if (errno == ENOENT)
        return fail(
            ErrorCode::NotFound,
            u"The saved state of “%1” cannot be resumed: the file %2 is gone. Put it back, or discard the saved state."_s
                .arg(machine.settings.name, path)
                .toStdString());
    return systemError(errno,
                       u"The saved state's file %1 cannot be read"_s.arg(path).toStdString());
}

Result<OpenedFiles::Restore> openMemory(const Machine& machine, const MemoryState& memory) {
    OpenedFiles::Restore files;
    files.state = TRY(openMemoryFile(machine, memory.statePath));
    files.ramIndex = TRY(openMemoryFile(machine, memory.indexPath));
    for (const QString& path : memory.files)
        files.ram.push_back(TRY(openMemoryFile(machine, path)));
    return files;
}

// Behind the machine's lock.
Result<StoredMachine> readStored(const Machine& known, LibraryStore& library) {
    const auto read = [&] {
        return library
            .run<Result<StoredMachine>>(
                [id = known.id](LibraryDatabase& database) { return database.storedMachine(id); })
            .result();
    };
    StoredMachine stored = TRY(read());
    if (stored.machine.isTemplate)
        return fail(
            ErrorCode::WrongState,
            u"“%1” is a template and cannot be started; make a linked clone of it and start that."_s
                .arg(stored.machine.settings.name)
                .toStdString());
    if (stored.unsettled)
        return fail(
            ErrorCode::Busy,
            u"An operation on the snapshots of “%1” was interrupted and is not settled yet; try again in a moment."_s
                .arg(stored.machine.settings.name)
                .toStdString());
    // The guest went on from it already, and its disks are not what they were then.
    const QString token = stored.machine.savedToken;
    if (!MachineLock::inspect(known.folder).record.usedUp(token))
        return stored;
    TRY(library
            .run<Result<void>>([id = known.id, token](LibraryDatabase& database) {
                return database.snapshots().clearSaved(id, token);
            })
            .result());
    return read();
}

// All of them go to the worker beside one message.
Result<void> checkFileCount(const WorkerConfiguration& configuration) {
    if (configuration.descriptors.size() <= static_cast<size_t>(control::kMaxDescriptors))
        return {};
    return fail(
        ErrorCode::LimitExceeded,
        u"The machine's disks and other parts need %1 files, more than %2; merge snapshots or remove disks."_s
            .arg(configuration.descriptors.size())
            .arg(control::kMaxDescriptors)
            .toStdString());
}

Result<QString> openVnc(const MachineSettings& settings, OpenedFiles& files) {
    if (!settings.vnc.enabled)
        return QString();
    VncListener listener = TRY(VncListener::open(settings.vnc));
    files.vnc = std::move(listener.socket);
    return listener.address;
}

// Another program may hold the lock for a moment to tidy up after the last run.
Result<MachineLock> acquireLock(const QString& folder) {
    constexpr std::chrono::milliseconds kPatience(60);
    Result<MachineLock> lock = fail(ErrorCode::Busy, {});
    waitUntil(
        [&] {
            lock = MachineLock::acquire(folder);
            return lock || lock.error().code != ErrorCode::Busy;
        },
        kPatience);
    return lock;
}

} // namespace

Result<PreparedMachine> prepareMachine(const Machine& known, const QList<Machine>& others,
                                       LibraryStore& library, const WorkerSockets& sockets) {
    auto lock = acquireLock(known.folder);
    if (!lock) {
        if (lock.error().code != ErrorCode::Busy)
            return lock.error();
        return fail(ErrorCode::Busy,
                    u"“%1” is running already."_s.arg(known.settings.name).toStdString());
    }
    const StoredMachine stored = TRY(readStored(known, library));
    const Machine& machine = stored.machine;
    TRY(checkSettings(machine.settings));
    const ToolInspector inspector;
    ChainResolver chains(stored.layers, inspector);
    OpenedFiles files = TRY(openFiles(machine.settings, ImageFiles(others), chains));
    PreparedMachine prepared;
    if (stored.memory) {
        files.restore = TRY(openMemory(machine, *stored.memory));
        prepared.savedToken = machine.savedToken;
    }
    prepared.learned = chains.learned();
    prepared.vncAddress = TRY(openVnc(machine.settings, files));
    files.control = TRY(sockets.listen(machine.id));
    files.lock = UniqueFd(::fcntl(lock->fd(), F_DUPFD_CLOEXEC, 0)); // shares the lock
    if (!files.lock)
        return systemError(errno, "The machine's lock cannot be passed on");
    prepared.log = TRY(worker_log::start(machine.folder));
    // From here on a crash is the machine's.
    TRY(lock->recordStart(prepared.vncAddress));
    prepared.lock = std::move(*lock);
    prepared.configuration =
        translate(machine.id, machine.settings, std::move(files), WorkerLife::UntilStopped);
    prepared.configuration.config.generationId = machine.generationId.toStdString();
    TRY(checkFileCount(prepared.configuration));
    return prepared;
}

Result<PreparedDrive> prepareDrive(const DriveSettings& drive, const QList<Machine>& others,
                                   const QList<DiskLayer>& layers) {
    const ToolInspector inspector;
    ChainResolver chains(layers, inspector);
    PreparedDrive prepared;
    prepared.images = TRY(openDrive(drive, ImageFiles(others), chains));
    prepared.learned = chains.learned();
    return prepared;
}

Result<PreparedMachine> prepareFork(const Machine& copy,
                                    std::vector<std::vector<OpenedImage>> disks,
                                    const WorkerSockets& sockets, size_t firstDescriptor) {
    MachineSettings withoutDrives = copy.settings;
    withoutDrives.drives.clear();
    const ToolInspector inspector;
    ChainResolver chains({}, inspector);
    auto lock = TRY(acquireLock(copy.folder));
    OpenedFiles files = TRY(openFiles(withoutDrives, ImageFiles({}), chains));
    files.drives = std::move(disks);
    PreparedMachine prepared;
    prepared.vncAddress = TRY(openVnc(copy.settings, files));
    TRY(sockets.prepareFolder());
    files.control = TRY(sockets.listen(copy.id));
    files.lock = UniqueFd(::fcntl(lock.fd(), F_DUPFD_CLOEXEC, 0)); // shares the lock
    if (!files.lock)
        return systemError(errno, "The machine's lock cannot be passed on");
    prepared.log = TRY(worker_log::start(copy.folder));
    TRY(lock.recordStart(prepared.vncAddress));
    prepared.lock = std::move(lock);
    prepared.configuration = translate(copy.id, copy.settings, std::move(files),
                                       WorkerLife::UntilStopped, firstDescriptor);
    prepared.configuration.config.generationId = copy.generationId.toStdString();
    return prepared;
}

Result<PreparedMachine> prepareThrowawayMachine(const MachineSettings& settings,
                                                FirstSerialPort serial) {
    TRY(checkSettings(settings));
    const ToolInspector inspector;
    ChainResolver chains({}, inspector);
    OpenedFiles files = TRY(openFiles(settings, ImageFiles({}), chains));
    PreparedMachine prepared;
    prepared.vncAddress = TRY(openVnc(settings, files));
    if (serial == FirstSerialPort::Stream && !files.serialPorts.empty()) {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
            return systemError(errno, "The serial port cannot be connected");
        prepared.serialStream = UniqueFd(ends[0]);
        files.serialPorts.front().stream = UniqueFd(ends[1]);
    }
    prepared.log = TRY(worker_log::startInMemory());
    prepared.configuration =
        translate(MachineId::createRandom(), settings, std::move(files), WorkerLife::WithClients);
    TRY(checkFileCount(prepared.configuration));
    return prepared;
}

} // namespace vivarium
