#pragma once

#include "vmm/base/bytes.h"
#include "vmm/firmware/boot/direct_boot.h"

#include <cstdint>
#include <string>
#include <vector>

#include <elf.h>

// Kernels made by hand, as small as their formats allow.
namespace vivarium::test {

using Bytes = std::vector<uint8_t>;

inline std::vector<BootMemoryRange> pcMemoryMap(uint64_t ramBytes) {
    using Type = BootMemoryRange::Type;
    return {{0, 0x9FC00, Type::Usable},
            {0x9FC00, 0x60400, Type::Reserved},
            {0x100000, ramBytes - 0x100000, Type::Usable}};
}

struct TestSegment {
    uint64_t address;
    Bytes bytes;
    uint64_t memoryBytes;
    uint64_t virtualAddress;
};

template <class T>
void appendStruct(Bytes& bytes, const T& value) {
    auto* data = reinterpret_cast<const uint8_t*>(&value);
    bytes.insert(bytes.end(), data, data + sizeof value);
}

inline Bytes noteBytes(const std::string& owner, uint32_t type, const Bytes& descriptor) {
    Bytes note;
    appendStruct(note, Elf64_Nhdr{static_cast<uint32_t>(owner.size() + 1),
                                  static_cast<uint32_t>(descriptor.size()), type});
    note.insert(note.end(), owner.begin(), owner.end());
    note.push_back(0);
    note.resize(alignUp(note.size(), 4));
    note.insert(note.end(), descriptor.begin(), descriptor.end());
    note.resize(alignUp(note.size(), 4));
    return note;
}

// Segments first, then the notes; `Header` and `Program` choose 32 or 64 bits.
template <class Header, class Program>
Bytes elfFile(uint64_t entry, const std::vector<TestSegment>& segments, const Bytes& notes = {}) {
    constexpr bool kWide = sizeof(Header) == sizeof(Elf64_Ehdr);
    const size_t count = segments.size() + (notes.empty() ? 0 : 1);
    Header header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = kWide ? ELFCLASS64 : ELFCLASS32;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_EXEC;
    header.e_machine = kWide ? EM_X86_64 : EM_386;
    header.e_version = EV_CURRENT;
    header.e_entry = static_cast<decltype(header.e_entry)>(entry);
    header.e_phoff = sizeof header;
    header.e_phentsize = sizeof(Program);
    header.e_phnum = static_cast<uint16_t>(count);
    Bytes file;
    appendStruct(file, header);
    uint64_t offset = sizeof header + count * sizeof(Program);
    auto append = [&](uint32_t type, const TestSegment& segment) {
        Program program{};
        program.p_type = type;
        program.p_offset = static_cast<decltype(program.p_offset)>(offset);
        program.p_vaddr = static_cast<decltype(program.p_vaddr)>(segment.virtualAddress);
        program.p_paddr = static_cast<decltype(program.p_paddr)>(segment.address);
        program.p_filesz = static_cast<decltype(program.p_filesz)>(segment.bytes.size());
        program.p_memsz = static_cast<decltype(program.p_memsz)>(segment.memoryBytes);
        appendStruct(file, program);
        offset += segment.bytes.size();
    };
    for (const TestSegment& segment : segments)
        append(PT_LOAD, segment);
    if (!notes.empty())
        append(PT_NOTE, {0, notes, notes.size(), 0});
    for (const TestSegment& segment : segments)
        file.insert(file.end(), segment.bytes.begin(), segment.bytes.end());
    file.insert(file.end(), notes.begin(), notes.end());
    return file;
}

inline Bytes elf32(uint64_t entry, const std::vector<TestSegment>& segments,
                   const Bytes& notes = {}) {
    return elfFile<Elf32_Ehdr, Elf32_Phdr>(entry, segments, notes);
}
inline Bytes elf64(uint64_t entry, const std::vector<TestSegment>& segments,
                   const Bytes& notes = {}) {
    return elfFile<Elf64_Ehdr, Elf64_Phdr>(entry, segments, notes);
}

inline Bytes multibootHeader(uint32_t flags, const std::vector<uint32_t>& addresses = {}) {
    Bytes header;
    appendStruct(header, uint32_t{0x1BADB002});
    appendStruct(header, flags);
    appendStruct(header, 0u - 0x1BADB002u - flags);
    for (uint32_t address : addresses)
        appendStruct(header, address);
    return header;
}

// A bzImage of one set-up sector with `code` behind it.
inline Bytes bzImage(size_t codeBytes) {
    Bytes file(1024 + codeBytes, 0xCC);
    std::fill_n(file.begin(), 1024, uint8_t{0});
    uint8_t* header = file.data();
    header[0x1F1] = 1;
    storeLe<uint16_t>(header + 0x1FE, 0xAA55);
    header[0x201] = 0x6A; // header ends at 0x26C
    storeLe<uint32_t>(header + 0x202, 0x53726448);
    storeLe<uint16_t>(header + 0x206, 0x020F);
    header[0x211] = 1;                             // loaded high
    storeLe<uint32_t>(header + 0x22C, 0x7FFFFFFF); // initrd_addr_max
    storeLe<uint32_t>(header + 0x230, 0x200000);   // kernel_alignment
    header[0x234] = 1;                             // relocatable
    storeLe<uint16_t>(header + 0x236, 1);          // 64-bit entry
    storeLe<uint32_t>(header + 0x238, 100);        // cmdline_size
    storeLe<uint64_t>(header + 0x258, 0x1000000);  // pref_address
    storeLe<uint32_t>(header + 0x260, 0x400000);   // init_size
    file[0x270] = 0xEE;                            // not part of the header any more
    return file;
}

} // namespace vivarium::test
