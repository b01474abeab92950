#include "vmm/firmware/tables/boot_order.h"

#include "vmm/base/log.h"

namespace vivarium {

namespace {
// "3", or "1f,2" for a function other than 0 (Open Firmware, PCI bus binding 2.2.1.3).
std::string unitAddress(unsigned pciDevice, unsigned pciFunction) {
    return pciFunction == 0 ? formatText("%x", pciDevice)
                            : formatText("%x,%x", pciDevice, pciFunction);
}
} // namespace

std::string ahciBootPath(unsigned pciDevice, unsigned pciFunction, unsigned port) {
    return "/pci@i0cf8/*@" + unitAddress(pciDevice, pciFunction) +
           formatText("/drive@%x/disk@0", port);
}

std::string pciDiskBootPath(unsigned pciDevice, unsigned pciFunction) {
    return "/pci@i0cf8/*@" + unitAddress(pciDevice, pciFunction) + "/disk@0,0";
}

std::vector<uint8_t> bootOrderFile(const std::vector<std::string>& paths, BootOrderRule rule) {
    std::string text;
    for (const std::string& path : paths)
        text += path + "\n";
    if (rule == BootOrderRule::Strict)
        text += "HALT\n";
    // Firmware treats the file as one C string.
    std::vector<uint8_t> bytes(text.begin(), text.end());
    bytes.push_back(0);
    return bytes;
}

} // namespace vivarium
