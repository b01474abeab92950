#pragma once

#include "core/model/machine_settings.h"
#include "vmm/base/result.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace vivarium::cli {

// The hardware options that `create`, `set` and `run` share. Only what was given is applied.
class HardwareOptions {
public:
    void addTo(CLI::App& command);
    // The format of a disk that is new to the machine, unless --disk-format states it.
    using FormatLookup = std::function<Result<DiskFormat>(const QString& path)>;
    // Changes `settings`; relative paths are made absolute. Errors: InvalidArgument, in a sentence,
    // and the lookup's.
    Result<void> apply(MachineSettings& settings, const FormatLookup& formatOf) const;
    // What disks are attached to; for a disk that is made later.
    Result<DriveBus> diskBus() const;
    // Whether --serial stdio was given; `run` then joins COM1 with standard input and output.
    bool serialOnStandardStreams() const;

private:
    Result<void> applyDrives(MachineSettings& settings, const FormatLookup& formatOf) const;

    std::optional<std::string> m_memory;
    std::optional<uint32_t> m_cpus;
    std::optional<std::string> m_firmware;
    std::optional<std::string> m_accelerator;
    std::optional<std::string> m_guestType;
    std::vector<std::string> m_opticalImages;
    std::vector<std::string> m_disks;
    std::optional<std::string> m_diskBus;
    std::optional<std::string> m_diskFormat;
    std::optional<std::string> m_kernel;
    std::optional<std::string> m_initrd;
    std::optional<std::string> m_append;
    std::vector<std::string> m_modules;
    std::vector<std::string> m_serial;
    std::vector<std::string> m_networkCards;
    std::optional<std::string> m_videoMemory;
    std::optional<std::string> m_vnc;
    std::optional<std::string> m_vncPassword;
    std::optional<std::string> m_bootOrder;
    std::optional<bool> m_bootMenu;
    std::optional<bool> m_rtcLocalTime;
    std::optional<bool> m_exitDevice;
};

// A flag and its opposite ("--x,!--no-x"); `value` stays empty when neither is given, which CLI11's
// own flags do not do.
CLI::Option* addSwitch(CLI::App& command, const char* names, std::optional<bool>& value,
                       const char* description);

// "256M", "2G", "512" (MiB) as whole MiB; nullopt for anything else.
std::optional<uint32_t> parseMiB(const std::string& text);

// Every problem as one sentence; success when there is none.
Result<void> requireValid(const MachineSettings& settings);

} // namespace vivarium::cli
