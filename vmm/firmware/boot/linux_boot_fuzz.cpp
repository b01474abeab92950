#include "vmm/firmware/boot/fuzz_memory.h"
#include "vmm/firmware/boot/linux_boot.h"

// bzImage headers and vmlinux files.
using namespace vivarium;
using namespace vivarium::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    ConstByteSpan file(data, size);
    DirectBootImages images{.kernel = file, .initrd = {}, .commandLine = "quiet", .modules = {}};
    DirectBootPlatform platform{memoryMap(), 0};
    if (isLinuxBzImage(file))
        (void)loadLinuxBzImage(images, platform, memory());
    if (isLinuxElf(file))
        (void)loadLinuxElf(images, platform, memory());
    return 0;
}
