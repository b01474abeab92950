#pragma once

// The one test that every device passes (vmm/bus/device.h states the contract):
//     QCOMPARE(checkDeviceContract(contract), QString());
// PCI functions: tests/support/pci_device_contract.h.

#include "tests/support/device_test_doubles.h"
#include "vmm/bus/device.h"

#include <QString>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace vivarium::test {

struct PortRange {
    uint16_t base;
    uint32_t count;
};
struct AddressRange {
    GuestAddress base;
    uint64_t sizeBytes;
};

// What the check needs to know of a device. Only `make` is required.
struct DeviceContract {
    // A fresh device in `bench`; what it borrows beyond the bench must outlive the check.
    std::function<std::unique_ptr<Device>(DeviceBench& bench)> make;
    std::vector<PortRange> ports;     // where random accesses go
    std::vector<AddressRange> memory; // likewise
    // One random action beyond ports, memory and time (input, media change, configuration space).
    // Called with the device lock free.
    std::function<void(DeviceBench& bench, Device& device, std::mt19937_64& random)> poke;
    // Brings back the fresh state; for devices whose reset keeps something (a battery).
    std::function<void(Device& device)> makeFresh = [](Device& device) { device.reset(); };
    // Waits for host I/O; the default runs posted tasks.
    std::function<void(DeviceBench& bench, Device& device)> settle =
        [](DeviceBench& bench, Device&) { bench.tasks.runPosted(); };
    // Whether a restored device must behave as the saved one does from there on (not when outcomes
    // depend on a backend outside the bench).
    bool compareBehaviour = true;
    unsigned accesses = 4000;
    unsigned damagedStates = 60;
    uint64_t seed = 1;
};

// Guest-like numbers: small, all ones, single bits, RAM addresses, noise.
inline uint64_t interestingValue(std::mt19937_64& random) {
    switch (random() % 6) {
    case 0:
        return random() % 16;
    case 1:
        return ~uint64_t{0};
    case 2:
        return uint64_t{1} << random() % 64;
    case 3:
        return random() % DeviceBench::kRamBytes & ~uint64_t{0xFFF};
    case 4:
        return random() % 256;
    default:
        return random();
    }
}

namespace contract_detail {

// Runs one device through random accesses; what reads returned goes into `trace`.
class Exerciser {
public:
    Exerciser(const DeviceContract& contract, DeviceBench& bench, Device& device, uint64_t seed)
        : m_contract(contract), m_bench(bench), m_device(device), m_random(seed) {}

    void run(unsigned accesses) {
        for (unsigned i = 0; i < accesses; ++i)
            step();
        m_contract.settle(m_bench, m_device);
    }
    const std::vector<uint64_t>& trace() const { return m_trace; }

private:
    void step() {
        switch (m_random() % 16) {
        case 0:
            m_bench.advance(uint64_t{1} << m_random() % 28, 100);
            break;
        case 1:
            m_contract.settle(m_bench, m_device);
            break;
        case 2:
        case 3:
        case 4:
            if (m_contract.poke)
                m_contract.poke(m_bench, m_device, m_random);
            break;
        default:
            if (!m_contract.ports.empty() && (m_contract.memory.empty() || m_random() % 2))
                accessPort();
            else if (!m_contract.memory.empty())
                accessMemory();
        }
    }
    void accessPort() {
        const PortRange& range = m_contract.ports[m_random() % m_contract.ports.size()];
        auto port = static_cast<uint16_t>(range.base + m_random() % range.count);
        unsigned sizeBytes = 1u << m_random() % 3;
        if (m_random() % 2)
            m_bench.ports.write(port, sizeBytes, static_cast<uint32_t>(interestingValue(m_random)));
        else
            m_trace.push_back(m_bench.ports.read(port, sizeBytes));
    }
    void accessMemory() {
        const AddressRange& range = m_contract.memory[m_random() % m_contract.memory.size()];
        unsigned sizeBytes = 1u << m_random() % 4;
        GuestAddress address = range.base + m_random() % range.sizeBytes;
        if (m_random() % 4) // mostly as drivers do it
            address &= ~uint64_t{sizeBytes - 1};
        if (m_random() % 2)
            m_bench.writeMemory(address, sizeBytes, interestingValue(m_random));
        else
            m_trace.push_back(m_bench.readMemory(address, sizeBytes));
    }

    const DeviceContract& m_contract;
    DeviceBench& m_bench;
    Device& m_device;
    std::mt19937_64 m_random;
    std::vector<uint64_t> m_trace;
};

inline std::vector<uint8_t> saveDevice(DeviceBench& bench, const Device& device) {
    return bench.locked([&] {
        StateWriter writer;
        device.save(writer);
        return writer.finish();
    });
}

inline Result<void> restoreDevice(DeviceBench& bench, Device& device,
                                  const std::vector<uint8_t>& state) {
    return bench.locked([&]() -> Result<void> {
        StateReader reader = TRY(StateReader::open(state));
        return device.restore(reader);
    });
}

// The payload of the device's section, to be damaged and sealed again with a right checksum.
inline std::vector<uint8_t> sectionPayload(const Device& device,
                                           const std::vector<uint8_t>& state) {
    auto reader = StateReader::open(state);
    if (!reader || !reader->enterSection(device.name(), device.stateVersion()))
        return {};
    std::vector<uint8_t> payload(reader->remainingBytes());
    for (uint8_t& byte : payload)
        if (!reader->fields(byte))
            return {};
    return payload;
}

inline std::vector<uint8_t> sealSection(std::string_view name, uint32_t version,
                                        const std::vector<uint8_t>& payload) {
    StateWriter writer;
    writer.beginSection(name, version);
    for (uint8_t byte : payload)
        writer.fields(byte);
    return writer.finish();
}

// A world of the same time and RAM as `other`.
inline std::unique_ptr<DeviceBench> twinBench(DeviceBench& other) {
    auto bench = std::make_unique<DeviceBench>();
    bench->clock.setNowNs(other.clock.nowNs());
    auto from = other.memory.mapping().bytes();
    std::copy(from.begin(), from.end(), bench->memory.mapping().data());
    return bench;
}

inline void damage(std::vector<uint8_t>& payload, std::mt19937_64& random) {
    if (random() % 4 == 0) {
        payload.resize(random() % (payload.size() + 1));
        return;
    }
    for (unsigned flips = 1 + random() % 8; flips > 0 && !payload.empty(); --flips) {
        uint8_t& byte = payload[random() % payload.size()];
        byte = random() % 2 ? static_cast<uint8_t>(byte ^ 1u << random() % 8)
                            : static_cast<uint8_t>(interestingValue(random));
    }
}

} // namespace contract_detail

