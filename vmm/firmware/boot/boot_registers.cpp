#include "vmm/firmware/boot/boot_registers.h"

#include <array>

namespace vivarium {

namespace {

// Selectors of the Linux boot protocol (__BOOT_CS, __BOOT_DS); the others take any.
constexpr uint16_t kCodeSelector = 0x10;
constexpr uint16_t kDataSelector = 0x18;
constexpr uint16_t kTaskSelector = 0x20;

// Attributes as in SegmentRegister: present, accessed, 4 KiB granularity.
constexpr uint16_t kCode32 = 0xC09B;
constexpr uint16_t kCode64 = 0xA09B;
constexpr uint16_t kData = 0xC093;
constexpr uint16_t kBusyTask = 0x008B;
constexpr uint16_t kLocalTable = 0x0082;

constexpr uint64_t kCr0Protected = 1 << 0;
constexpr uint64_t kCr0ExtensionType = 1 << 4;
constexpr uint64_t kCr0Paging = uint64_t{1} << 31;
constexpr uint64_t kCr4PhysicalAddressExtension = 1 << 5;
constexpr uint64_t kEferLongModeEnable = 1 << 8;
constexpr uint64_t kEferLongModeActive = 1 << 10;

// A descriptor with base 0 and a limit of 4 GiB (Intel SDM 3A, figure 3-8).
constexpr uint64_t flatDescriptor(uint16_t attributes) {
    return 0x000F'0000'0000'FFFF | uint64_t{attributes & 0xFFu} << 40 |
           uint64_t{(attributes >> 12) & 0xFu} << 52;
}

ConstByteSpan bytesOf(const std::vector<uint64_t>& words) {
    return {reinterpret_cast<const uint8_t*>(words.data()), words.size() * sizeof(uint64_t)};
}

Result<VcpuRegisters> flatSegments(BootLayout& layout, uint16_t codeAttributes) {
    // Null, unused, code, data, a 16-bit task segment of no use but to be valid.
    const std::vector<uint64_t> table{0, 0, flatDescriptor(codeAttributes), flatDescriptor(kData),
                                      0x0000'8900'0000'0067};
    VcpuRegisters registers;
    registers.gdt.base =
        TRY(layout.put("the descriptor table", bytesOf(table), kConventionalMemory));
    registers.gdt.limit = static_cast<uint16_t>(table.size() * sizeof(uint64_t) - 1);
    const SegmentRegister data{0, 0xFFFFFFFF, kDataSelector, kData};
    registers.cs = {0, 0xFFFFFFFF, kCodeSelector, codeAttributes};
    registers.ds = registers.es = registers.fs = registers.gs = registers.ss = data;
    registers.tr = {0, 0x67, kTaskSelector, kBusyTask};
    registers.ldt = {0, 0, 0, kLocalTable};
    registers.cr0 = kCr0Protected | kCr0ExtensionType;
    registers.rflags = 2; // the bit that is always set
    return registers;
}

} // namespace

Result<VcpuRegisters> flatProtectedMode(BootLayout& layout, uint32_t entry) {
    VcpuRegisters registers = TRY(flatSegments(layout, kCode32));
    registers.rip = entry;
    return registers;
}

Result<VcpuRegisters> identityLongMode(BootLayout& layout, uint64_t entry) {
    constexpr uint64_t kPageBytes = 4096, kEntries = 512, kGiBTables = 4;
    constexpr uint64_t kPresentWritable = 3, kLargePage = 1 << 7, kLargePageBytes = 2 << 20;
    BootLayout::Place place = kConventionalMemory;
    place.alignment = kPageBytes;
    // One table of 512 GiB, one of 1 GiB entries, four of 2 MiB pages.
    GuestAddress root = TRY(layout.take("the page tables", (2 + kGiBTables) * kPageBytes, place));
    std::vector<uint64_t> tables((2 + kGiBTables) * kEntries);
    tables[0] = (root + kPageBytes) | kPresentWritable;
    for (uint64_t i = 0; i < kGiBTables; ++i)
        tables[kEntries + i] = (root + (2 + i) * kPageBytes) | kPresentWritable;
    for (uint64_t i = 0; i < kGiBTables * kEntries; ++i)
        tables[2 * kEntries + i] = i * kLargePageBytes | kPresentWritable | kLargePage;
    TRY(layout.write(root, bytesOf(tables)));

    VcpuRegisters registers = TRY(flatSegments(layout, kCode64));
    registers.rip = entry;
    registers.cr0 |= kCr0Paging;
    registers.cr3 = root;
    registers.cr4 = kCr4PhysicalAddressExtension;
    registers.efer = kEferLongModeEnable | kEferLongModeActive;
    return registers;
}

} // namespace vivarium
