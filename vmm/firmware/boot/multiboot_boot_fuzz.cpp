#include "vmm/firmware/boot/fuzz_memory.h"
#include "vmm/firmware/boot/multiboot_boot.h"

// multiboot headers, ELF and flat kernels.
using namespace vivarium;
using namespace vivarium::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    ConstByteSpan file(data, size);
    DirectBootImages images{.kernel = file, .initrd = {}, .commandLine = "quiet", .modules = {}};
    (void)loadMultiboot(images, {memoryMap(), 0}, memory());
    return 0;
}
