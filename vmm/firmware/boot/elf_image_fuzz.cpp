#include "vmm/firmware/boot/fuzz_memory.h"
#include "vmm/firmware/boot/elf_image.h"

// ELF files: parsing, notes, loading.
using namespace vivarium;
using namespace vivarium::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    ConstByteSpan file(data, size);
    auto elf = ElfImage::parse(file);
    if (!elf)
        return 0;
    elf->findNote("Xen", 18);
    elf->physicalEntry();
    BootLayout layout(memory(), memoryMap());
    (void)elf->load(layout);
    return 0;
}
