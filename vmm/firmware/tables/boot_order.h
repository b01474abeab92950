#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vivarium {

// Open Firmware paths by which fw_cfg's "bootorder" names boot devices. `pciDevice` 0..31,
// `pciFunction` 0..7.
std::string ahciBootPath(unsigned pciDevice, unsigned pciFunction, unsigned port);
std::string pciDiskBootPath(unsigned pciDevice, unsigned pciFunction); // virtio-blk, NVMe

enum class BootOrderRule {
    Preferred, // what is not listed comes after
    Strict,    // nothing else is tried
};

// The file's bytes, first choice first.
std::vector<uint8_t> bootOrderFile(const std::vector<std::string>& paths, BootOrderRule rule);

} // namespace vivarium
