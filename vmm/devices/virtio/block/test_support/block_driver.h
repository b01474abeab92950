#pragma once

#include "vmm/devices/storage/test_support/recording_storage_listener.h"
#include "vmm/devices/virtio/block/virtio_block.h"
#include "vmm/devices/virtio/block/virtio_block_registers.h"
#include "vmm/devices/virtio/test_support/virtio_driver.h"
#include "vmm/disk/test_support/memory_block_device.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace vivarium::test {

// A machine with nothing but a virtio disk "vd", and a small driver for it. Requests of the image
// wait until the test completes them.
class BlockDriver {
public:
    static constexpr PciAddress kSlot{8, 0};
    static constexpr uint64_t kDiskBytes = 1 << 20;
    // Headers and status bytes have a page each, by slot.
    static constexpr GuestAddress kHeaders = VirtioDriver::kBuffer;
    static constexpr GuestAddress kStatuses = VirtioDriver::kBuffer + 0x1000;
    static constexpr GuestAddress kData = VirtioDriver::kBuffer + 0x10000;

    struct Options {
        DriveErrorPolicy policy = DriveErrorPolicy::Report;
        MemoryBlockDevice::Access access = MemoryBlockDevice::Access::ReadWrite;
        unsigned queueCount = 2;
        uint64_t diskBytes = kDiskBytes;
    };
    BlockDriver() : BlockDriver(Options{}) {}
    explicit BlockDriver(const Options& options)
        : function(make(bench, router, listener, options)),
          disk(static_cast<MemoryBlockDevice*>(lastImage)), driver(bench, *function.transport) {
        for (size_t i = 0; i < disk->bytes().size(); ++i)
            disk->bytes()[i] = static_cast<uint8_t>(i / 512 + i);
    }

    static VirtioBlock::Function make(DeviceBench& bench, PciInterruptRouter& router,
                                      StorageListener& listener, const Options& options) {
        auto image = std::make_unique<MemoryBlockDevice>(options.diskBytes, options.access);
        lastImage = image.get();
        VirtioBlockDisk disk;
        disk.id = "vd";
        disk.image = std::move(image);
        disk.serialNumber = "SERIAL-2";
        disk.errorPolicy = options.policy;
        disk.queueCount = options.queueCount;
        auto made = VirtioBlock::create(kSlot,
                                        {{bench.ports, bench.memoryMap, bench.interrupts, router},
                                         bench.memory,
                                         bench.tasks,
                                         listener,
                                         nullptr},
                                        std::move(disk));
        return std::move(*made);
    }
    void start(uint64_t features = virtio_block::kFeatureFlush, uint16_t size = 16) {
        driver.start(features, static_cast<uint16_t>(queueCount()), size);
    }
    uint64_t queueCount() { return driver.read(virtio::kQueueCount, 2); }

    // Puts a request into `queue` without notifying; `slot` has its header and status. Its head.
    uint16_t add(uint16_t queue, unsigned slot, uint32_t type, uint64_t sector,
                 const std::vector<RingPiece>& output, const std::vector<RingPiece>& input) {
        GuestAddress header = kHeaders + 16u * slot;
        driver.putLe<uint32_t>(header, type);
        driver.putLe<uint32_t>(header + 4, 0);
        driver.putLe<uint64_t>(header + 8, sector);
        driver.putLe<uint8_t>(kStatuses + slot, 0xFF);
        std::vector<RingPiece> readable{{header, 16}};
        readable.insert(readable.end(), output.begin(), output.end());
        std::vector<RingPiece> writable = input;
        writable.push_back({kStatuses + slot, 1});
        return driver.addChain(queue, readable, writable);
    }
    uint8_t status(unsigned slot = 0) { return driver.getLe<uint8_t>(kStatuses + slot); }
    // One request, all the way; its status, 0xFF when it has not come back.
    uint8_t run(uint32_t type, uint64_t sector, const std::vector<RingPiece>& output,
                const std::vector<RingPiece>& input) {
        add(0, 0, type, sector, output, input);
        driver.notify(0);
        finish();
        used = driver.takeUsed(0);
        return status();
    }
    // Completes all waiting requests.
    void finish() {
        for (int i = 0; i < 10000; ++i) {
            unsigned work = bench.tasks.runPosted();
            if (disk->waiting() > 0) {
                disk->complete(0);
                ++work;
            }
            if (work == 0)
                return;
        }
    }
    std::vector<uint8_t> onDisk(uint64_t sector, uint64_t count) {
        auto begin = disk->bytes().begin() + static_cast<std::ptrdiff_t>(sector * 512);
        return {begin, begin + static_cast<std::ptrdiff_t>(count * 512)};
    }
    void resume() {
        bench.locked([&] { function.disk->retryStalledRequests(); });
    }

    DeviceBench bench;
    RecordingInterruptRouter router;
    RecordingStorageListener listener;
    static inline BlockDevice* lastImage = nullptr;
    VirtioBlock::Function function;
    MemoryBlockDevice* disk;
    VirtioDriver driver;
    std::vector<UsedElement> used;
};

} // namespace vivarium::test
