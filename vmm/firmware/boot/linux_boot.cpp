#include "vmm/firmware/boot/linux_boot.h"

#include "vmm/base/log.h"
#include "vmm/firmware/boot/boot_layout.h"
#include "vmm/firmware/boot/boot_registers.h"
#include "vmm/firmware/boot/elf_image.h"

#include <algorithm>
#include <array>
#include <bit>

namespace vivarium {

namespace {

constexpr uint64_t kSectorBytes = 512;
constexpr GuestAddress kMiB = 1 << 20;

// Offsets in struct boot_params; those from 0x1F1 are the setup header's, in the file as well.
namespace field {
constexpr size_t kVideoMode = 0x006, kVideoColumns = 0x007, kVideoLines = 0x00E, kIsVga = 0x00F,
                 kFontPoints = 0x010;
constexpr size_t kAcpiRsdp = 0x070, kE820Count = 0x1E8;
constexpr size_t kSetupSectors = 0x1F1, kBootFlag = 0x1FE, kJumpOffset = 0x201, kMagic = 0x202,
                 kVersion = 0x206, kLoaderType = 0x210, kLoadFlags = 0x211, kRamdisk = 0x218,
                 kRamdiskBytes = 0x21C, kCommandLine = 0x228, kRamdiskMax = 0x22C,
                 kAlignment = 0x230, kRelocatable = 0x234, kExtendedFlags = 0x236,
                 kCommandLineBytes = 0x238, kPreferredAddress = 0x258, kInitBytes = 0x260;
constexpr size_t kHeaderEnd = 0x290; // what follows belongs to other fields
constexpr size_t kE820Table = 0x2D0;
} // namespace field

constexpr size_t kBootParamsBytes = 4096;
constexpr size_t kMaxE820 = 128; // E820_MAX_ENTRIES_ZEROPAGE
constexpr size_t kE820EntryBytes = 20;
constexpr uint16_t kBootFlagValue = 0xAA55;
constexpr uint32_t kMagicValue = 0x53726448; // "HdrS"
// The first with a preferred address and the memory that unpacking needs.
constexpr uint16_t kVersionWithPlace = 0x020A;
constexpr uint16_t kVersionWithExtendedFlags = 0x020C;
constexpr uint8_t kUndefinedLoader = 0xFF;
constexpr uint8_t kLoadedHigh = 1 << 0;
constexpr uint16_t kHas64BitEntry = 1 << 0;
constexpr uint64_t k64BitEntry = 0x200;

// Where the kernel is entered (Documentation/arch/x86/boot.rst, 32-bit and 64-bit boot protocol).
struct Entry {
    enum class Mode { Protected32, Long64 } mode = Mode::Long64;
    GuestAddress address = 0; // below 4 GiB
};

using BootParams = std::array<uint8_t, kBootParamsBytes>;

// Limits that the kernel states, or that hold for every kernel.
struct Limits {
    uint64_t commandLineBytes = 2047;
    GuestAddress ramdiskEnd = 0x80000000;
};

Result<void> putE820(BootParams& params, const std::vector<BootMemoryRange>& map) {
    if (map.size() > kMaxE820)
        return fail(ErrorCode::LimitExceeded, "the memory map has too many entries for Linux");
    params[field::kE820Count] = static_cast<uint8_t>(map.size());
    uint8_t* entry = params.data() + field::kE820Table;
    for (const BootMemoryRange& range : map) {
        storeLe<uint64_t>(entry, range.base);
        storeLe<uint64_t>(entry + 8, range.sizeBytes);
        storeLe<uint32_t>(entry + 16, static_cast<uint32_t>(range.type));
        entry += kE820EntryBytes;
    }
    return {};
}

// The 80x25 colour text mode that the machine is in when nobody set another.
void putTextScreen(BootParams& params) {
    params[field::kVideoMode] = 3;
    params[field::kVideoColumns] = 80;
    params[field::kVideoLines] = 25;
    params[field::kIsVga] = 1;
    params[field::kFontPoints] = 16;
}

// Everything behind the kernel itself: initrd, command line, boot_params, processor state.
Result<VcpuRegisters> finish(BootLayout& layout, BootParams& params, const Entry& entry,
                             const Limits& limits, const DirectBootImages& images,
                             const DirectBootPlatform& platform) {
    if (images.commandLine.size() > limits.commandLineBytes)
        return fail(ErrorCode::LimitExceeded,
                    formatText("the kernel takes a command line of at most %llu characters, this "
                               "one has %zu",
                               static_cast<unsigned long long>(limits.commandLineBytes),
                               images.commandLine.size()));
    if (!images.initrd.empty()) {
        GuestAddress address = TRY(layout.put("the initrd", images.initrd,
                                              {.preference = BootLayout::Place::Preference::Highest,
                                               .low = kMiB,
                                               .high = limits.ramdiskEnd,
                                               .alignment = 4096}));
        // Below 4 GiB, both of them: `high` is.
        storeLe<uint32_t>(params.data() + field::kRamdisk, static_cast<uint32_t>(address));
        storeLe<uint32_t>(params.data() + field::kRamdiskBytes,
                          static_cast<uint32_t>(images.initrd.size()));
    }
    GuestAddress commandLine = TRY(layout.putString("the command line", images.commandLine));
    storeLe<uint32_t>(params.data() + field::kCommandLine, static_cast<uint32_t>(commandLine));
    params[field::kLoaderType] = kUndefinedLoader;
    params[field::kLoadFlags] |= kLoadedHigh;
    storeLe<uint64_t>(params.data() + field::kAcpiRsdp, platform.acpiRsdp);
    putTextScreen(params);
    TRY(putE820(params, platform.memoryMap));

    BootLayout::Place place = kConventionalMemory;
    place.alignment = 4096;
    GuestAddress address = TRY(layout.put("the boot parameters", params, place));
    VcpuRegisters registers =
        entry.mode == Entry::Mode::Long64
            ? TRY(identityLongMode(layout, entry.address))
            : TRY(flatProtectedMode(layout, static_cast<uint32_t>(entry.address)));
    registers.rsi = address;
    return registers;
}

} // namespace

bool isLinuxBzImage(ConstByteSpan kernel) {
    return kernel.size() >= field::kVersion + 2 &&
           loadLe<uint16_t>(kernel.data() + field::kBootFlag) == kBootFlagValue &&
           loadLe<uint32_t>(kernel.data() + field::kMagic) == kMagicValue;
}

bool isLinuxElf(ConstByteSpan kernel) {
    auto elf = ElfImage::parse(kernel);
    if (!elf || elf->width() != ElfImage::Width::Bits64)
        return false;
    constexpr std::string_view kBanner = "Linux version ";
    for (const ElfImage::Segment& segment : elf->segments())
        if (::memmem(segment.bytes.data(), segment.bytes.size(), kBanner.data(), kBanner.size()))
            return true;
    return false;
}

Result<VcpuRegisters> loadLinuxBzImage(const DirectBootImages& images,
                                       const DirectBootPlatform& platform,
                                       const GuestMemory& memory) {
    const ConstByteSpan file = images.kernel;
    if (!isLinuxBzImage(file) || file.size() < field::kHeaderEnd)
        return fail(ErrorCode::Corrupt, "the Linux kernel is truncated");
    const uint8_t* header = file.data();
    // Older ones, and programs that only look like a kernel (iPXE's ipxe.lkrn), begin in real mode
    // and ask a BIOS, which a direct start does without.
    const uint16_t version = loadLe<uint16_t>(header + field::kVersion);
    if (version < kVersionWithPlace || !(header[field::kLoadFlags] & kLoadedHigh))
        return fail(
            ErrorCode::Unsupported,
            formatText("the kernel (Linux boot protocol %u.%02u%s) can only be started by a "
                       "BIOS; start it from a CD or a disk with a boot loader, such as "
                       "isolinux or GRUB",
                       version >> 8, version & 0xFFu,
                       header[field::kLoadFlags] & kLoadedHigh ? "" : ", zImage"));
    const bool has64BitEntry = version >= kVersionWithExtendedFlags &&
                               (loadLe<uint16_t>(header + field::kExtendedFlags) & kHas64BitEntry);

    const uint64_t setupSectors = header[field::kSetupSectors] ? header[field::kSetupSectors] : 4;
    const uint64_t setupBytes = (setupSectors + 1) * kSectorBytes;
    if (setupBytes >= file.size() || file.size() - setupBytes <= k64BitEntry)
        return fail(ErrorCode::Corrupt, "the Linux kernel is truncated");
    const ConstByteSpan code = file.subspan(setupBytes);

    const uint64_t alignment = loadLe<uint32_t>(header + field::kAlignment);
    if (!std::has_single_bit(alignment) || alignment > (1u << 30))
        return fail(ErrorCode::Corrupt, "the Linux kernel wants an impossible alignment");
    const uint64_t preferred = loadLe<uint64_t>(header + field::kPreferredAddress);
    // The kernel unpacks itself within init_size bytes of where it is put.
    const uint64_t needed =
        std::max<uint64_t>(loadLe<uint32_t>(header + field::kInitBytes), code.size());

    BootLayout layout(memory, platform.memoryMap);
    GuestAddress base = preferred;
    const bool fits = preferred >= kMiB && preferred % alignment == 0 &&
                      rangeFits(preferred, needed, uint64_t{1} << 32) &&
                      layout.available(preferred, needed);
    if (fits)
        TRY(layout.claim("the kernel", base, needed));
    else if (header[field::kRelocatable])
        base = TRY(layout.take("the kernel", needed, {.low = kMiB, .alignment = alignment}));
    else
        return fail(ErrorCode::LimitExceeded,
                    formatText("the kernel must lie at %#llx and needs %llu KiB there; give the "
                               "guest more memory",
                               static_cast<unsigned long long>(preferred),
                               static_cast<unsigned long long>((needed + 1023) / 1024)));
    TRY(layout.write(base, code));

    // The header in the file ends where the jump over it lands.
    const size_t headerEnd =
        std::min<size_t>(field::kMagic + header[field::kJumpOffset], field::kHeaderEnd);
    BootParams params{};
    std::copy(file.begin() + field::kSetupSectors, file.begin() + static_cast<ptrdiff_t>(headerEnd),
              params.begin() + field::kSetupSectors);

    Limits limits;
    limits.commandLineBytes = loadLe<uint32_t>(header + field::kCommandLineBytes);
    limits.ramdiskEnd = uint64_t{loadLe<uint32_t>(header + field::kRamdiskMax)} + 1;
    const Entry entry = has64BitEntry ? Entry{Entry::Mode::Long64, base + k64BitEntry}
                                      : Entry{Entry::Mode::Protected32, base};
    return finish(layout, params, entry, limits, images, platform);
}

Result<VcpuRegisters> loadLinuxElf(const DirectBootImages& images,
                                   const DirectBootPlatform& platform, const GuestMemory& memory) {
    ElfImage elf = TRY(ElfImage::parse(images.kernel));
    BootLayout layout(memory, platform.memoryMap);
    GuestAddress end = TRY(elf.load(layout));
    if (end > uint64_t{1} << 32 || elf.entry() >= end)
        return fail(ErrorCode::Unsupported, "the Linux kernel wants to start above 4 GiB");
    // There is no header to copy; these tell the kernel that the parameters are valid.
    BootParams params{};
    storeLe<uint16_t>(params.data() + field::kBootFlag, kBootFlagValue);
    storeLe<uint32_t>(params.data() + field::kMagic, kMagicValue);
    storeLe<uint16_t>(params.data() + field::kVersion, kVersionWithExtendedFlags);
    storeLe<uint32_t>(params.data() + field::kAlignment, 1 << 24);
    storeLe<uint32_t>(params.data() + field::kCommandLineBytes, 2047);
    return finish(layout, params, {Entry::Mode::Long64, elf.entry()}, {}, images, platform);
}

} // namespace vivarium
