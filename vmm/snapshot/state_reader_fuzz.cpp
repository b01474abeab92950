#include "vmm/snapshot/ram_index.h"
#include "vmm/snapshot/state_reader.h"

#include <cstddef>
#include <cstdint>

using namespace vivarium;

// The first byte picks what is read of the section; the rest is the saved state, or the index of a
// saved memory.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0)
        return 0;
    auto reader = StateReader::open(ConstByteSpan(data, size).subspan(1));
    if (!reader)
        return 0;
    if (auto index = decodeRamIndex(ConstByteSpan(data, size).subspan(1)))
        if (decodeRamIndex(encodeRamIndex(*index))->runs != index->runs)
            __builtin_trap();
    for (const char* name : {"rtc", "i8042", "com1", ""}) {
        if (!reader->enterSection(name, 2))
            continue;
        for (unsigned step = 0; step < 8; ++step) {
            std::vector<uint8_t> bytes;
            std::string text;
            std::array<uint16_t, 5> numbers;
            bool flag;
            uint64_t wide;
            bool read = data[0] >> step & 1 ? reader->fields(flag, text, numbers).has_value()
                                            : reader->fields(wide, bytes).has_value();
            if (!read)
                break;
        }
    }
    return 0;
}