// Checks the contract; an empty string, or the first violation.
inline QString checkDeviceContract(const DeviceContract& contract) {
    using namespace contract_detail;
    std::mt19937_64 random(contract.seed);
    auto firstBench = std::make_unique<DeviceBench>();
    for (uint64_t i = 0; i < DeviceBench::kRamBytes; i += 8)
        storeLe<uint64_t>(firstBench->memory.mapping().data() + i, interestingValue(random));
    std::unique_ptr<Device> first = contract.make(*firstBench);
    auto freshOf = [&](DeviceBench& like) { // state of a device made at this moment
        auto bench = twinBench(like);
        std::unique_ptr<Device> device = contract.make(*bench);
        return saveDevice(*bench, *device);
    };
    if (sectionPayload(*first, saveDevice(*firstBench, *first)).empty() &&
        saveDevice(*firstBench, *first).size() > StateWriter().finish().size() + 32)
        return QStringLiteral("the saved section is not called name() with stateVersion()");

    // Reset gives the fresh state, from wherever the guest has driven the device.
    for (unsigned round = 0; round < 3; ++round) {
        Exerciser(contract, *firstBench, *first, random()).run(contract.accesses);
        firstBench->locked([&] { contract.makeFresh(*first); });
        contract.settle(*firstBench, *first);
        if (saveDevice(*firstBench, *first) != freshOf(*firstBench))
            return QStringLiteral("reset differs from fresh (round %1)").arg(round);
    }

    // A restored device is the saved one: same state, same lines, same answers.
    Exerciser(contract, *firstBench, *first, random()).run(contract.accesses);
    std::vector<uint8_t> saved = saveDevice(*firstBench, *first);
    auto secondBench = twinBench(*firstBench);
    std::unique_ptr<Device> second = contract.make(*secondBench);
    if (auto restored = restoreDevice(*secondBench, *second, saved); !restored)
        return QStringLiteral("restore fails: ") + QString::fromStdString(restored.error().detail);
    if (saveDevice(*secondBench, *second) != saved)
        return QStringLiteral("save, restore, save is not the same");
    if (secondBench->interrupts.highLines() != firstBench->interrupts.highLines())
        return QStringLiteral("restore leaves other interrupt lines high");
    if (contract.compareBehaviour) {
        uint64_t seed = random();
        Exerciser original(contract, *firstBench, *first, seed);
        Exerciser copy(contract, *secondBench, *second, seed);
        original.run(contract.accesses);
        copy.run(contract.accesses);
        if (original.trace() != copy.trace())
            return QStringLiteral("a restored device answers differently");
        if (saveDevice(*firstBench, *first) != saveDevice(*secondBench, *second))
            return QStringLiteral("a restored device ends in another state");
        saved = saveDevice(*firstBench, *first);
    }

    // Damaged states give an error and a fresh device, or a state that holds the contract.
    std::vector<uint8_t> payload = sectionPayload(*first, saved);
    uint32_t version = first->stateVersion();
    std::string name(first->name());
    if (!payload.empty()) {
        if (restoreDevice(*firstBench, *first, sealSection(name, version + 1, payload)))
            return QStringLiteral("a state of a newer version is accepted");
        if (restoreDevice(*firstBench, *first, sealSection(name + "-x", version, payload)))
            return QStringLiteral("a state without the device's section is accepted");
    }
    for (unsigned round = 0; round < contract.damagedStates && !payload.empty(); ++round) {
        std::vector<uint8_t> damaged = payload;
        damage(damaged, random);
        auto result = restoreDevice(*firstBench, *first, sealSection(name, version, damaged));
        contract.settle(*firstBench, *first);
        if (!result) {
            // The RAM and the time are the bench's; only the device is compared.
            firstBench->locked([&] { contract.makeFresh(*first); });
            if (saveDevice(*firstBench, *first) != freshOf(*firstBench))
                return QStringLiteral("a refused state leaves the device unusable");
            continue;
        }
        std::vector<uint8_t> accepted = saveDevice(*firstBench, *first);
        auto thirdBench = twinBench(*firstBench);
        std::unique_ptr<Device> third = contract.make(*thirdBench);
        if (!restoreDevice(*thirdBench, *third, accepted) ||
            saveDevice(*thirdBench, *third) != accepted)
            return QStringLiteral("an accepted damaged state does not survive save and restore");
        Exerciser(contract, *firstBench, *first, random()).run(200);
        firstBench->locked([&] { contract.makeFresh(*first); });
        contract.settle(*firstBench, *first);
        if (saveDevice(*firstBench, *first) != freshOf(*firstBench))
            return QStringLiteral("reset after a damaged state differs from fresh");
    }
    return {};
}

} // namespace vivarium::test
