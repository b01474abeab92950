#pragma once

#include <string>

namespace vivarium {

// What drives tell the machine. Called on the device thread with the device lock held: note it,
// act later (pausing the machine from in here would wait for itself).
class StorageListener {
public:
    virtual ~StorageListener() = default;
    // A write found no space on the host. The drive keeps the request; pause the machine, and call
    // StorageController::retryStalledRequests() when the user resumes it. May come once a request.
    virtual void diskFull(const std::string& driveId, const std::string& detail) = 0;
    // The same for any other host error of a drive whose policy is DriveErrorPolicy::Stop.
    virtual void diskFailed(const std::string& driveId, const std::string& detail) = 0;
    // The guest opened the tray: the drive has let go of its medium.
    virtual void mediumEjected(const std::string& driveId) = 0;
};

} // namespace vivarium
