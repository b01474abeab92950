#include "vmm/firmware/boot/pvh_boot.h"

#include "vmm/firmware/boot/boot_layout.h"
#include "vmm/firmware/boot/boot_registers.h"
#include "vmm/firmware/boot/elf_image.h"

namespace vivarium {

namespace {

constexpr uint32_t kPhys32EntryNote = 18; // XEN_ELFNOTE_PHYS32_ENTRY
constexpr uint32_t kStartInfoMagic = 0x336EC578;
constexpr uint32_t kStartInfoVersion = 1; // with a memory map

struct StartInfo { // struct hvm_start_info
    uint32_t magic = kStartInfoMagic;
    uint32_t version = kStartInfoVersion;
    uint32_t flags = 0;
    uint32_t moduleCount = 0;
    uint64_t moduleList = 0;
    uint64_t commandLine = 0;
    uint64_t rsdp = 0;
    uint64_t memoryMap = 0;
    uint32_t memoryMapCount = 0;
    uint32_t reserved = 0;
};
static_assert(sizeof(StartInfo) == 56);

struct ModuleEntry { // struct hvm_modlist_entry
    uint64_t address = 0;
    uint64_t sizeBytes = 0;
    uint64_t commandLine = 0;
    uint64_t reserved = 0;
};
static_assert(sizeof(ModuleEntry) == 32);

struct MemoryMapEntry { // struct hvm_memmap_table_entry
    uint64_t address = 0;
    uint64_t sizeBytes = 0;
    uint32_t type = 0; // ACPI's numbers
    uint32_t reserved = 0;
};
static_assert(sizeof(MemoryMapEntry) == 24);

template <class T>
ConstByteSpan bytesOf(const std::vector<T>& values) {
    return {reinterpret_cast<const uint8_t*>(values.data()), values.size() * sizeof(T)};
}

std::optional<uint32_t> entryOf(const ElfImage& elf) {
    auto note = elf.findNote("Xen", kPhys32EntryNote);
    if (!note)
        return std::nullopt;
    if (note->size() == 4)
        return loadLe<uint32_t>(note->data());
    if (note->size() == 8 && loadLe<uint64_t>(note->data()) <= 0xFFFFFFFF)
        return static_cast<uint32_t>(loadLe<uint64_t>(note->data()));
    return std::nullopt;
}

} // namespace

std::optional<uint32_t> pvhEntry(ConstByteSpan kernel) {
    auto elf = ElfImage::parse(kernel);
    return elf ? entryOf(*elf) : std::nullopt;
}

Result<VcpuRegisters> loadPvh(const DirectBootImages& images, const DirectBootPlatform& platform,
                              const GuestMemory& memory) {
    ElfImage elf = TRY(ElfImage::parse(images.kernel));
    auto entry = entryOf(elf);
    if (!entry)
        return fail(ErrorCode::Corrupt, "the kernel has no PVH entry");
    BootLayout layout(memory, platform.memoryMap);
    TRY(elf.load(layout));

    StartInfo info;
    info.rsdp = platform.acpiRsdp;
    info.commandLine = TRY(layout.putString("the command line", images.commandLine));

    std::vector<ModuleEntry> modules;
    auto addModule = [&](ConstByteSpan bytes, const std::string& commandLine) -> Result<void> {
        ModuleEntry module;
        module.address = TRY(layout.put("a module", bytes,
                                        {.preference = BootLayout::Place::Preference::Highest,
                                         .low = 1 << 20,
                                         .alignment = 4096}));
        module.sizeBytes = bytes.size();
        if (!commandLine.empty())
            module.commandLine = TRY(layout.putString("a module's command line", commandLine));
        modules.push_back(module);
        return {};
    };
    if (!images.initrd.empty())
        TRY(addModule(images.initrd, {}));
    for (const BootModule& module : images.modules)
        TRY(addModule(module.bytes, module.commandLine));
    if (!modules.empty()) {
        info.moduleCount = static_cast<uint32_t>(modules.size());
        info.moduleList = TRY(layout.put("the module list", bytesOf(modules), kConventionalMemory));
    }

    std::vector<MemoryMapEntry> map;
    for (const BootMemoryRange& range : platform.memoryMap)
        map.push_back({range.base, range.sizeBytes, static_cast<uint32_t>(range.type), 0});
    info.memoryMapCount = static_cast<uint32_t>(map.size());
    info.memoryMap = TRY(layout.put("the memory map", bytesOf(map), kConventionalMemory));

    VcpuRegisters registers = TRY(flatProtectedMode(layout, *entry));
    registers.rbx = TRY(layout.put("the start information",
                                   {reinterpret_cast<const uint8_t*>(&info), sizeof info},
                                   kConventionalMemory));
    return registers;
}

} // namespace vivarium
