#include "vmm/firmware/boot/direct_boot.h"

#include "vmm/firmware/boot/linux_boot.h"
#include "vmm/firmware/boot/multiboot_boot.h"
#include "vmm/firmware/boot/pvh_boot.h"

namespace vivarium {

const char* kernelFormatName(KernelFormat format) {
    switch (format) {
    case KernelFormat::LinuxBzImage:
        return "Linux bzImage";
    case KernelFormat::LinuxElf:
        return "Linux ELF";
    case KernelFormat::Pvh:
        return "PVH ELF";
    case KernelFormat::Multiboot:
        return "multiboot";
    }
    return "unknown";
}

Result<KernelFormat> detectKernelFormat(ConstByteSpan kernel) {
    if (isLinuxBzImage(kernel))
        return KernelFormat::LinuxBzImage;
    // Before PVH: a kernel with both expects its modules with command lines.
    if (isMultiboot(kernel))
        return KernelFormat::Multiboot;
    if (pvhEntry(kernel))
        return KernelFormat::Pvh;
    if (isLinuxElf(kernel))
        return KernelFormat::LinuxElf;
    return fail(ErrorCode::Unsupported,
                "the file is not a kernel that can be started directly (64-bit Linux, PVH or "
                "multiboot)");
}

Result<VcpuRegisters> loadKernel(const DirectBootImages& images, const DirectBootPlatform& platform,
                                 const GuestMemory& memory) {
    switch (TRY(detectKernelFormat(images.kernel))) {
    case KernelFormat::LinuxBzImage:
        return loadLinuxBzImage(images, platform, memory);
    case KernelFormat::LinuxElf:
        return loadLinuxElf(images, platform, memory);
    case KernelFormat::Pvh:
        return loadPvh(images, platform, memory);
    case KernelFormat::Multiboot:
        return loadMultiboot(images, platform, memory);
    }
    return fail(ErrorCode::Internal, "unknown kernel format");
}

} // namespace vivarium
