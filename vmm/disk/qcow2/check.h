#pragma once

#include "vmm/disk/qcow2/image.h"

#include <functional>
#include <string>

namespace vivarium::qcow2 {

enum class Repair { None, Leaks, All };

struct CheckReport {
    uint64_t leaks = 0;       // clusters counted higher than used: wasted space
    uint64_t corruptions = 0; // everything else: data may be lost
    uint64_t leaksFixed = 0;
    uint64_t corruptionsFixed = 0;
    uint64_t allocatedClusters = 0; // of the active disk
    uint64_t compressedClusters = 0;
    uint64_t fragmentedClusters = 0;   // not where the one before them suggests
    uint64_t totalClusters = 0;        // of the guest's disk
    uint64_t imageEndBytes = 0;        // after the last cluster in use
    std::vector<std::string> findings; // the first ones, in English

    bool clean() const { return leaks == leaksFixed && corruptions == corruptionsFixed; }
};

// Called now and then with the done and total bytes of the work; false asks for its end.
using JobProgress = std::function<bool(uint64_t doneBytes, uint64_t totalBytes)>;

// Compares what the image's tables use with its refcounts. `repair` other than None needs an image
// opened read-write with Use::Repair; nothing else may use it meanwhile. Errors: Cancelled, Corrupt
// (the tables cannot be walked), host errors.
Task<Result<CheckReport>> checkImage(Image& image, Repair repair, const JobProgress* progress);

} // namespace vivarium::qcow2
