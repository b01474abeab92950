#include "vmm/firmware/boot/multiboot_boot.h"

#include "vmm/base/log.h"
#include "vmm/firmware/boot/boot_layout.h"
#include "vmm/firmware/boot/boot_registers.h"
#include "vmm/firmware/boot/elf_image.h"

#include <algorithm>
#include <array>

namespace vivarium {

namespace {

constexpr uint32_t kHeaderMagic = 0x1BADB002;
constexpr uint32_t kLoaderMagic = 0x2BADB002;
constexpr size_t kSearchBytes = 8192; // 3.1
constexpr GuestAddress kMiB = 1 << 20;

// Header flags, 3.1.2. Bits 0 to 15 are requirements that a loader must know.
constexpr uint32_t kWantsPageAlignment = 1 << 0;
constexpr uint32_t kWantsMemoryInfo = 1 << 1;
// Met by the text mode that the screen is in; no video mode table is offered.
constexpr uint32_t kWantsVideoInfo = 1 << 2;
constexpr uint32_t kHasAddresses = 1 << 16;
constexpr uint32_t kKnownRequirements = kWantsPageAlignment | kWantsMemoryInfo | kWantsVideoInfo;
constexpr uint32_t kRequirements = 0xFFFF;

// Information flags and offsets, 3.3.
namespace info {
constexpr uint32_t kMemory = 1 << 0, kCommandLine = 1 << 2, kModules = 1 << 3, kMemoryMap = 1 << 6,
                   kLoaderName = 1 << 9;
constexpr size_t kFlags = 0, kMemoryLower = 4, kMemoryUpper = 8, kCommandLineAt = 16,
                 kModuleCount = 20, kModulesAt = 24, kMapLength = 44, kMapAt = 48,
                 kLoaderNameAt = 64;
constexpr size_t kBytes = 116;
} // namespace info

struct Header {
    uint64_t fileOffset = 0;
    uint32_t flags = 0;
    // The address fields; meaningful with kHasAddresses.
    uint32_t headerAddress = 0, loadAddress = 0, loadEnd = 0, bssEnd = 0, entry = 0;
};

std::optional<Header> findHeader(ConstByteSpan kernel) {
    const size_t end = std::min(kernel.size(), kSearchBytes);
    for (size_t offset = 0; offset + 12 <= end; offset += 4) {
        const uint8_t* at = kernel.data() + offset;
        if (loadLe<uint32_t>(at) != kHeaderMagic)
            continue;
        uint32_t flags = loadLe<uint32_t>(at + 4);
        if (kHeaderMagic + flags + loadLe<uint32_t>(at + 8) != 0)
            continue; // the checksum makes the sum zero
        Header header;
        header.fileOffset = offset;
        header.flags = flags;
        if (flags & kHasAddresses) {
            if (!rangeFits(offset, 32, kernel.size()))
                continue;
            header.headerAddress = loadLe<uint32_t>(at + 12);
            header.loadAddress = loadLe<uint32_t>(at + 16);
            header.loadEnd = loadLe<uint32_t>(at + 20);
            header.bssEnd = loadLe<uint32_t>(at + 24);
            header.entry = loadLe<uint32_t>(at + 28);
        }
        return header;
    }
    return std::nullopt;
}

struct Loaded {
    uint64_t entry;
    GuestAddress end; // first address after the kernel
};

// The header's own addresses (3.1.3): a flat file, loaded from where `loadAddress` lies in it.
Result<Loaded> loadFlat(const Header& header, ConstByteSpan kernel, BootLayout& layout) {
    if (header.loadAddress > header.headerAddress ||
        header.headerAddress - header.loadAddress > header.fileOffset)
        return fail(ErrorCode::Corrupt, "multiboot: the load address lies before the file");
    const uint64_t start = header.fileOffset - (header.headerAddress - header.loadAddress);
    uint64_t loadBytes = kernel.size() - start;
    if (header.loadEnd != 0) {
        if (header.loadEnd < header.loadAddress || header.loadEnd - header.loadAddress > loadBytes)
            return fail(ErrorCode::Corrupt,
                        "multiboot: the load end address lies outside the file");
        loadBytes = header.loadEnd - header.loadAddress;
    }
    uint64_t memoryBytes = loadBytes;
    if (header.bssEnd != 0) {
        if (header.bssEnd < header.loadAddress + loadBytes)
            return fail(ErrorCode::Corrupt, "multiboot: the bss ends before the loaded part");
        memoryBytes = header.bssEnd - header.loadAddress;
    }
    TRY(layout.claim("the kernel", header.loadAddress, memoryBytes));
    TRY(layout.write(header.loadAddress, kernel.subspan(start, loadBytes)));
    TRY(layout.fillZero(header.loadAddress + loadBytes, memoryBytes - loadBytes));
    return Loaded{header.entry, header.loadAddress + memoryBytes};
}

Result<Loaded> loadKernelImage(const Header& header, ConstByteSpan kernel, BootLayout& layout) {
    if (header.flags & kHasAddresses)
        return loadFlat(header, kernel, layout);
    if (!ElfImage::looksLikeElf(kernel))
        return fail(ErrorCode::Unsupported,
                    "multiboot: the kernel is not ELF and gives no load addresses");
    ElfImage elf = TRY(ElfImage::parse(kernel));
    GuestAddress end = TRY(elf.load(layout));
    return Loaded{elf.physicalEntry(), end};
}

uint32_t kibibytes(uint64_t bytes) {
    return static_cast<uint32_t>(std::min<uint64_t>(bytes / 1024, 0xFFFFFFFF));
}

template <class Container>
ConstByteSpan bytesOf(const Container& container) {
    return {reinterpret_cast<const uint8_t*>(container.data()),
            container.size() * sizeof(*container.data())};
}

// The kernel's information structure with what it points at.
class Information {
public:
    explicit Information(BootLayout& layout) : m_layout(layout) {}

