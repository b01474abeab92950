#pragma once

#include "core/model/machine_id.h"
#include "core/model/machine_settings.h"
#include "core/supervisor/firmware_files.h"
#include "core/supervisor/image_files.h"
#include "vmm/base/unique_fd.h"
#include "vmm/control/machine_config.h"

#include <vector>

namespace vivarium {

// The open files that a machine's settings name.
struct OpenedFiles {
    FirmwareFiles firmware; // not with a kernel of its own
    UniqueFd kernel, initrd;
    std::vector<UniqueFd> modules;
    // The images of each of settings.drives, base first; none: no medium.
    std::vector<std::vector<OpenedImage>> drives;
    struct Serial {
        UniqueFd file;   // SerialMode::File
        UniqueFd listen; // SerialMode::Socket
        UniqueFd stream; // instead of the port's mode: a connected socket
    };
    std::vector<Serial> serialPorts; // one for each of settings.serialPorts
    struct Restore {
        UniqueFd state; // invalid: begin with a reset
        UniqueFd ramIndex;
        std::vector<UniqueFd> ram;
    };
    Restore restore;
    UniqueFd vnc;           // listening; invalid: no VNC server
    UniqueFd lock, control; // of a machine in the library
};

// A machine as its worker gets it: the config and the descriptors that it names by index.
struct WorkerConfiguration {
    control::MachineConfig config;
    std::vector<UniqueFd> descriptors;
};

// The worker's life: until it is stopped, or as long as somebody is connected.
enum class WorkerLife { UntilStopped, WithClients };

// The only translation of MachineSettings for the worker. The settings are valid and `files`
// belongs to them. `firstDescriptor`: how many descriptors of others come before these in the
// message.
WorkerConfiguration translate(const MachineId& id, const MachineSettings& settings,
                              OpenedFiles files, WorkerLife life, size_t firstDescriptor = 0);

// One drive by itself, for a machine that runs already.
struct TranslatedDrive {
    control::DriveConfig config;
    std::vector<UniqueFd> descriptors;
};
TranslatedDrive translateDrive(const DriveSettings& drive, std::vector<OpenedImage> images);

// How the worker calls the drive: "sata0", "virtio2".
std::string driveId(const DriveSettings& drive);

} // namespace vivarium
