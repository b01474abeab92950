#include "vmm/devices/chipset/generation_id.h"

#include "tests/support/device_contract.h"
#include "tests/support/test_main.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::test;

namespace {

constexpr uint16_t kPm = 0x600;
constexpr uint16_t kGeneralStatus = kPm + 0x20; // ICH9 data sheet, 13.8.3.5
constexpr GenerationId::Uuid kFirst{0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
                                    0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F, 0x10};

struct Fixture {
    explicit Fixture(const GenerationId::Uuid& id)
        : pm(std::move(*AcpiPm::create(bench.ports, bench.interrupts, bench.timers, bench.system))),
          device(std::move(*GenerationId::create(bench.memoryMap, *pm, id))) {
        bench.locked([&] { pm->setBase(kPm); });
    }
    bool told() { return bench.ports.read(kGeneralStatus, 4) >> GenerationId::kEvent & 1; }
    std::vector<uint8_t> saved() {
        StateWriter writer;
        bench.locked([&] { device->save(writer); });
        return writer.finish();
    }
    bool restore(const std::vector<uint8_t>& state) {
        auto reader = StateReader::open(state);
        return reader && bench.locked([&] { return bool(device->restore(*reader)); });
    }

    DeviceBench bench;
    std::unique_ptr<AcpiPm> pm;
    std::unique_ptr<GenerationId> device;
};

} // namespace

class GenerationIdTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void theGuestReadsTheNumberAndCannotChangeIt() {
        Fixture f(kFirst);
        std::array<uint8_t, 16> seen{};
        f.bench.memoryMap.write(GenerationId::kBase, std::array<uint8_t, 4>{});
        f.bench.memoryMap.read(GenerationId::kBase, seen);
        const std::array<uint8_t, 16> expected{0x04, 0x03, 0x02, 0x01, 0x06, 0x05, 0x08, 0x07,
                                               0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F, 0x10};
        QCOMPARE(seen, expected);
    }

    void aStateOfAnotherGenerationRaisesTheEvent() {
        Fixture before(kFirst);
        const auto state = before.saved();
        Fixture same(kFirst);
        QVERIFY(same.restore(state));
        QVERIFY(!same.told());
        GenerationId::Uuid other = kFirst;
        other[0] = 0xFF;
        Fixture changed(other);
        QVERIFY(changed.restore(state));
        QVERIFY(changed.told());
        std::array<uint8_t, 16> seen{};
        changed.bench.memoryMap.read(GenerationId::kBase, seen);
        QCOMPARE(seen[3], uint8_t(0xFF)); // the saved number does not come back
    }
};

VIVARIUM_TEST(GenerationIdTest)
#include "generation_id_test.moc"
