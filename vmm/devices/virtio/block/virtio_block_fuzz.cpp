// libFuzzer target: a guest that writes registers, rings and descriptors as the input says, while
// requests complete and fail in between.

#include "tests/support/fuzz_input.h"
#include "vmm/devices/virtio/block/test_support/block_driver.h"

#include <cerrno>

using namespace vivarium;
using test::BlockDriver;
using test::VirtioDriver;

namespace {

test::RingPiece takePiece(test::FuzzInput& input) {
    auto where = input.take<uint32_t>();
    auto length = input.take<uint16_t>();
    return {where & 1 ? where : BlockDriver::kData + (where & 0xFFFFE), length};
}

void addRequest(BlockDriver& d, test::FuzzInput& input) {
    auto shape = input.take<uint8_t>();
    uint16_t queue = shape & 1;
    std::vector<test::RingPiece> output, data;
    for (int i = shape >> 1 & 3; i > 0; --i)
        output.push_back(takePiece(input));
    for (int i = shape >> 3 & 3; i > 0; --i)
        data.push_back(takePiece(input));
    unsigned slot = shape >> 5;
    uint32_t type = input.take<uint8_t>() % 16;
    uint64_t sector = input.take<uint16_t>();
    if (type == 15) { // no header, no status, indirect
        d.driver.addIndirect(queue, output, data);
        return;
    }
    d.add(queue, slot, type, sector, output, data);
}

void completeOne(BlockDriver& d, uint8_t how) {
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
    BlockDriver d({.diskBytes = 65536});
    test::FuzzInput input(data, size);
    d.start(virtio::kFeatureIndirect | input.take<uint64_t>() % 0x80000000, 8);
    if (!(d.driver.status() & virtio::kStatusDriverOk))
        d.start(virtio::kFeatureIndirect | virtio::kFeatureEventIndex, 8);
    for (int step = 0; step < 400 && !input.empty(); ++step) {
        auto operation = input.take<uint8_t>();
        switch (operation & 0x0F) {
        case 0:
        case 1:
        case 2:
        case 3:
            addRequest(d, input);
            if (operation & 0x10)
                d.driver.notify(operation & 1);
            break;
        case 4:
            d.driver.notify(operation >> 4 & 3);
            break;
        case 5: // any descriptor
            d.driver.putDescriptor(VirtioDriver::area(operation >> 4 & 1),
                                   input.take<uint8_t>() % 8, input.take<uint32_t>(),
                                   input.take<uint32_t>(), input.take<uint16_t>() & 7,
                                   input.take<uint16_t>() % 10);
            break;
        case 6:
            d.driver.makeAvailable(operation >> 4 & 1, input.take<uint8_t>() % 9);
            break;
        case 7:
            d.driver.setAvailableIndex(operation >> 4 & 1, input.take<uint16_t>());
            break;
        case 8:
            completeOne(d, input.take<uint8_t>());
            break;
        case 9:
            d.bench.tasks.runPosted();
            break;
        case 10:
            d.driver.write(input.take<uint8_t>() % 64, 1u << (operation >> 4 & 3),
                           input.take<uint64_t>());
            break;
        case 11:
            d.driver.put(input.take<uint32_t>() % test::DeviceBench::kRamBytes,
                         input.take<std::array<uint8_t, 16>>());
            break;
        case 12:
            d.start(virtio::kFeatureIndirect | virtio::kFeatureEventIndex, 8);
            break;
        case 13:
            d.resume();
            break;
        case 14:
            d.driver.writeDevice(input.take<uint8_t>(), 1u << (operation >> 4 & 3),
                                 input.take<uint64_t>());
            break;
        case 15:
            d.bench.locked([&] {
                auto offset = static_cast<uint16_t>(input.take<uint8_t>() & 0xFC);
                d.function.transport->writeConfig(offset, 4, input.take<uint32_t>());
            });
            break;
        }
    }
    d.finish();
    return 0;
}
