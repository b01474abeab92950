// libFuzzer target: a guest that writes registers, RAM and command slots as the input says, while
// requests complete, fail and media change in between.

#include "tests/support/fuzz_input.h"
#include "vmm/devices/storage/test_support/ahci_driver.h"

#include <cerrno>

using namespace vivarium;
using test::AhciDriver;
using test::FuzzInput;

namespace {

test::DriverCommand takeCommand(FuzzInput& input) {
    test::DriverCommand command;
    command.command = input.take<uint8_t>();
    command.features = input.take<uint16_t>();
    command.count = input.take<uint16_t>();
    command.lba = input.take<uint32_t>();
    command.device = input.take<uint8_t>();
    auto shape = input.take<uint8_t>();
    command.isControl = shape & 0x80;
    command.control = shape & 0x04;
    if (shape & 0x40)
        command.packet = input.take<std::array<uint8_t, 16>>();
    for (int regions = shape & 0x03; regions > 0; --regions) {
        auto where = input.take<uint32_t>();
        auto sizeBytes = input.take<uint16_t>();
        command.regions.push_back(
            {where & 1 ? where : AhciDriver::kBuffer + (where & 0xFFFFF), sizeBytes + 1u});
    }
    return command;
}

void completeOne(AhciDriver& driver, uint8_t which) {
    driver.forgetEjected();
    MemoryBlockDevice* image = which & 1 ? driver.disk : driver.disc;
    if (!image || image->waiting() == 0)
        return;
    size_t index = (which >> 4) % image->waiting();
    if (which & 2)
        image->fail(index, which & 4 ? ENOSPC : EIO);
    else
        image->complete(index);
}

void changeDisc(AhciDriver& driver, uint8_t how) {
    auto disc = how & 1 ? AhciDriver::makeDisc(2048 * (1 + how % 7), how) : nullptr;
    auto* next = disc.get();
    auto changed = driver.bench.locked([&] {
        return driver.controller->changeMedium("cd", std::move(disc),
                                               how & 2 ? AhciController::ChangeMode::Force
                                                       : AhciController::ChangeMode::HonourLock);
    });
    if (changed)
        driver.disc = next;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    AhciDriver driver({.diskBytes = 32768, .discBytes = 16 * 2048});
    FuzzInput input(data, size);
    for (int step = 0; step < 400 && !input.empty(); ++step) {
        auto operation = input.take<uint8_t>();
        unsigned port = operation & 0x80 ? AhciDriver::kOptical : AhciDriver::kDisk;
        switch (operation & 0x0F) {
        case 0:
            driver.writeGlobal(input.take<uint16_t>() & 0xFFC, input.take<uint32_t>());
            break;
        case 1:
            driver.write(port, input.take<uint8_t>() & 0x7C, input.take<uint32_t>());
            break;
        case 2:
            driver.readGlobal(input.take<uint16_t>() & 0xFFF);
            break;
        case 3:
        case 4:
        case 5:
        case 6: {
            unsigned slot = input.take<uint8_t>() % ahci::kSlotCount;
            driver.prepare(port, slot, takeCommand(input));
            driver.issue(port, 1u << slot, operation & 0x40);
            break;
        }
        case 7:
            driver.put(input.take<uint32_t>() % test::DeviceBench::kRamBytes,
                       input.take<std::array<uint8_t, 16>>());
            break;
        case 8:
        case 9:
            completeOne(driver, input.take<uint8_t>());
            break;
        case 10:
            driver.bench.tasks.runPosted();
            break;
        case 11:
            driver.recover(port);
            break;
        case 12:
            driver.comreset(port);
            break;
        case 13:
            changeDisc(driver, input.take<uint8_t>());
            break;
        case 14:
            driver.bench.locked([&] { driver.controller->retryStalledRequests(); });
            break;
        case 15:
            driver.bench.locked([&] {
                auto offset = static_cast<uint16_t>(input.take<uint8_t>() & 0xFC);
                driver.controller->writeConfig(offset, 4, input.take<uint32_t>());
            });
            break;
        }
    }
    driver.finish();
    return 0;
}
