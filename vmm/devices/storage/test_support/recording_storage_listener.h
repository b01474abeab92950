#pragma once

#include "vmm/devices/storage/storage_listener.h"

#include <string>
#include <vector>

namespace vivarium::test {

// Remembers what drives reported.
class RecordingStorageListener final : public StorageListener {
public:
    void diskFull(const std::string& driveId, const std::string& detail) override {
        full.push_back(driveId + "|" + detail);
    }
    void diskFailed(const std::string& driveId, const std::string& detail) override {
        failed.push_back(driveId + "|" + detail);
    }
    void mediumEjected(const std::string& driveId) override { ejected.push_back(driveId); }

    std::vector<std::string> full, failed, ejected;
};

} // namespace vivarium::test
