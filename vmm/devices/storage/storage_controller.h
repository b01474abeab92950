#pragma once

#include "vmm/devices/storage/drive_io.h"

#include <string>
#include <vector>

namespace vivarium {

// Present state of one drive, for `status` and the status bar.
struct DriveReport {
    enum class Kind { Disk, Optical };
    std::string id;
    Kind kind = Kind::Disk;
    bool hasMedium = false;
    bool locked = false;    // the guest has locked the tray
    uint64_t sizeBytes = 0; // of the medium; 0: none
    DriveActivity activity;
};

// What the machine does with every controller of drives, whatever its interface to the guest is.
// Device lock.
class StorageController {
public:
    virtual ~StorageController() = default;
    // Submits again what waits for space on the host (or was in flight when a state was saved).
    // Call at every resume of the machine.
    virtual void retryStalledRequests() = 0;
    // Waits until the host has finished all I/O. Completions are then in the task queue; the state
    // can be saved before or after they have run.
    virtual void drainIo() = 0;
    // Whether the host works on a request, or its completion waits in the task queue.
    virtual bool busy() const = 0;
    virtual std::vector<DriveReport> drives() const = 0;
    // The image has another size than before: the guest is told, if there is a way to.
    virtual void imageResized() = 0;
};

} // namespace vivarium
