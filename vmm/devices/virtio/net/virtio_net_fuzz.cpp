// libFuzzer target: a guest that writes registers, rings, packets and commands as the input says,
// on a network that sends everything back and other frames besides.

#include "tests/support/fuzz_input.h"
#include "vmm/devices/virtio/net/test_support/net_driver.h"

using namespace vivarium;
using test::NetDriver;
using test::VirtioDriver;

namespace {

uint16_t queueOf(uint8_t operation) {
    return static_cast<uint16_t>((operation >> 4) % virtio_net::kQueueCount);
}

test::RingPiece takePiece(test::FuzzInput& input) {
    auto where = input.take<uint32_t>();
    auto length = input.take<uint16_t>();
    return {where & 1 ? where : NetDriver::kReceive + (where & 0xFFFFE), length};
}

// Up to three pieces each way.
void addChain(NetDriver& d, test::FuzzInput& input) {
    auto shape = input.take<uint8_t>();
    auto queue = static_cast<uint16_t>(shape % virtio_net::kQueueCount);
    std::vector<test::RingPiece> readable, writable;
    for (int i = shape >> 2 & 3; i > 0; --i)
        readable.push_back(takePiece(input));
    for (int i = shape >> 4 & 3; i > 0; --i)
        writable.push_back(takePiece(input));
    if (readable.empty() && writable.empty())
        return;
    if (shape & 0x80)
        d.driver.addIndirect(queue, readable, writable);
    else
        d.driver.addChain(queue, readable, writable);
    if (shape & 0x40)
        d.driver.notify(queue);
}

void command(NetDriver& d, test::FuzzInput& input) {
    auto commandClass = input.take<uint8_t>();
    auto number = input.take<uint8_t>();
    NetDriver::Bytes data(input.take<uint8_t>() % 40);
    for (uint8_t& byte : data)
        byte = input.take<uint8_t>();
    d.command(commandClass % 5, number % 4, data);
}

MacAddress takeAddress(test::FuzzInput& input) {
    switch (input.take<uint8_t>() % 4) {
    case 0:
        return NetDriver::kOwn;
    case 1:
        return NetDriver::kBroadcast;
    case 2:
        return NetDriver::kMulticast;
    default:
        return {input.take<std::array<uint8_t, 6>>()};
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    NetDriver d;
    test::FuzzInput input(data, size);
    const uint64_t features = virtio::kFeatureIndirect | input.take<uint32_t>() % 0x80000000;
    d.start(features, 8);
    if (!(d.driver.status() & virtio::kStatusDriverOk))
        d.start(NetDriver::kAllFeatures | virtio::kFeatureIndirect, 8);
    for (int step = 0; step < 400 && !input.empty(); ++step) {
        auto operation = input.take<uint8_t>();
        switch (operation & 0x0F) {
        case 0:
        case 1:
        case 2:
            addChain(d, input);
            break;
        case 3:
            command(d, input);
            break;
        case 4:
            d.driver.notify(operation >> 4 & 3);
            break;
        case 5: // any descriptor
            d.driver.putDescriptor(VirtioDriver::area(queueOf(operation)),
                                   input.take<uint8_t>() % 8, input.take<uint32_t>(),
                                   input.take<uint32_t>(), input.take<uint16_t>() & 7,
                                   input.take<uint16_t>() % 10);
            break;
        case 6:
            d.driver.makeAvailable(queueOf(operation), input.take<uint8_t>() % 9);
            break;
        case 7:
            d.driver.setAvailableIndex(queueOf(operation), input.take<uint16_t>());
            break;
        case 8: {
            const MacAddress destination = takeAddress(input);
            d.give(NetDriver::frame(destination, input.take<uint16_t>() % 2000));
            break;
        }
        case 9:
            d.bench.tasks.runPosted(50);
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
            d.start(NetDriver::kAllFeatures | virtio::kFeatureIndirect | virtio::kFeatureEventIndex,
                    8);
            break;
        case 13:
            d.port.loops = operation & 0x10;
            d.bench.locked(
                [&] { d.port.setLink(operation & 0x20 ? LinkState::Up : LinkState::Down); });
            break;
        case 14:
            if (d.replaceCard(operation & 0x10 ? NetDriver::kOwn : NetDriver::kOther))
                d.resume();
            break;
        case 15:
            d.bench.locked([&] {
                auto offset = static_cast<uint16_t>(input.take<uint8_t>() & 0xFC);
                d.function.transport->writeConfig(offset, 4, input.take<uint32_t>());
            });
            break;
        }
    }
    return 0;
}
