#pragma once

#include "tests/support/pci_device_contract.h"
#include "vmm/devices/pci/pci_registers.h"
#include "vmm/devices/storage/nvme_controller.h"
#include "vmm/devices/storage/test_support/recording_storage_listener.h"
#include "vmm/disk/test_support/memory_block_device.h"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace vivarium::test {

struct NvmeCompletion {
    uint32_t result = 0;
    uint16_t submissionHead = 0;
    uint16_t queue = 0;
    uint16_t commandId = 0;
    nvme::Status status = 0;
};

// A machine with nothing but an NVMe disk "nv", and a small driver for it: administration queues
// and any number of I/O queue pairs of 16 entries. Requests of the image wait until the test
// completes them.
class NvmeDriver {
public:
    static constexpr PciAddress kSlot{16, 0};
    static constexpr uint64_t kDiskBytes = 1 << 20;
    static constexpr uint32_t kEntries = 16;
    static constexpr GuestAddress kQueues = 0x100000; // two pages a queue pair
    static constexpr GuestAddress kLists = 0x1F0000;  // PRP lists
    static constexpr GuestAddress kData = 0x200000;

    struct Options {
        DriveErrorPolicy policy = DriveErrorPolicy::Report;
        MemoryBlockDevice::Access access = MemoryBlockDevice::Access::ReadWrite;
        uint64_t diskBytes = kDiskBytes;
    };
    NvmeDriver() : NvmeDriver(Options{}) {}
    explicit NvmeDriver(const Options& options)
        : controller(make(bench, router, listener, options)),
          disk(static_cast<MemoryBlockDevice*>(lastImage)) {
        for (size_t i = 0; i < disk->bytes().size(); ++i)
            disk->bytes()[i] = static_cast<uint8_t>(i / 512 + i);
        placeWindows();
    }

    static std::unique_ptr<NvmeController> make(DeviceBench& bench, PciInterruptRouter& router,
                                                StorageListener& listener, const Options& options) {
        auto image = std::make_unique<MemoryBlockDevice>(options.diskBytes, options.access);
        lastImage = image.get();
        auto made =
            NvmeController::create(kSlot,
                                   {{bench.ports, bench.memoryMap, bench.interrupts, router},
                                    bench.memory,
                                    bench.tasks,
                                    listener},
                                   {"nv", std::move(image), "SERIAL-3", options.policy});
        return std::move(*made);
    }

    // --- Registers ---
    void placeWindows() {
        auto windows = placeBars(bench, *controller);
        registers = windows.barAddress[nvme::kRegisterBar];
        msixTable = windows.barAddress[nvme::kMsixBar];
    }
    uint64_t read(uint32_t offset, unsigned sizeBytes = 4) {
        return bench.readMemory(registers + offset, sizeBytes);
    }
    void write(uint32_t offset, uint64_t value, unsigned sizeBytes = 4) {
        bench.writeMemory(registers + offset, sizeBytes, value);
    }
    void ring(unsigned queue, uint32_t tail) { write(nvme::kDoorbells + 8 * queue, tail); }
    void ringCompletion(unsigned queue, uint32_t head) {
        write(nvme::kDoorbells + 8 * queue + 4, head);
    }
    bool ready() { return read(nvme::kStatus) & nvme::kStatusReady; }
    bool line() const { return router.level(kSlot, 1); }
    void useMessages() {
        bench.locked([&] {
            uint32_t at = controller->readConfig(pci::kCapabilityPointer, 1);
            controller->writeConfig(static_cast<uint16_t>(at + pci::kMsixControl), 2,
                                    pci::kMsixEnable);
        });
        for (uint32_t vector = 0; vector < 4; ++vector) {
            bench.writeMemory(msixTable + vector * 16, 8, 0xFEE00000);
            bench.writeMemory(msixTable + vector * 16 + 8, 4, 0x40 + vector);
            bench.writeMemory(msixTable + vector * 16 + 12, 4, 0);
        }
    }

    // --- Life ---
    static GuestAddress submissionBase(unsigned queue) { return kQueues + queue * 0x2000; }
    static GuestAddress completionBase(unsigned queue) { return kQueues + queue * 0x2000 + 0x1000; }
    static constexpr uint32_t kEnable =
        nvme::kConfigEnable | nvme::kSubmissionEntryLog << nvme::kConfigSubmissionSizeShift |
        nvme::kCompletionEntryLog << nvme::kConfigCompletionSizeShift;
    void enable() {
        m_queues.clear();
        clearQueue(0);
        write(nvme::kConfiguration, 0);
        write(nvme::kAdminQueueAttributes, (kEntries - 1) << 16 | (kEntries - 1));
        write(nvme::kAdminSubmissionBase, submissionBase(0), 8);
        write(nvme::kAdminCompletionBase, completionBase(0), 8);
        write(nvme::kConfiguration, kEnable);
    }
    // Enabled, with `count` pairs of I/O queues; vector n for pair n.
    void start(unsigned count = 1) {
        enable();
        for (unsigned queue = 1; queue <= count; ++queue)
            createPair(queue);
    }
    nvme::Status createPair(unsigned queue, uint32_t entries = kEntries) {
        clearQueue(queue);
        auto status = admin(make(nvme::kCreateCompletionQueue, 0, completionBase(queue), 0,
                                 (entries - 1) << 16 | queue, queue << 16 | 3));
        if (status == nvme::kSuccess)
            status = admin(make(nvme::kCreateSubmissionQueue, 0, submissionBase(queue), 0,
                                (entries - 1) << 16 | queue, queue << 16 | 1));
        return status;
    }
    void clearQueue(unsigned queue) {
        put(submissionBase(queue), std::vector<uint8_t>(0x2000));
        m_queues[queue] = {};
    }

