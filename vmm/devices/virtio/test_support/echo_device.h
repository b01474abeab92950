#pragma once

#include "vmm/devices/virtio/test_support/virtio_driver.h"

#include <algorithm>
#include <string>
#include <vector>

namespace vivarium::test {

// A device that copies what it reads of a chain into what it may write of it, at once or, while
// `hold` is set, at releaseAll().
class EchoDevice final : public VirtioDevice {
public:
    static constexpr uint64_t kFeature = 1 << 3;
    static constexpr uint32_t kConfigBytes = 12;
    explicit EchoDevice(VirtioHost& host) : m_host(host) {}

    uint64_t features() const override { return kFeature; }
    std::vector<uint8_t> configuration() const override { return m_config; }
    void writeConfiguration(uint32_t offset, unsigned sizeBytes, uint32_t value) override {
        for (unsigned i = 0; i < sizeBytes; ++i)
            m_config[offset + i] = static_cast<uint8_t>(value >> (8 * i));
    }
    void start(uint64_t features) override { startedWith = features; }
    void queueNotified(unsigned queue) override {
        ++notifications;
        for (unsigned i = 0; i < m_host.queueSize(queue); ++i) {
            auto chain = m_host.take(queue);
            if (!chain)
                return;
            if (hold)
                m_held.push_back({queue, std::move(*chain)});
            else
                echo(queue, *chain);
        }
    }
    ResetProgress beginReset() override {
        m_held.clear();
        m_config = std::vector<uint8_t>(kConfigBytes, 0x11);
        return slowReset ? ResetProgress::Waiting : ResetProgress::Finished;
    }
    void finishReset() override { ++forcedResets; }
    void save(StateWriter& writer) const override {
        for (uint8_t byte : m_config)
            writer.fields(byte);
    }
    Result<void> restore(StateReader& reader) override {
        for (uint8_t& byte : m_config)
            TRY(reader.fields(byte));
        return {};
    }

    void releaseAll() {
        for (auto& [queue, chain] : std::exchange(m_held, {}))
            echo(queue, chain);
    }
    VirtioHost& host() { return m_host; }

    bool hold = false;
    bool slowReset = false;
    unsigned notifications = 0;
    unsigned forcedResets = 0;
    uint64_t startedWith = 0;

private:
    struct Held {
        unsigned queue;
        VirtioChain chain;
    };
    void echo(unsigned queue, const VirtioChain& chain) {
        std::vector<uint8_t> bytes;
        for (const iovec& piece : chain.readable) {
            auto* data = static_cast<const uint8_t*>(piece.iov_base);
            bytes.insert(bytes.end(), data, data + piece.iov_len);
        }
        size_t done = 0;
        for (const iovec& piece : chain.writable) {
            size_t part = std::min(bytes.size() - done, piece.iov_len);
            std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(done), part,
                        static_cast<uint8_t*>(piece.iov_base));
            done += part;
        }
        m_host.giveBack(queue, chain.head, static_cast<uint32_t>(done));
    }

    VirtioHost& m_host;
    std::vector<uint8_t> m_config = std::vector<uint8_t>(kConfigBytes, 0x11);
    std::vector<Held> m_held;
};

// A bench with an echo device of two queues and a driver for it.
class EchoBench {
public:
    static constexpr PciAddress kSlot{3, 0};
    explicit EchoBench(HostDoorbells* doorbells = nullptr)
        : transport(make(bench, router, doorbells)), driver(bench, *transport) {}

    static std::unique_ptr<VirtioPciTransport> make(DeviceBench& bench, PciInterruptRouter& router,
                                                    HostDoorbells* doorbells) {
        VirtioPciTransport::Options options;
        options.name = "echo";
        options.address = kSlot;
        options.type = VirtioType::Entropy;
        options.classCode = 0x00FF00;
        options.queueSizes = {64, 16};
        auto made = VirtioPciTransport::create(
            options,
            {{bench.ports, bench.memoryMap, bench.interrupts, router}, bench.memory, doorbells},
            [](VirtioHost& host) { return std::make_unique<EchoDevice>(host); });
        return std::move(*made);
    }
    EchoDevice& device() { return static_cast<EchoDevice&>(transport->device()); }
    bool line() const { return router.level(kSlot, 1); }

    DeviceBench bench;
    RecordingInterruptRouter router;
    std::unique_ptr<VirtioPciTransport> transport;
    VirtioDriver driver;
};

} // namespace vivarium::test
