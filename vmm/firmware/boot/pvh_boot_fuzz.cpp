#include "vmm/firmware/boot/fuzz_memory.h"
#include "vmm/firmware/boot/pvh_boot.h"

// PVH notes and kernels.
using namespace vivarium;
using namespace vivarium::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    ConstByteSpan file(data, size);
    DirectBootImages images{.kernel = file, .initrd = {}, .commandLine = "quiet", .modules = {}};
    (void)loadPvh(images, {memoryMap(), 0}, memory());
    return 0;
}
