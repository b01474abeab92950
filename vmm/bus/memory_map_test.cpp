#include "vmm/bus/memory_map.h"

#include "tests/support/test_main.h"
#include "vmm/base/shared_mapping.h"
#include "vmm/bus/fake_device.h"

#include <QTest>

#include <algorithm>

using namespace vivarium;
using vivarium::test::FakeDevice;

namespace {

class RecordingListener : public DirectMemoryListener {
public:
    void sectionRemoved(const DirectSection& section) override {
        log += "-" + describe(section);
        if (std::erase(sections, section) != 1)
            log += "(unknown)";
    }
    void sectionAdded(const DirectSection& section) override {
        log += "+" + describe(section);
        sections.push_back(section);
    }
    std::string takeLog() { return std::exchange(log, {}); }

    std::vector<DirectSection> sections;
    std::string log;

private:
    static std::string describe(const DirectSection& section) {
        char text[64];
        std::snprintf(text, sizeof text, "%llx+%llx%s ",
                      static_cast<unsigned long long>(section.base),
                      static_cast<unsigned long long>(section.sizeBytes),
                      section.access == DirectSection::Access::ReadOnly ? "ro" : "");
        return text;
    }
};

constexpr uint64_t kPage = 4096;

struct MapBench {
    DeviceLock lock;
    MemoryMap map{lock};
    SharedMapping storage = std::move(*SharedMapping::create("bus-test", 64 * kPage));
    RecordingListener listener;

    MapBench() { map.setListener(&listener); }
    MemoryMapping direct(MemoryKind kind, GuestAddress base, uint64_t sizeBytes,
                         uint64_t storageOffset = 0, int priority = 0, IoHandler handler = {}) {
        MemoryRegion region;
        region.name = "direct";
        region.base = base;
        region.sizeBytes = sizeBytes;
        region.kind = kind;
        region.host = storage.data() + storageOffset;
        region.handler = handler;
        region.priority = priority;
        return std::move(*map.map(region));
    }
    MemoryMapping ram(GuestAddress base, uint64_t sizeBytes, uint64_t storageOffset = 0,
                      int priority = 0) {
        return direct(MemoryKind::Ram, base, sizeBytes, storageOffset, priority);
    }
    Result<MemoryMapping> mmio(FakeDevice& device, GuestAddress base, uint64_t sizeBytes,
                               int priority = 0) {
        MemoryRegion region;
        region.name = "mmio";
        region.base = base;
        region.sizeBytes = sizeBytes;
        region.handler = device.handler();
        region.priority = priority;
        return map.map(region);
    }
    uint64_t read(GuestAddress address, unsigned sizeBytes) {
        uint64_t value = 0;
        map.read(address, {reinterpret_cast<uint8_t*>(&value), sizeBytes});
        return value;
    }
    void write(GuestAddress address, unsigned sizeBytes, uint64_t value) {
        map.write(address, {reinterpret_cast<const uint8_t*>(&value), sizeBytes});
    }
};

} // namespace

class MemoryMapTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void nothingReadsAllOnes() {
        MapBench bench;
        QCOMPARE(bench.read(0x1000, 8), UINT64_MAX);
        QCOMPARE(bench.read(UINT64_MAX - 1, 2), uint64_t(0xFFFF));
        bench.write(0, 8, 0);
        QVERIFY(bench.map.directSections().empty());
    }

    void ramIsCopied() {
        MapBench bench;
        auto ram = bench.ram(0x10000, 2 * kPage);
        bench.write(0x10FFC, 8, 0x1122334455667788); // over a page border
        QCOMPARE(bench.read(0x10FFC, 8), uint64_t(0x1122334455667788));
        QCOMPARE(loadLe<uint64_t>(bench.storage.data() + 0xFFC), uint64_t(0x1122334455667788));
        QCOMPARE(bench.read(0x11FFE, 4), uint64_t(0xFFFF0000)); // over the end
        QCOMPARE(bench.read(0xFFFE, 4), uint64_t(0xFFFF));      // over the beginning
    }

    void romIgnoresWritesOrHandsThemOn() {
        MapBench bench;
        FakeDevice flash(bench.lock);
        bench.storage.data()[0] = 0xAA;
        auto rom = bench.direct(MemoryKind::Rom, 0x10000, kPage);
        auto withHandler = bench.direct(MemoryKind::Rom, 0x20000, kPage, 0, 0, flash.handler());
        bench.write(0x10000, 1, 0x55);
        bench.write(0x20000, 1, 0x55);
        bench.write(0x20010, 4, 7);
        QCOMPARE(bench.read(0x10000, 1), uint64_t(0xAA));
        QCOMPARE(bench.read(0x20000, 1), uint64_t(0xAA));
        QCOMPARE(flash.takeLog(), std::string("w0:1=85 w16:4=7 "));
    }

    void mmioIsCalledInAlignedPieces() {
        MapBench bench;
        FakeDevice device(bench.lock, 0x10);
        auto mapping = bench.mmio(device, 0xFED00000, 0x400);
        QVERIFY(mapping);
        QCOMPARE(bench.read(0xFED00000, 8), uint64_t(0x1716151413121110));
        QCOMPARE(device.takeLog(), std::string("r0:8 "));
        QCOMPARE(bench.read(0xFED00003, 4), uint64_t(0x16151413));
        QCOMPARE(device.takeLog(), std::string("r3:1 r4:2 r6:1 "));
        bench.write(0xFED00004, 8, 0x0000000200000001);
        QCOMPARE(device.takeLog(), std::string("w4:4=1 w8:4=2 "));
        QCOMPARE(bench.read(0xFED003FC, 8), 0xFFFFFFFF00000000 | 0x0F0E0D0C);
        QCOMPARE(device.takeLog(), std::string("r1020:4 "));
        QVERIFY(device.wasLocked);
    }

    void dispatchCrossesRegions() {
        MapBench bench;
        FakeDevice device(bench.lock, 0x80);
        auto ram = bench.ram(0, kPage);
        auto mmio = bench.mmio(device, kPage, 4);
        bench.storage.data()[kPage - 1] = 0x11;
        QCOMPARE(bench.read(kPage - 1, 8), 0xFFFFFF0000000000 | 0x8382818011);
        bench.write(kPage - 2, 8, 0x0807060504030201);
        QCOMPARE(int(bench.storage.data()[kPage - 2]), 1);
        QCOMPARE(int(bench.storage.data()[kPage - 1]), 2);
        QVERIFY(device.takeLog().ends_with("w0:4=100992003 "));
    }

    void higherPriorityWins() {
        MapBench bench;
        FakeDevice low(bench.lock, 0x10), high(bench.lock, 0x20);
        auto ram = bench.ram(0, 4 * kPage);
        auto a = bench.mmio(low, kPage, kPage, 10);
        QCOMPARE(bench.read(kPage, 1), uint64_t(0x10));
        auto b = bench.mmio(high, kPage + 0x800, kPage, 20);
        QCOMPARE(bench.read(kPage + 0x7FF, 1), uint64_t(0x0F)); // 0x10 + 0x7FF
        QCOMPARE(bench.read(kPage + 0x800, 1), uint64_t(0x20));
        QCOMPARE(bench.read(2 * kPage, 1), uint64_t(0x20)); // over RAM, offset 0x800
        b->reset();
        QCOMPARE(bench.read(kPage + 0x800, 1), uint64_t(0x10));
        QCOMPARE(bench.read(2 * kPage, 1), uint64_t(0));
    }

    void theFirstOfEqualsWins() {
        MapBench bench;
        FakeDevice first(bench.lock, 1), second(bench.lock, 2);
        auto a = bench.mmio(first, 0x1000, 0x1000);
        auto b = bench.mmio(second, 0x1000, 0x1000);
        QCOMPARE(bench.read(0x1000, 1), uint64_t(1));
        a->reset();
        QCOMPARE(bench.read(0x1000, 1), uint64_t(2));
    }

    // What the host bridge does with the area below 1 MiB.
    void pamSwitching() {
        MapBench bench;
        uint8_t* ramByte = bench.storage.data() + 0x10000;
        bench.storage.data()[0] = 0x77; // the ROM's first byte
        auto rom = bench.direct(MemoryKind::Rom, 0xF0000, 0x10000, 0, 0);
        QCOMPARE(bench.read(0xF0000, 1), uint64_t(0x77));
        bench.listener.takeLog();
        auto shadow = bench.ram(0xF0000, 0x10000, 0x10000, 10);
        QCOMPARE(bench.listener.takeLog(), std::string("-f0000+10000ro +f0000+10000 "));
        bench.write(0xF0000, 1, 0x33);
        QCOMPARE(int(*ramByte), 0x33);
        {
            MemoryMap::Batch batch(bench.map);
            shadow.reset();
            shadow = bench.direct(MemoryKind::Rom, 0xF0000, 0x10000, 0x10000, 10);
        }
        QCOMPARE(bench.listener.takeLog(), std::string("-f0000+10000 +f0000+10000ro "));
        bench.write(0xF0000, 1, 0x44);
        QCOMPARE(bench.read(0xF0000, 1), uint64_t(0x33));
    }

    void listenerSeesDifferencesOnly() {
        MapBench bench;
        FakeDevice device(bench.lock);
        auto low = bench.ram(0, 0x10000);
        auto high = bench.ram(0x20000, 0x10000, 0x10000);
        QCOMPARE(bench.listener.takeLog(), std::string("+0+10000 +20000+10000 "));
        auto hole = bench.mmio(device, 0x4000, 0x1000, 10);
        QCOMPARE(bench.listener.takeLog(), std::string("-0+10000 +0+4000 +5000+b000 "));
        auto elsewhere = bench.mmio(device, 0x50000, 0x1000, 10);
        QCOMPARE(bench.listener.takeLog(), std::string());
        hole->reset();
        QCOMPARE(bench.listener.takeLog(), std::string("-0+4000 -5000+b000 +0+10000 "));
        RecordingListener late;
        bench.map.setListener(&late);
        QCOMPARE(late.takeLog(), std::string("+0+10000 +20000+10000 "));
        QCOMPARE(late.sections, bench.map.directSections());
        bench.map.setListener(nullptr);
        high.reset();
        QCOMPARE(late.takeLog(), std::string());
    }

    void smallMmioCutsWholePagesOutOfDirectMemory() {
        MapBench bench;
        FakeDevice device(bench.lock, 0x40);
        auto ram = bench.ram(0, 4 * kPage);
        bench.storage.data()[kPage] = 0x12;
        bench.storage.data()[2 * kPage - 1] = 0x34;
        auto registers = bench.mmio(device, kPage + 0x100, 0x10, 10);
        QCOMPARE(bench.map.directSections().size(), size_t(2));
        QCOMPARE(bench.map.directSections()[0].sizeBytes, kPage);
        QCOMPARE(bench.map.directSections()[1].base, 2 * kPage);
        QVERIFY(bench.map.directSections()[1].host == bench.storage.data() + 2 * kPage);
        QCOMPARE(bench.read(kPage, 1), uint64_t(0x12)); // the rest of the page still is RAM
        QCOMPARE(bench.read(2 * kPage - 1, 1), uint64_t(0x34));
        QCOMPARE(bench.read(kPage + 0x100, 1), uint64_t(0x40));
    }

    void batchesResolveOnce() {
        MapBench bench;
        auto ram = bench.ram(0, kPage);
        bench.listener.takeLog();
        {
            MemoryMap::Batch outer(bench.map);
            ram.reset();
            {
                MemoryMap::Batch inner(bench.map);
                ram = bench.ram(0, kPage);
            }
            QCOMPARE(bench.listener.takeLog(), std::string());
        }
        QCOMPARE(bench.listener.takeLog(), std::string()); // all as before: nothing to tell
        {
            MemoryMap::Batch batch(bench.map);
            ram.reset();
            QCOMPARE(bench.read(0, 1), uint64_t(0xFF)); // gone for accesses at once
        }
        QCOMPARE(bench.listener.takeLog(), std::string("-0+1000 "));
    }

    void dirtyLogIsPartOfASection() {
        MapBench bench;
        MemoryRegion region;
        region.name = "vga";
        region.base = 0xA0000;
        region.sizeBytes = 0x10000;
        region.kind = MemoryKind::Ram;
        region.host = bench.storage.data();
        region.dirtyLog = MemoryRegion::DirtyLog::On;
        auto mapping = bench.map.map(region);
        QVERIFY(bench.map.directSections()[0].dirtyLog == MemoryRegion::DirtyLog::On);
    }

    void badRegionsAreRefused() {
        MapBench bench;
        FakeDevice device(bench.lock);
        QVERIFY(!bench.mmio(device, 0x1000, 0));
        QVERIFY(!bench.mmio(device, UINT64_MAX - 0xFFF, 0x1000)); // what BAR sizing looks like
        QVERIFY(!bench.mmio(device, UINT64_MAX, 2));
        QVERIFY(bench.mmio(device, UINT64_MAX - 0x1FFF, 0x1000));
        MemoryRegion region;
        region.name = "bad";
        region.sizeBytes = kPage;
        QCOMPARE(bench.map.map(region).error().code, ErrorCode::InvalidArgument); // no handler
        region.kind = MemoryKind::Ram;
        QCOMPARE(bench.map.map(region).error().code, ErrorCode::InvalidArgument); // no memory
        region.host = bench.storage.data();
        region.base = 0x800;
        QCOMPARE(bench.map.map(region).error().code, ErrorCode::InvalidArgument);
        region.base = 0;
        region.sizeBytes = 0x800;
        QCOMPARE(bench.map.map(region).error().code, ErrorCode::InvalidArgument);
        QVERIFY(bench.map.directSections().empty());
    }

    void mappingsMove() {
        MapBench bench;
        MemoryMapping first = bench.ram(0, kPage);
        MemoryMapping second = std::move(first);
        QVERIFY(!first.mapped());
        QVERIFY(second.mapped());
        second = bench.ram(kPage, kPage);
        QCOMPARE(bench.map.directSections().size(), size_t(1));
        second.reset();
        second.reset();
        QVERIFY(bench.map.directSections().empty());
    }

    void randomMapsAgreeWithAModel() {
        MapBench bench;
        std::vector<std::unique_ptr<FakeDevice>> devices;
        struct Piece {
            GuestAddress base;
            uint64_t sizeBytes;
            int priority;
            int number; // in order of mapping
            MemoryMapping mapping;
            bool isRam;
            uint64_t storageOffset;
            FakeDevice* device;
        };
        std::vector<Piece> pieces;
        uint32_t seed = 12345;
        auto random = [&](uint32_t below) {
            seed = seed * 1664525 + 1013904223;
            return (seed >> 8) % below;
        };
        for (size_t i = 0; i < bench.storage.sizeBytes(); ++i)
            bench.storage.data()[i] = static_cast<uint8_t>(random(256));
        for (int round = 0; round < 200; ++round) {
            if (pieces.size() > 8 || (!pieces.empty() && random(3) == 0)) {
                pieces.erase(pieces.begin() + random(static_cast<uint32_t>(pieces.size())));
            } else if (random(2)) {
                uint64_t pages = 1 + random(4), at = random(16), from = random(60);
                int priority = static_cast<int>(random(3));
                pieces.push_back({at * kPage, pages * kPage, priority, round,
                                  bench.ram(at * kPage, pages * kPage, from * kPage, priority),
                                  true, from * kPage, nullptr});
            } else {
                devices.push_back(
                    std::make_unique<FakeDevice>(bench.lock, static_cast<uint8_t>(random(256))));
                uint64_t base = random(16 * 4096), size = 1 + random(9000);
                int priority = static_cast<int>(random(3));
                auto mapping = bench.mmio(*devices.back(), base, size, priority);
                pieces.push_back({base, size, priority, round, std::move(*mapping), false, 0,
                                  devices.back().get()});
            }
            for (int probe = 0; probe < 50; ++probe) {
                GuestAddress address = random(20 * 4096);
                const Piece* best = nullptr;
                for (const Piece& piece : pieces)
                    if (address >= piece.base && address - piece.base < piece.sizeBytes &&
                        (!best || piece.priority > best->priority ||
                         (piece.priority == best->priority && piece.number < best->number)))
                        best = &piece;
                uint64_t expected = 0xFF;
                if (best && best->isRam)
                    expected = bench.storage.data()[best->storageOffset + address - best->base];
                else if (best)
                    expected = static_cast<uint8_t>(best->device->tag + address - best->base);
                QCOMPARE(bench.read(address, 1), expected);
            }
            auto sorted = bench.listener.sections;
            std::sort(sorted.begin(), sorted.end(),
                      [](const auto& a, const auto& b) { return a.base < b.base; });
            QCOMPARE(sorted, bench.map.directSections());
            QVERIFY(bench.listener.takeLog().find("unknown") == std::string::npos);
        }
    }
};
VIVARIUM_TEST(MemoryMapTest)

#include "memory_map_test.moc"
