#include "vmm/machine/snapshot_files.h"

#include <utility>

namespace vivarium {

Result<RamImage> openRamImage(const control::RamImageConfig& config, ConfigDescriptors& descriptors,
                              uint64_t ramBytes) {
    const UniqueFd index = TRY(descriptors.take(config.indexFd, "the index of the saved memory"));
    std::vector<UniqueFd> files;
    for (const control::FileConfig& file : config.files)
        files.push_back(TRY(descriptors.take(file.fd, "a file of the saved memory")));
    return RamImage::open(index, std::move(files), ramBytes);
}

} // namespace vivarium
