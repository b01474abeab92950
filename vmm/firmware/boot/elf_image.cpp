#include "vmm/firmware/boot/elf_image.h"

#include "vmm/base/log.h"

#include <algorithm>

#include <elf.h>

namespace vivarium {

namespace {

constexpr size_t kMaxSegments = 128; // real kernels have fewer than ten

template <class T>
std::optional<T> readStruct(ConstByteSpan file, uint64_t offset) {
    if (!rangeFits(offset, sizeof(T), file.size()))
        return std::nullopt;
    T value;
    std::memcpy(&value, file.data() + offset, sizeof value);
    return value;
}

struct ProgramHeader {
    uint32_t type;
    uint64_t offset, fileBytes, memoryBytes, virtualAddress, physicalAddress;
};

template <class Header, class Program>
Result<std::vector<ProgramHeader>> readProgramHeaders(ConstByteSpan file, const Header& header) {
    if (header.e_phentsize != sizeof(Program))
        return fail(ErrorCode::Corrupt, "ELF: program headers of a wrong size");
    if (header.e_phnum > kMaxSegments)
        return fail(ErrorCode::LimitExceeded, "ELF: too many program headers");
    std::vector<ProgramHeader> result;
    for (uint32_t i = 0; i < header.e_phnum; ++i) {
        auto offset = checkedAdd(uint64_t{header.e_phoff}, uint64_t{i} * sizeof(Program));
        auto program = offset ? readStruct<Program>(file, *offset) : std::nullopt;
        if (!program)
            return fail(ErrorCode::Corrupt, "ELF: program headers lie outside the file");
        result.push_back({program->p_type, program->p_offset, program->p_filesz, program->p_memsz,
                          program->p_vaddr, program->p_paddr});
    }
    return result;
}

// The last address must be representable.
bool wraps(uint64_t base, uint64_t sizeBytes) {
    return sizeBytes > 0 && !checkedAdd(base, sizeBytes - 1);
}

} // namespace

bool ElfImage::looksLikeElf(ConstByteSpan file) {
    return file.size() >= EI_NIDENT && std::memcmp(file.data(), ELFMAG, SELFMAG) == 0;
}

Result<ElfImage> ElfImage::parse(ConstByteSpan file) {
    if (!looksLikeElf(file))
        return fail(ErrorCode::Corrupt, "the file is not ELF");
    if (file[EI_DATA] != ELFDATA2LSB || file[EI_VERSION] != EV_CURRENT)
        return fail(ErrorCode::Unsupported, "ELF: not a little-endian file");
    ElfImage image;
    std::vector<ProgramHeader> programs;
    uint16_t type = 0, machine = 0;
    if (file[EI_CLASS] == ELFCLASS32) {
        auto header = readStruct<Elf32_Ehdr>(file, 0);
        if (!header)
            return fail(ErrorCode::Corrupt, "ELF: the file is truncated");
        type = header->e_type;
        machine = header->e_machine;
        image.m_entry = header->e_entry;
        programs = TRY((readProgramHeaders<Elf32_Ehdr, Elf32_Phdr>(file, *header)));
    } else if (file[EI_CLASS] == ELFCLASS64) {
        auto header = readStruct<Elf64_Ehdr>(file, 0);
        if (!header)
            return fail(ErrorCode::Corrupt, "ELF: the file is truncated");
        image.m_width = Width::Bits64;
        type = header->e_type;
        machine = header->e_machine;
        image.m_entry = header->e_entry;
        programs = TRY((readProgramHeaders<Elf64_Ehdr, Elf64_Phdr>(file, *header)));
    } else {
        return fail(ErrorCode::Corrupt, "ELF: unknown class");
    }
    if (type != ET_EXEC || (machine != EM_386 && machine != EM_X86_64))
        return fail(ErrorCode::Unsupported, "ELF: not a statically linked x86 executable");

    for (const ProgramHeader& program : programs) {
        if (program.type != PT_LOAD && program.type != PT_NOTE)
            continue;
        if (!rangeFits(program.offset, program.fileBytes, file.size()))
            return fail(ErrorCode::Corrupt, "ELF: a segment lies outside the file");
        auto bytes = file.subspan(program.offset, program.fileBytes);
        if (program.type == PT_NOTE) {
            image.m_notes.push_back(bytes);
            continue;
        }
        if (program.fileBytes > program.memoryBytes)
            return fail(ErrorCode::Corrupt, "ELF: a segment is larger in the file than in memory");
        if (wraps(program.physicalAddress, program.memoryBytes) ||
            wraps(program.virtualAddress, program.memoryBytes))
            return fail(ErrorCode::Corrupt, "ELF: a segment wraps around the address space");
        if (program.memoryBytes > 0)
            image.m_segments.push_back(
                {bytes, program.memoryBytes, program.virtualAddress, program.physicalAddress});
    }
    if (image.m_segments.empty())
        return fail(ErrorCode::Corrupt, "ELF: nothing to load");
    return image;
}

uint64_t ElfImage::physicalEntry() const {
    for (const Segment& segment : m_segments)
        if (m_entry >= segment.virtualAddress &&
            m_entry - segment.virtualAddress < segment.memoryBytes)
            return segment.physicalAddress + (m_entry - segment.virtualAddress);
    return m_entry;
}

// A note is three words (name size, descriptor size, type), the owner's name with its NUL and the
// descriptor, each padded to four bytes (System V ABI, "Note Section").
std::optional<ConstByteSpan> ElfImage::findNote(std::string_view owner, uint32_t type) const {
    for (ConstByteSpan notes : m_notes) {
        uint64_t offset = 0;
        while (rangeFits(offset, sizeof(Elf64_Nhdr), notes.size())) {
            auto header = *readStruct<Elf64_Nhdr>(notes, offset);
            uint64_t nameAt = offset + sizeof header;
            uint64_t descriptorAt = nameAt + alignUp(header.n_namesz, 4);
            if (!rangeFits(nameAt, header.n_namesz, notes.size()) ||
                !rangeFits(descriptorAt, header.n_descsz, notes.size()))
                break;
            auto name = notes.subspan(nameAt, header.n_namesz);
            if (header.n_type == type && name.size() == owner.size() + 1 && name.back() == 0 &&
                std::equal(owner.begin(), owner.end(), name.begin()))
                return notes.subspan(descriptorAt, header.n_descsz);
            offset = descriptorAt + alignUp(header.n_descsz, 4);
        }
    }
    return std::nullopt;
}

Result<GuestAddress> ElfImage::load(BootLayout& layout) const {
    GuestAddress end = 0;
    for (const Segment& segment : m_segments) {
        TRY(layout.claim("a segment of the kernel", segment.physicalAddress, segment.memoryBytes));
        TRY(layout.write(segment.physicalAddress, segment.bytes));
        TRY(layout.fillZero(segment.physicalAddress + segment.bytes.size(),
                            segment.memoryBytes - segment.bytes.size()));
        end = std::max(end, segment.physicalAddress + segment.memoryBytes);
    }
    return end;
}

} // namespace vivarium
