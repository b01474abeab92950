#pragma once

#include "vmm/disk/chain/disk_chain.h"

namespace vivarium {

// A disk of one raw file.
inline Result<std::unique_ptr<DiskChain>> openRawDisk(UniqueFd fd, DiskChainOptions options = {}) {
    std::vector<ChainFile> files;
    files.push_back({std::move(fd), ImageFormat::Raw});
    return DiskChain::open(std::move(files), std::move(options));
}

} // namespace vivarium
