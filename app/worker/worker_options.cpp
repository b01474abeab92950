#include "app/worker/worker_options.h"

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

#include <fcntl.h>

namespace vivarium {

namespace {

template <class T>
Result<T> parseNumber(std::string_view text, std::string_view option, T min, T max) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < min || value > max)
        return fail(ErrorCode::InvalidArgument, std::string(option) + " " + std::string(text) +
                                                    " is not a number of " + std::to_string(min) +
                                                    ".." + std::to_string(max));
    return value;
}

} // namespace

Result<WorkerOptions> parseWorkerOptions(int argc, const char* const* argv) {
    using Action = WorkerOptions::Action;
    WorkerOptions options;
    bool chosen = false;
    for (int i = 1; i < argc; ++i) {
        const std::string_view option = argv[i];
        const auto value = [&]() -> Result<std::string_view> {
            if (i + 1 >= argc)
                return fail(ErrorCode::InvalidArgument, std::string(option) + " needs a value");
            return std::string_view(argv[++i]);
        };
        if (option == "--help" || option == "-h") {
            options.action = Action::Help;
            return options;
        }
        if (option == "--version") {
            options.action = Action::Version;
            return options;
        }
        if (option == "--control-fd") {
            options.controlFd = TRY(parseNumber<int>(TRY(value()), option, 3, 1 << 20));
            if (::fcntl(options.controlFd, F_GETFD) < 0)
                return fail(ErrorCode::InvalidArgument, "--control-fd is not an open descriptor");
            options.action = Action::Machine;
            chosen = true;
        } else if (option == "--qtest") {
            options.qtest.socketPath = TRY(value());
            options.action = Action::Qtest;
            chosen = true;
        } else if (option == "--memory") {
            options.qtest.memoryMiB = TRY(parseNumber<uint64_t>(TRY(value()), option, 1, 1 << 20));
        } else if (option == "--cpus") {
            options.qtest.cpuCount = TRY(parseNumber<uint32_t>(TRY(value()), option, 1, 255));
        } else if (option == "--cdrom") {
            options.qtest.opticalPath = TRY(value());
        } else if (option == "--disk") {
            options.qtest.diskPaths.emplace_back(TRY(value()));
        } else if (option == "--virtio-disk") {
            options.qtest.virtioDiskPaths.emplace_back(TRY(value()));
        } else if (option == "--nvme-disk") {
            options.qtest.nvmeDiskPaths.emplace_back(TRY(value()));
        } else if (option == "--bios") {
            options.qtest.firmwarePath = TRY(value());
        } else if (option == "--video-rom") {
            options.qtest.videoRomPath = TRY(value());
        } else if (option == "--serial") {
            options.qtest.serialPath = TRY(value());
        } else if (option == "--exit-device") {
            options.qtest.exitDevice = true;
        } else {
            return fail(ErrorCode::InvalidArgument, "unknown option " + std::string(option));
        }
    }
    if (!chosen)
        return fail(ErrorCode::InvalidArgument, "one of --control-fd and --qtest is needed");
    return options;
}

const char* workerUsage() {
    return "Usage: vivarium-vmm --control-fd N\n"
           "       vivarium-vmm --qtest SOCKET [options]\n"
           "Runs one virtual machine. Started by vivarium and viv, not by hand.\n"
           "\n"
           "  --control-fd N   serve the control protocol on the socket with descriptor N\n"
           "  --qtest SOCKET   connect to the Unix socket and let it drive a machine without\n"
           "                   processors by the qtest protocol; its hardware:\n"
           "    --memory MIB     guest memory (128)\n"
           "    --cpus N         what the tables say (1)\n"
           "    --cdrom FILE     optical disc at SATA port 1\n"
           "    --disk FILE      disk at the next free SATA port\n"
           "    --virtio-disk FILE, --nvme-disk FILE\n"
           "                     disk at the next PCI slot from 8, from 16\n"
           "    --bios FILE      firmware image (none)\n"
           "    --video-rom FILE VGA option ROM (none)\n"
           "    --serial FILE    where COM1's output goes (nowhere)\n"
           "    --exit-device    a test exit device at port 0xF4\n"
           "  --version        print the version\n"
           "  --help           print this\n";
}

} // namespace vivarium