    // --- Commands ---
    static NvmeCommand make(uint8_t opcode, uint32_t space, uint64_t prp1, uint64_t prp2,
                            uint32_t word10 = 0, uint32_t word11 = 0, uint32_t word12 = 0) {
        NvmeCommand command;
        command.bytes[0] = opcode;
        storeLe<uint32_t>(&command.bytes[4], space);
        storeLe<uint64_t>(&command.bytes[24], prp1);
        storeLe<uint64_t>(&command.bytes[32], prp2);
        storeLe<uint32_t>(&command.bytes[40], word10);
        storeLe<uint32_t>(&command.bytes[44], word11);
        storeLe<uint32_t>(&command.bytes[48], word12);
        return command;
    }
    static NvmeCommand makeTransfer(uint8_t opcode, uint64_t sector, uint32_t count, uint64_t prp1,
                                    uint64_t prp2 = 0, uint32_t flags = 0) {
        return make(opcode, 1, prp1, prp2, static_cast<uint32_t>(sector),
                    static_cast<uint32_t>(sector >> 32), (count - 1) | flags);
    }
    // Puts a command into the queue and rings; its command id.
    uint16_t issue(unsigned queue, NvmeCommand command) {
        uint16_t id = add(queue, command);
        ring(queue, m_queues[queue].tail);
        return id;
    }
    uint16_t add(unsigned queue, NvmeCommand command) {
        Queue& state = m_queues[queue];
        uint16_t id = m_nextCommandId++;
        storeLe<uint16_t>(&command.bytes[2], id);
        put(submissionBase(queue) + 64 * state.tail, command.bytes);
        state.tail = (state.tail + 1) % kEntries;
        return id;
    }
    uint32_t tail(unsigned queue) { return m_queues[queue].tail; }
    // Completions since the last call; told to the controller unless `quietly`.
    enum class Telling { Told, Untold };
    std::vector<NvmeCompletion> takeCompletions(unsigned queue, Telling telling = Telling::Told) {
        Queue& state = m_queues[queue];
        std::vector<NvmeCompletion> list;
        for (;;) {
            auto entry = get(completionBase(queue) + 16 * state.head, 16);
            auto last = loadLe<uint32_t>(&entry[12]);
            if ((last >> 16 & 1) != state.phase || list.size() >= kEntries)
                break;
            list.push_back({loadLe<uint32_t>(&entry[0]), loadLe<uint16_t>(&entry[8]),
                            loadLe<uint16_t>(&entry[10]), static_cast<uint16_t>(last),
                            static_cast<nvme::Status>(last >> 17)});
            state.head = (state.head + 1) % kEntries;
            if (state.head == 0)
                state.phase ^= 1;
        }
        if (!list.empty() && telling == Telling::Told)
            ringCompletion(queue, state.head);
        return list;
    }
    // All the way; kNoCompletion when there is none or another command's.
    static constexpr nvme::Status kNoCompletion = 0x7FFF;
    nvme::Status run(unsigned queue, const NvmeCommand& command) {
        uint16_t id = issue(queue, command);
        finish();
        auto list = takeCompletions(queue);
        if (list.size() != 1 || list[0].commandId != id || list[0].queue != queue)
            return kNoCompletion;
        lastResult = list[0].result;
        return list[0].status;
    }
    nvme::Status admin(const NvmeCommand& command) { return run(0, command); }
    nvme::Status identify(uint32_t structure, uint32_t space) {
        return admin(make(nvme::kIdentify, space, kData, 0, structure));
    }
    nvme::Status readSectors(uint64_t sector, uint32_t count) {
        return run(1, makeTransfer(nvme::kRead, sector, count, kData, kData + 0x1000));
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
    void resume() {
        bench.locked([&] { controller->retryStalledRequests(); });
    }

    // --- Memory ---
    void put(GuestAddress address, ConstByteSpan bytes) {
        [[maybe_unused]] bool written = bench.memory.write(address, bytes);
    }
    std::vector<uint8_t> get(GuestAddress address, size_t sizeBytes) {
        std::vector<uint8_t> bytes(sizeBytes);
        [[maybe_unused]] bool copied = bench.memory.read(address, bytes);
        return bytes;
    }
    template <class T>
    T getLe(GuestAddress address) {
        return bench.memory.readObject<T>(address).value_or(0);
    }
    template <class T>
    void putLe(GuestAddress address, std::type_identity_t<T> value) {
        [[maybe_unused]] bool written = bench.memory.writeObject<T>(address, value);
    }
    std::vector<uint8_t> onDisk(uint64_t sector, uint64_t count) {
        auto begin = disk->bytes().begin() + static_cast<std::ptrdiff_t>(sector * 512);
        return {begin, begin + static_cast<std::ptrdiff_t>(count * 512)};
    }

    DeviceBench bench;
    RecordingInterruptRouter router;
    RecordingStorageListener listener;
    static inline BlockDevice* lastImage = nullptr;
    std::unique_ptr<NvmeController> controller;
    MemoryBlockDevice* disk;
    GuestAddress registers = 0;
    GuestAddress msixTable = 0;
    uint32_t lastResult = 0;

private:
    struct Queue {
        uint32_t tail = 0;
        uint32_t head = 0;
        uint32_t phase = 1;
    };
    std::map<unsigned, Queue> m_queues;
    uint16_t m_nextCommandId = 100;
};

} // namespace vivarium::test
