#include "vmm/machine/qtest/qtest_session.h"

#include "vmm/machine/qtest/qtest_machine.h"
#include "vmm/machine/qtest/qtest_protocol.h"

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace vivarium {

namespace {

// Files opened for the machine, and the indices by which its configuration names them.
class Files {
public:
    Result<int> open(const std::string& path, int flags) {
        UniqueFd file(::open(path.c_str(), flags | O_CLOEXEC, 0666));
        if (!file)
            return systemError(errno, path);
        m_descriptors.push_back(std::move(file));
        return static_cast<int>(m_descriptors.size() - 1);
    }
    std::vector<UniqueFd> take() { return std::move(m_descriptors); }

private:
    std::vector<UniqueFd> m_descriptors;
};

Result<std::unique_ptr<QtestMachine>> buildMachine(const QtestOptions& options) {
    constexpr uint32_t kOpticalPort = 1;
    Files files;
    control::MachineConfig config;
    config.name = "qtest";
    config.memoryBytes = options.memoryMiB << 20;
    config.cpuCount = options.cpuCount;
    config.exitDevice = options.exitDevice;
    config.firmware.kind = control::FirmwareKind::None;
    if (!options.firmwarePath.empty()) {
        config.firmware.kind = control::FirmwareKind::Bios;
        config.firmware.romFd = TRY(files.open(options.firmwarePath, O_RDONLY));
    }
    if (!options.videoRomPath.empty())
        config.firmware.videoRomFd = TRY(files.open(options.videoRomPath, O_RDONLY));
    control::DriveConfig optical;
    optical.id = "sata1";
    optical.kind = control::DriveKind::Optical;
    optical.port = kOpticalPort;
    if (!options.opticalPath.empty())
        optical.images = {{TRY(files.open(options.opticalPath, O_RDONLY))}};
    config.drives.push_back(std::move(optical));
    uint32_t port = 0;
    for (const std::string& path : options.diskPaths) {
        port += port == kOpticalPort ? 1 : 0;
        control::DriveConfig disk;
        disk.id = "sata" + std::to_string(port);
        disk.port = port++;
        disk.images = {{TRY(files.open(path, O_RDWR))}};
        config.drives.push_back(std::move(disk));
    }
    const auto addPciDisks = [&](const std::vector<std::string>& paths, control::DriveBus bus,
                                 const char* prefix) -> Result<void> {
        constexpr size_t kMaxPciDisks = 8;
        if (paths.size() > kMaxPciDisks)
            return fail(ErrorCode::InvalidArgument, "there are slots for 8 disks of a kind");
        for (uint32_t index = 0; index < paths.size(); ++index) {
            control::DriveConfig disk;
            disk.id = prefix + std::to_string(index);
            disk.bus = bus;
            disk.port = index;
            disk.images = {{TRY(files.open(paths[index], O_RDWR))}};
            config.drives.push_back(std::move(disk));
        }
        return {};
    };
    TRY(addPciDisks(options.virtioDiskPaths, control::DriveBus::Virtio, "virtio"));
    TRY(addPciDisks(options.nvmeDiskPaths, control::DriveBus::Nvme, "nvme"));
    control::SerialConfig serial;
    if (!options.serialPath.empty()) {
        serial.kind = control::SerialKind::File;
        serial.outputFd = TRY(files.open(options.serialPath, O_WRONLY | O_CREAT | O_TRUNC));
    }
    config.serialPorts.push_back(serial);
    return QtestMachine::create(config, ConfigDescriptors(files.take()));
}

struct Peer {
    UniqueFd input, output;
};

Result<Peer> connectPeer(std::string path) {
    Peer peer;
    if (path == "-") {
        peer.input.reset(::dup(STDIN_FILENO));
        peer.output.reset(::dup(STDOUT_FILENO));
        return peer;
    }
    if (path.starts_with("unix:"))
        path.erase(0, 5);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        return fail(ErrorCode::InvalidArgument, "the socket's path is empty or too long");
    std::memcpy(address.sun_path, path.data(), path.size());
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket)
        return systemError(errno, "create socket");
    if (::connect(socket.get(), generic, sizeof address) != 0) {
        if (errno != ENOENT)
            return systemError(errno, path);
        if (::bind(socket.get(), generic, sizeof address) != 0 || ::listen(socket.get(), 1) != 0)
            return systemError(errno, path);
        UniqueFd accepted(::accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
        ::unlink(path.c_str());
        if (!accepted)
            return systemError(errno, path);
        socket = std::move(accepted);
    }
    peer.output = TRY(socket.duplicate());
    peer.input = std::move(socket);
    return peer;
}

Result<void> writeAll(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno != EINTR)
            return systemError(errno, "write reply");
        text.remove_prefix(written > 0 ? static_cast<size_t>(written) : 0);
    }
    return {};
}

} // namespace

Result<int> runQtest(const QtestOptions& options) {
    const auto machine = TRY(buildMachine(options));
    QtestProtocol protocol(*machine);
    const Peer peer = TRY(connectPeer(options.socketPath));
    std::string buffer;
    std::vector<char> chunk(64 * 1024);
    for (;;) {
        const ssize_t count = ::read(peer.input.get(), chunk.data(), chunk.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return 0; // the client has left
        buffer.append(chunk.data(), static_cast<size_t>(count));
        size_t start = 0;
        for (size_t end; (end = buffer.find('\n', start)) != std::string::npos; start = end + 1) {
            const std::string reply =
                protocol.execute(std::string_view(buffer).substr(start, end - start));
            if (!writeAll(peer.output.get(), reply))
                return 0;
            if (const auto value = machine->exitValue())
                return (*value << 1 | 1) & 0xFF;
            if (machine->poweredOff())
                return 0;
        }
        buffer.erase(0, start);
        if (buffer.size() > QtestProtocol::kMaxLineBytes)
            return fail(ErrorCode::LimitExceeded, "a qtest command is too long");
    }
}

} // namespace vivarium
