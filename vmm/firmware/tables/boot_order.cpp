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
    // One C string; a newline at its end would be one more, empty, choice.
    std::string text;
    for (const std::string& path : paths)
        text += (text.empty() ? "" : "\n") + path;
    if (rule == BootOrderRule::Strict)
        text += text.empty() ? "HALT" : "\nHALT";
    std::vector<uint8_t> bytes(text.begin(), text.end());
    bytes.push_back(0);
    return bytes;
}

} // namespace vivarium
