// libFuzzer target: a guest that writes registers, doorbells and commands as the input says, while
// requests complete and fail in between.

#include "tests/support/fuzz_input.h"
#include "vmm/devices/storage/test_support/nvme_driver.h"

#include <cerrno>

using namespace vivarium;
using test::NvmeDriver;

namespace {

uint64_t takeAddress(test::FuzzInput& input) {
    auto where = input.take<uint32_t>();
    return where & 1 ? where : NvmeDriver::kLists + (where & 0xFFFF8);
}

void issueCommand(NvmeDriver& d, test::FuzzInput& input, unsigned queue) {
    static constexpr uint8_t kIo[] = {0, 1, 2, 8, 9};
    auto opcode = input.take<uint8_t>();
    if (queue != 0 && opcode < 0xF0)
        opcode = kIo[opcode % 5];
    else if (opcode < 0xF0)
        opcode %= 13;
    uint32_t space = opcode & 0x80 ? input.take<uint32_t>() : 1;
    uint64_t prp1 = takeAddress(input), prp2 = takeAddress(input);
    uint32_t word10 = input.take<uint8_t>() | input.take<uint16_t>() << 16;
    uint32_t word11 = queue == 0 ? input.take<uint32_t>() & 0x001F0007 : 0;
    d.issue(queue, NvmeDriver::make(opcode, space, prp1, prp2, word10, word11,
                                    input.take<uint16_t>() & 0x3FF));
}

void completeOne(NvmeDriver& d, uint8_t how) {
    if (d.disk->waiting() == 0)
        return;
    size_t index = (how >> 4) % d.disk->waiting();
    if (how & 2)
        d.disk->fail(index, how & 4 ? ENOSPC : EIO);
    else
        d.disk->complete(index);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    NvmeDriver d({.diskBytes = 65536});
    d.start(2);
    test::FuzzInput input(data, size);
    for (int step = 0; step < 400 && !input.empty(); ++step) {
        auto operation = input.take<uint8_t>();
        unsigned queue = operation >> 4 & 3;
        switch (operation & 0x0F) {
        case 0:
        case 1:
            issueCommand(d, input, 0);
            break;
        case 2:
        case 3:
        case 4:
            issueCommand(d, input, 1 + queue % 2);
            break;
        case 5:
            completeOne(d, input.take<uint8_t>());
            break;
        case 6:
            d.bench.tasks.runPosted();
            break;
        case 7:
            d.takeCompletions(queue);
            break;
        case 8:
            d.write(nvme::kDoorbells + (input.take<uint8_t>() & 0xFC), input.take<uint16_t>() % 20);
            break;
        case 9:
            d.write(input.take<uint8_t>() & 0x3C, input.take<uint64_t>(), operation & 0x80 ? 8 : 4);
            break;
        case 10:
            d.put(input.take<uint32_t>() % test::DeviceBench::kRamBytes,
                  input.take<std::array<uint8_t, 16>>());
            break;
        case 11:
            d.start(2);
            break;
        case 12:
            d.resume();
            break;
        case 13:
            d.bench.locked([&] {
                auto offset = static_cast<uint16_t>(input.take<uint8_t>() & 0xFC);
                d.controller->writeConfig(offset, 4, input.take<uint32_t>());
            });
            break;
        case 14:
            d.putLe<uint64_t>(NvmeDriver::kLists + (input.take<uint16_t>() & 0x1FF8),
                              takeAddress(input) & ~uint64_t{operation & 0x80 ? 0xFFFu : 0u});
            break;
        case 15:
            d.bench.locked([&] { d.controller->imageResized(); });
            break;
        }
    }
    d.finish();
    return 0;
}