    Result<void> addMemory() {
        // Conventional memory ends at 640 KiB, whatever the map says (3.3, mem_lower).
        set(info::kMemoryLower, std::min<uint32_t>(kibibytes(m_layout.usableBytesFrom(0)), 640));
        set(info::kMemoryUpper, kibibytes(m_layout.usableBytesFrom(kMiB)));
        m_flags |= info::kMemory;

        constexpr uint32_t kEntryBytes = 20; // without the size field itself
        std::vector<uint8_t> map;
        for (const BootMemoryRange& range : m_layout.memoryMap()) {
            std::array<uint8_t, 4 + kEntryBytes> entry{};
            storeLe<uint32_t>(entry.data(), kEntryBytes);
            storeLe<uint64_t>(entry.data() + 4, range.base);
            storeLe<uint64_t>(entry.data() + 12, range.sizeBytes);
            storeLe<uint32_t>(entry.data() + 20, static_cast<uint32_t>(range.type));
            map.insert(map.end(), entry.begin(), entry.end());
        }
        set(info::kMapLength, static_cast<uint32_t>(map.size()));
        set(info::kMapAt, TRY(m_layout.put("the memory map", map, kConventionalMemory)));
        m_flags |= info::kMemoryMap;
        return {};
    }

    Result<void> addStrings(const std::string& commandLine) {
        set(info::kCommandLineAt, TRY(m_layout.putString("the command line", commandLine)));
        set(info::kLoaderNameAt, TRY(m_layout.putString("the loader's name", "Vivarium")));
        m_flags |= info::kCommandLine | info::kLoaderName;
        return {};
    }

    // `above`: modules lie behind the kernel, where kernels look for the end of what is loaded.
    Result<void> addModules(const std::vector<BootModule>& modules, GuestAddress above) {
        std::vector<uint32_t> list; // start, end, string, reserved
        for (const BootModule& module : modules) {
            GuestAddress start = TRY(m_layout.put(
                "a module", module.bytes, {.low = std::max(above, kMiB), .alignment = 4096}));
            GuestAddress text =
                TRY(m_layout.putString("a module's command line", module.commandLine));
            list.insert(list.end(), {static_cast<uint32_t>(start),
                                     static_cast<uint32_t>(start + module.bytes.size()),
                                     static_cast<uint32_t>(text), 0});
        }
        set(info::kModuleCount, static_cast<uint32_t>(modules.size()));
        set(info::kModulesAt,
            TRY(m_layout.put("the module list", bytesOf(list), kConventionalMemory)));
        m_flags |= info::kModules;
        return {};
    }

    Result<GuestAddress> write() {
        set(info::kFlags, m_flags);
        return m_layout.put("the boot information", m_bytes, kConventionalMemory);
    }

private:
    // Everything that is pointed at lies below 4 GiB.
    void set(size_t offset, uint64_t value) {
        storeLe<uint32_t>(m_bytes.data() + offset, static_cast<uint32_t>(value));
    }

    BootLayout& m_layout;
    uint32_t m_flags = 0;
    std::array<uint8_t, info::kBytes> m_bytes{};
};

} // namespace

bool isMultiboot(ConstByteSpan kernel) {
    return findHeader(kernel).has_value();
}

Result<VcpuRegisters> loadMultiboot(const DirectBootImages& images,
                                    const DirectBootPlatform& platform, const GuestMemory& memory) {
    auto header = findHeader(images.kernel);
    if (!header)
        return fail(ErrorCode::Corrupt, "the kernel has no multiboot header");
    if (header->flags & kRequirements & ~kKnownRequirements)
        return fail(ErrorCode::Unsupported,
                    formatText("multiboot: the kernel demands features that do not exist (%#x)",
                               header->flags & kRequirements & ~kKnownRequirements));
    BootLayout layout(memory, platform.memoryMap);
    Loaded loaded = TRY(loadKernelImage(*header, images.kernel, layout));
    if (loaded.entry > 0xFFFFFFFF || loaded.end > uint64_t{1} << 32)
        return fail(ErrorCode::Unsupported, "multiboot: the kernel lies above 4 GiB");

    Information information(layout);
    TRY(information.addMemory());
    TRY(information.addStrings(images.commandLine));
    std::vector<BootModule> modules;
    if (!images.initrd.empty())
        modules.push_back({images.initrd, {}});
    modules.insert(modules.end(), images.modules.begin(), images.modules.end());
    if (!modules.empty())
        TRY(information.addModules(modules, loaded.end));

    VcpuRegisters registers = TRY(flatProtectedMode(layout, static_cast<uint32_t>(loaded.entry)));
    registers.rax = kLoaderMagic;
    registers.rbx = TRY(information.write());
    return registers;
}

} // namespace vivarium
