#pragma once

#include "vmm/base/bytes.h"
#include "vmm/base/guest_address.h"
#include "vmm/base/result.h"
#include "vmm/bus/vcpu.h"
#include "vmm/memory/guest_memory.h"

#include <cstdint>
#include <string>
#include <vector>

namespace vivarium {

// One line of the memory map that firmware would report (the numbers are ACPI's address range
// types, ACPI 6.4, table 15.2).
struct BootMemoryRange {
    enum class Type : uint32_t { Usable = 1, Reserved = 2, AcpiReclaimable = 3, AcpiNvs = 4 };
    GuestAddress base = 0;
    uint64_t sizeBytes = 0;
    Type type = Type::Usable;
};

// A file loaded beside the kernel, with its own command line (multiboot and PVH).
struct BootModule {
    ConstByteSpan bytes;
    std::string commandLine;
};

// What a direct boot starts from. The bytes are borrowed, foreign and hostile; keep them for as
// long as the machine lives: every reset loads them again.
struct DirectBootImages {
    ConstByteSpan kernel;
    ConstByteSpan initrd; // may be empty; a multiboot kernel gets it as its first module
    std::string commandLine;
    std::vector<BootModule> modules;
};

// What the machine tells the kernel about itself.
struct DirectBootPlatform {
    std::vector<BootMemoryRange> memoryMap; // ascending, not overlapping
    GuestAddress acpiRsdp = 0;              // 0: the kernel searches 0xE0000..0xFFFFF
};

enum class KernelFormat {
    LinuxBzImage, // Linux boot protocol 2.10 or later, 64-bit or 32-bit entry
    LinuxElf,     // uncompressed 64-bit vmlinux
    Pvh,          // ELF with note 18 (XEN_ELFNOTE_PHYS32_ENTRY)
    Multiboot,    // multiboot 1
};

const char* kernelFormatName(KernelFormat format);

// Recognises a kernel by its content. Error: Unsupported, saying what the file is not.
Result<KernelFormat> detectKernelFormat(ConstByteSpan kernel);

// Writes kernel, initrd or modules, command line and boot information into `memory` and returns the
// registers with which the first vCPU starts. Errors: Corrupt (the kernel file), LimitExceeded
// (memory too small, command line too long), Unsupported.
Result<VcpuRegisters> loadKernel(const DirectBootImages& images, const DirectBootPlatform& platform,
                                 const GuestMemory& memory);

} // namespace vivarium
